"""The secret key: where it may be, and the one object that signs."""
