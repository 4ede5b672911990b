"""Token accounts and mints: what they are, and what keeps them from being sold."""
