"""What survives: the engine's records, in memory or in a database."""
