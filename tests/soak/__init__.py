"""One engine at work for a long time, with a network that misbehaves at every call.

The engine is the real one, in this process: its threads, HTTP and a websocket to the stand-ins of Solana and Jupiter,
a SQLite file. The stand-ins are a process of their own, so that what is measured is the engine's. Positions are opened
and left in every way, over and over; in the end the faults rest, everything is let finish, and the chain's own ledger
is compared with the database by what also judges the crashes (`tests.crash.oracle`).
"""
