"""The engine is killed between decision and fill, with a network that misbehaves, and started again.

The engine is the real one: its threads, real HTTP to the stand-ins of Solana and Jupiter, a SQLite file. It runs in a
process that ends itself by SIGKILL at an instrumented point, and the next process takes up what the first one left.
Whether that was right is read from the chain's own ledger. The wallet holds three times what the position does, so
that nothing but the engine keeps it from selling twice.
"""
