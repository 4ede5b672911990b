"""HTTP, and how often a server may be asked."""
