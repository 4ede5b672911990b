"""Transactions: assembled, inspected, rehearsed, and marked so that one order lands once."""
