"""The revisions of the schema, run by `engine.store.schema`."""
