"""Who does it: the actors, on pykka. They match a message, call a pure function, perform its effects."""
