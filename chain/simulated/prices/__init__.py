"""Price paths for simulated markets: read from files, or generated."""
