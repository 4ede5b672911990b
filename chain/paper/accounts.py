"""Accounts as a node tells them: whose they are, and what of which token is in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from solders.pubkey import Pubkey

from chain.node.rpc import Rpc, understood
from chain.programs import SYSTEM
from chain.tokens.accounts import account_data
from chain.tokens.layout import ACCOUNT_SIZE, HoldingState, decode_holding
from chain.values import array, text, whole_number
from engine.domain.errors import BadInputError
from engine.domain.units import Lamports

_METHOD = "getMultipleAccounts"


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownAccount:
    """An account that exists."""

    lamports: Lamports
    plain: bool
    """Whether it is a plain wallet, which can pay fees: of the system program, and without data."""
    holding: HoldingState | None
    """What it is as a token account; None where it is none."""


def check_address(address: str, what: str) -> None:
    """Check that *address*, which a person gave as that of *what*, is one.

    Raises:
        BadInputError: it is not.
    """
    try:
        Pubkey.from_string(address)
    except ValueError:
        raise BadInputError(f"The {what}, {address!r}, is no address: give 32 bytes in base58") from None


def read_accounts(rpc: Rpc, addresses: Sequence[str], *, extensions: bool = True) -> list[KnownAccount | None]:
    """Return the accounts at *addresses*, at most 100, at `processed` and in order; None where there is none.

    Args:
        rpc: of the cluster.
        addresses: base58.
        extensions: read those of token accounts as well. Without them little is read of each account, whatever it is:
            a market's may have megabytes.

    Raises:
        ChainUnavailableError: the chain could not be read.
    """
    if not addresses:
        return []
    config: dict[str, Any] = {"encoding": "base64", "commitment": "processed"}
    if not extensions:
        config["dataSlice"] = {"offset": 0, "length": ACCOUNT_SIZE + 1}
    result = rpc.call(_METHOD, [list(addresses), config])
    with understood(_METHOD):
        items = zip(addresses, array(result["value"]), strict=True)
        return [known_account(address, item) for address, item in items]


def known_account(address: str, item: Mapping[str, Any] | None) -> KnownAccount | None:
    """Return the account that *item* tells of, in encoding base64; None for null, or one that holds no lamports.

    Raises:
        KeyError, IndexError, TypeError or ValueError: it has not the shape that Solana documents.
    """
    if item is None or not (lamports := whole_number(item["lamports"])):
        return None
    data, program = account_data(item), text(item["owner"])
    return KnownAccount(
        lamports=Lamports(lamports),
        plain=program == SYSTEM and not data,
        holding=decode_holding(data, program, address),
    )
