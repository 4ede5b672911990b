"""Figures, measured on the machine at hand: `python -m benchmarks.NAME`."""
