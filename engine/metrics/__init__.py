"""What a monitoring system scrapes: figures of one engine, in a registry of its own.

There are two kinds of source. What happens is counted as the bus tells of it; what stands is read when somebody asks.
Neither waits for anyone: a listener takes microseconds on its publisher's thread, and whoever scrapes reads copies.
"""
