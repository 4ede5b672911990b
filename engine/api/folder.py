"""Where the API keeps its files. It needs the settings alone, so that who only looks for a file loads no server."""

from __future__ import annotations

from pathlib import Path

from engine.config import Settings

TOKEN, AUDIT, SESSIONS = "api-token", "api-audit.jsonl", "api-sessions"
"""What is kept beside the database."""


def folder_of(settings: Settings) -> Path:
    """Return the folder that the database of *settings* is in; the working directory where it is no file."""
    path = settings.store.path
    return path.parent if path is not None else Path()


def token_file(settings: Settings) -> Path:
    """Return where the token of *settings* is."""
    return settings.api.token_file or folder_of(settings) / TOKEN
