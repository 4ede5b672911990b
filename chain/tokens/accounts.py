"""Token programs: what a mint is, and how much of it a wallet holds."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from solders.pubkey import Pubkey

from chain.node.rpc import Rpc, understood
from chain.programs import SYSTEM, TOKEN_PROGRAMS
from chain.tokens.layout import (
    ACCOUNT_SIZE,
    MULTISIG_SIZE,
    HoldingState,
    MintState,
    decode_holding,
    decode_mint,
    is_holding,
)
from chain.tokens.risks import obstacles, warnings
from chain.values import array, text, whole_number
from engine.domain.errors import BadInputError
from engine.domain.swap import TokenInfo
from engine.domain.units import Mint, RawAmount

_AMOUNT = slice(64, 72)


class Tokens:
    """Reads mints and the accounts of them. A mint without extensions is read once: nothing of it is decided anew."""

    def __init__(self, rpc: Rpc) -> None:
        self._rpc = rpc
        self._known: dict[Mint, tuple[MintState, str]] = {}

    def info(self, mint: Mint, owner: str | None = None) -> TokenInfo:
        """Return what the chain says of *mint* and, where an *owner* is given, of the accounts this wallet has of it.

        Raises:
            BadInputError: there is no such mint; the message says what is there instead.
            ChainUnavailableError: the chain could not be read.
        """
        state, program = self._known.get(mint) or self._read(mint)
        if not state.extensions:
            self._known[mint] = state, program
        holdings = self.holdings(owner, mint) if owner is not None else ()
        return TokenInfo(
            mint=mint,
            decimals=state.decimals,
            program=program,
            obstacles=obstacles(state, holdings),
            warnings=warnings(state, holdings, self._epoch(state)),
        )

    def balance(self, owner: str, mint: Mint) -> RawAmount:
        """Return how much of *mint* the wallet *owner* holds, over all of its accounts, at `confirmed`.

        It stands at the same place in every account, whatever extensions there are.

        Raises:
            ChainUnavailableError: the chain could not be read, or by a node that lags behind the wallet.
        """
        with understood("getTokenAccountsByOwner"):
            return RawAmount(sum(_amount(item["account"]) for item in self._accounts(owner, mint)))

    def holdings(self, owner: str, mint: Mint) -> tuple[HoldingState, ...]:
        """Return the accounts of *mint* that the wallet *owner* has, at `confirmed`.

        Raises:
            ChainUnavailableError: the chain could not be read, or by a node that lags behind the wallet.
        """
        with understood("getTokenAccountsByOwner"):
            return tuple(_holding(item) for item in self._accounts(owner, mint))

    def _accounts(self, owner: str, mint: Mint) -> list[Any]:
        # The filter by mint covers either token program: the node takes the one that owns the mint.
        method = "getTokenAccountsByOwner"
        config = {"encoding": "base64", "commitment": "confirmed"}
        result = self._rpc.call(method, [owner, {"mint": mint}, config])
        self._rpc.check_fresh(method, result)
        return array(result["value"])

    def _read(self, mint: Mint) -> tuple[MintState, str]:
        _check_address(mint)
        result = self._rpc.call("getAccountInfo", [mint, {"encoding": "base64", "commitment": "confirmed"}])
        with understood("getAccountInfo"):
            account = result["value"]
            if account is None:
                raise BadInputError(f"There is no mint {mint} on this cluster: check the address and the cluster")
            data, program = account_data(account), text(account["owner"])
            state = decode_mint(data, program)
        if state is None:
            raise BadInputError(f"{mint} is {_what(data, program)}: give the address of the token's mint")
        return state, program

    def _epoch(self, state: MintState) -> int:
        """Return the epoch where it decides what *state* says; else any."""
        fees = state.transfer_fees
        if fees is None or fees.older == fees.newer:
            return 0 if fees is None else fees.newer.epoch
        result = self._rpc.call("getEpochInfo", [{"commitment": "confirmed"}])
        with understood("getEpochInfo"):
            return whole_number(result["epoch"])


def account_data(account: Mapping[str, Any]) -> bytes:
    """Return the data of *account*, an answer of encoding base64: ``{"data": [text, "base64"], ...}``.

    Raises:
        KeyError, IndexError, TypeError or ValueError: it has not that shape.
    """
    return base64.b64decode(account["data"][0], validate=True)


def _amount(account: Mapping[str, Any]) -> int:
    data = account_data(account)
    if len(data) < ACCOUNT_SIZE:
        raise ValueError(f"a token account of {len(data)} bytes")
    return int.from_bytes(data[_AMOUNT], "little")


def _holding(item: Mapping[str, Any]) -> HoldingState:
    account, address = item["account"], text(item["pubkey"])
    data, program = account_data(account), text(account["owner"])
    state = decode_holding(data, program, address)
    if state is None:
        raise ValueError(f"{address}, of program {program} and {len(data)} bytes, is no token account")
    return state


def _check_address(mint: Mint) -> None:
    try:
        Pubkey.from_string(mint)
    except ValueError:
        raise BadInputError(f"{mint!r} is no address: a mint is 32 bytes in base58") from None


def _what(data: bytes, program: str) -> str:
    if program == SYSTEM:
        return "a wallet, not a mint"
    if program not in TOKEN_PROGRAMS:
        return f"an account of program {program}, not a mint"
    if len(data) == MULTISIG_SIZE:
        return "a multisig, not a mint"
    if is_holding(data, program):
        return "a token account, not a mint"
    return f"an account of token program {program} that was never set up as a mint, so not a mint"
