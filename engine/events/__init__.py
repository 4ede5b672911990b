"""Events as the outside sees them: their types and schemas, and the envelope that they travel in."""
