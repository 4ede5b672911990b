"""What a trade is. Pure: no I/O, no clock, no threads."""
