"""Secrets that settings name: each is in an environment variable, or in a file that its owner alone can read."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from pydantic import SecretStr

from engine.config import keys
from engine.config.network import JupiterSection
from engine.config.sources import Entry
from engine.domain.errors import BadInputError

_NOT_THE_OWNER = stat.S_IRWXG | stat.S_IRWXO
_LONGEST = 4096
_ENV, _FILE, _PLAN = ("jupiter", "api_key_env"), ("jupiter", "api_key_file"), ("jupiter", "plan")


def secret_file(path: Path) -> SecretStr:
    """Return the secret in the file at *path*: one line.

    Raises:
        BadInputError: it cannot be read, holds no single line, or can be read by other users.
    """
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            text = b"" if mode & _NOT_THE_OWNER else file.read(_LONGEST + 1)
    except OSError as error:
        raise BadInputError(f"the secret file {path} cannot be read: {error.strerror}") from None
    if mode & _NOT_THE_OWNER:
        raise BadInputError(f"{path} can be read by other users (mode {mode:04o}): run chmod 600 {path}")
    secret = text.strip()
    if not secret or len(text) > _LONGEST or not secret.isascii() or len(secret.split()) != 1:
        raise BadInputError(f"{path} holds no secret: it should hold one line with nothing but the key")
    return SecretStr(secret.decode("ascii"))


def jupiter_key(
    winners: Mapping[keys.KeyPath, Entry], environ: Mapping[str, str]
) -> tuple[SecretStr | None, list[str]]:
    """Return Jupiter's API key, if there is one, and what is wrong with how it was named."""
    if (file := winners.get(_FILE)) and file.value is not None:
        try:
            return secret_file(file.value), []
        except BadInputError as error:
            return None, [f"{file.source}: {keys.dotted(_FILE)}: {error}"]
    named = winners.get(_ENV)
    name = named.value if named else JupiterSection().api_key_env
    value = environ.get(name, "").strip()
    if value:
        return SecretStr(value), []
    if named:
        return None, [f"{named.source}: {keys.dotted(_ENV)}: the environment variable {name} is not set"]
    plan = winners.get(_PLAN)
    if plan and plan.value not in (None, "keyless"):
        return None, [f"{plan.source}: {keys.dotted(_PLAN)}: {plan.value} needs a key: set {name}, or api_key_file"]
    return None, []
