"""What sections are made of: one rule for keys that are none, and types that know their unit and range."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import base58
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo

_DAY = 86_400
_ADDRESS_BYTES = 32
_ENVIRONMENT_NAME = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")
_SECRET_KEY = re.compile(r"\[.*|[A-Za-z0-9+][A-Za-z0-9+/]{79,}={0,2}", re.DOTALL)
"""A list of bytes, or 64 bytes in hex, base58 or base64."""


class Section(BaseModel):
    """A table of settings. It cannot change, and knows no key but its own."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True, use_attribute_docstrings=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What the reference says of a setting beside its meaning."""

    unit: str = ""
    form: str = ""
    """What may be set, where the type and its range do not say it."""


def _environment_name(value: str) -> str:
    if not value or value[0].isdigit() or not set(value) <= _ENVIRONMENT_NAME:
        # What was given is not repeated: it may be the secret.
        raise ValueError(
            "should be the name of an environment variable, in capitals such as JUPITER_API_KEY; the secret itself "
            "is never written down here"
        )
    return value


def _address(value: str) -> str:
    try:
        length = len(base58.b58decode(value))
    except ValueError:
        length = 0
    if length != _ADDRESS_BYTES:
        raise ValueError(f"{value!r} is no address: give 32 bytes in base58")
    return value


def _no_key(value: str) -> str:
    if not value or _SECRET_KEY.fullmatch(value):
        raise ValueError("should be the path of a file; a secret key itself is never written down here")
    return value


def _file(value: Any, info: ValidationInfo) -> Any:
    """Let a path begin with ~, the home folder that the context names."""
    if not isinstance(value, str):
        return value
    home: Path = (info.context or {}).get("home") or Path("~").expanduser()
    return home / value[2:] if _no_key(value).startswith("~/") else Path(value)


def _sol(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError(f"should be an amount of SOL, not {value!r}")  # noqa: TRY004 - pydantic reads ValueError
    return Decimal(repr(value)) if isinstance(value, float) else value


Seconds = Annotated[float, Field(strict=True, ge=0, le=_DAY, allow_inf_nan=False), Told(unit="seconds")]
Interval = Annotated[float, Field(strict=True, gt=0, le=_DAY, allow_inf_nan=False), Told(unit="seconds")]
Share = Annotated[float, Field(strict=True, gt=0, lt=1, allow_inf_nan=False)]
Bps = Annotated[int, Field(strict=True, ge=0, le=10_000), Told(unit="basis points")]
Fee = Annotated[int, Field(strict=True, ge=0), Told(unit="lamports")]
Sol = Annotated[Decimal, BeforeValidator(_sol), Field(ge=0), Told(unit="SOL")]
EnvironmentName = Annotated[
    str, Field(strict=True), AfterValidator(_environment_name), Told(form="the name of an environment variable")
]
KeyName = Annotated[str, Field(strict=True), AfterValidator(_no_key), Told(form="a path, `env` or `env:NAME`")]
File = Annotated[Path, BeforeValidator(_file), Told(form="a path")]
Address = Annotated[str, Field(strict=True), AfterValidator(_address), Told(form="an address in base58")]
