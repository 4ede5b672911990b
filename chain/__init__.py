"""How Solana and Jupiter do it: clients, wallet, transactions and, in `simulated`, local stand-ins."""
