"""The HTTP interface of a running engine: what an operator can ask of it and have it do, and the events as they come.

It is an edge. Every command goes through `engine.app.Engine`, which asks the actors with time-outs; every list comes
out of the store. Nothing here decides anything about a trade.
"""
