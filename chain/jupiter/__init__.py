"""Jupiter: its APIs, its errors, its routes, and the venue over them."""
