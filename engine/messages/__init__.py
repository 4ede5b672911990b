"""What actors tell each other: frozen dataclasses, one module a conversation."""
