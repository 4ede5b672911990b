"""Token programs: what a mint is, and how much of it a wallet holds."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from solders.pubkey import Pubkey

from chain.programs import TOKEN_2022, TOKEN_PROGRAMS
from chain.rpc import RpcClient, understood
from chain.values import array, text
from engine.domain.errors import BadInputError
from engine.domain.swap import TokenInfo
from engine.domain.units import Mint, RawAmount

# Layouts of the SPL Token program. An account of Token-2022 with extensions has its type at byte 165, behind the
# length of a token account, so that no mint can be taken for one.
_MINT_SIZE = 82
_DECIMALS, _IS_INITIALIZED = 44, 45
_TOKEN_ACCOUNT_SIZE = 165
_ACCOUNT_TYPE, _TYPE_MINT = 165, 1
_AMOUNT = slice(64, 72)


class Tokens:
    """Reads mints, each of them once: decimals and program never change."""

    def __init__(self, rpc: RpcClient) -> None:
        self._rpc = rpc
        self._known: dict[Mint, TokenInfo] = {}

    def info(self, mint: Mint) -> TokenInfo:
        """Return what the chain says of *mint*.

        Raises:
            BadInputError: there is no such mint; the message says what is there instead.
            ChainUnavailableError: the chain could not be read.
        """
        if mint not in self._known:
            self._known[mint] = self._read(mint)
        return self._known[mint]

    def balance(self, owner: str, mint: Mint) -> RawAmount:
        """Return how much of *mint* the wallet *owner* holds, over all of its accounts, at `confirmed`.

        The filter by mint covers either token program: the node takes the one that owns the mint.

        Raises:
            ChainUnavailableError: the chain could not be read, or by a node that lags behind the wallet.
        """
        method = "getTokenAccountsByOwner"
        config = {"encoding": "base64", "commitment": "confirmed"}
        result = self._rpc.call(method, [owner, {"mint": mint}, config])
        self._rpc.check_fresh(method, result)
        with understood(method):
            return RawAmount(sum(_amount(item["account"]) for item in array(result["value"])))

    def _read(self, mint: Mint) -> TokenInfo:
        _check_address(mint)
        result = self._rpc.call("getAccountInfo", [mint, {"encoding": "base64", "commitment": "confirmed"}])
        with understood("getAccountInfo"):
            account = result["value"]
            if account is None:
                raise BadInputError(f"There is no mint {mint} on this cluster: check the address and the cluster")
            data, owner = account_data(account), text(account["owner"])
        if not _is_mint(data, owner):
            raise BadInputError(f"{mint} is {_what(data, owner)}: give the address of the token's mint")
        return TokenInfo(mint=mint, decimals=data[_DECIMALS], program=owner)


def account_data(account: Mapping[str, Any]) -> bytes:
    """Return the data of *account*, an answer of encoding base64: ``{"data": [text, "base64"], ...}``.

    Raises:
        KeyError, IndexError, TypeError or ValueError: it has not that shape.
    """
    return base64.b64decode(account["data"][0], validate=True)


def _amount(account: Mapping[str, Any]) -> int:
    data = account_data(account)
    if len(data) < _TOKEN_ACCOUNT_SIZE:
        raise ValueError(f"a token account of {len(data)} bytes")
    return int.from_bytes(data[_AMOUNT], "little")


def _check_address(mint: Mint) -> None:
    try:
        Pubkey.from_string(mint)
    except ValueError:
        raise BadInputError(f"{mint!r} is no address: a mint is 32 bytes in base58") from None


def _is_mint(data: bytes, owner: str) -> bool:
    if owner not in TOKEN_PROGRAMS or len(data) < _MINT_SIZE or not data[_IS_INITIALIZED]:
        return False
    extended = owner == TOKEN_2022 and len(data) > _ACCOUNT_TYPE and data[_ACCOUNT_TYPE] == _TYPE_MINT
    return len(data) == _MINT_SIZE or extended


def _what(data: bytes, owner: str) -> str:
    if owner in TOKEN_PROGRAMS and len(data) >= _TOKEN_ACCOUNT_SIZE:
        return "a token account, not a mint"
    return f"an account of program {owner}, not a mint"
