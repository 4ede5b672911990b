"""The message bus: what the actors did, for whoever watches."""
