"""Ripcord's engine: what a trade is, the ports it is reached through, and what wires them together."""

__version__ = "0.1.0"
