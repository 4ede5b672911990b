"""Values of JSON answers, read strictly: a client that converts what it is given turns a server's slip into money.

``int()`` takes 12.5 for 12 and true for 1; a list that is an empty object adds up to nothing.
"""

from __future__ import annotations

from typing import Any

MAX_U64 = 2**64 - 1
_EXCERPT = 40


def whole_number(value: object) -> int:
    """Return *value*, an integer from 0 to 2^64 - 1 or the decimal digits of one.

    Solana writes amounts, slots and heights as numbers, Jupiter as strings; both are taken everywhere.

    Raises:
        ValueError: it is anything else: a fraction, a boolean, signed.
    """
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_U64:
        raise ValueError(f"{_shown(value)} is no whole number of 64 bits")
    return value


def text(value: object) -> str:
    """Return *value*, a string.

    Raises:
        TypeError: it is none.
    """
    if not isinstance(value, str):
        raise TypeError(f"{_shown(value)} is no string")
    return value


def array(value: object) -> list[Any]:
    """Return *value*, an array.

    Raises:
        TypeError: it is none.
    """
    if not isinstance(value, list):
        raise TypeError(f"{_shown(value)} is no array")
    return value


def transaction_error(value: object) -> str | dict[str, Any] | None:
    """Return *value*, a TransactionError as RPC nodes give it: a name, a name with particulars, or None for success.

    Raises:
        ValueError: it is neither, so that nobody can say whether the transaction succeeded.
    """
    match value:
        case None | str():
            return value
        case dict() if len(value) == 1:
            return value
        case _:
            raise ValueError(f"{_shown(value)} is no transaction error")


def _shown(value: object) -> str:
    return repr(value)[:_EXCERPT]
