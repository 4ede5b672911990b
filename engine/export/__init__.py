"""Data out: fills, orders and positions as rows of exact figures, in CSV and JSON. Pure."""
