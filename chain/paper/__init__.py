"""Paper trading: the ports of a swap over a real cluster, on which nothing is ever sent.

Quotes and prices are live; what is built is simulated on the node, and the balances of the simulation are the fill.
See docs/paper.md for what that shows and what it cannot.
"""
