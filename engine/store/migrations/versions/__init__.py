"""One module for each revision, v0001 and up, in one line: each revises the one before it."""
