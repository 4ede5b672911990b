"""Accounts and amounts in the RPC's JSON."""

from __future__ import annotations

import base64
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import base58
from solders.account import Account
from solders.pubkey import Pubkey
from solders.token.state import Mint, TokenAccount, TokenAccountState
from spl.token.constants import ACCOUNT_LEN, TOKEN_PROGRAM_ID

from chain.simulated.rpc_errors import INVALID_REQUEST, RpcError, invalid_params
from chain.simulated.rpc_params import Config
from chain.simulated.token_state import mint, token_account

API_VERSION = "4.3.2"
"""The version of Agave whose answers these are."""

MAX_BASE58_BYTES = 128
RENT_EPOCH = 2**64 - 1
"""What the field says of every rent-exempt account."""

ReadAccount = Callable[[Pubkey], Account | None]


def with_context(slot: int, value: Any) -> dict[str, Any]:
    """Return *value* as it was in *slot*."""
    return {"context": {"apiVersion": API_VERSION, "slot": slot}, "value": value}


def ui_amount(amount: int, decimals: int) -> dict[str, Any]:
    """Return *amount* raw units as UiTokenAmount."""
    exact = Decimal(amount).scaleb(-decimals)
    whole = format(exact, "f")
    return {
        "amount": str(amount),
        "decimals": decimals,
        "uiAmount": float(exact),
        "uiAmountString": whole.rstrip("0").rstrip(".") if "." in whole else whole,
    }


def ui_account(account: Account, read: ReadAccount, *, config: Config, default_encoding: str) -> dict[str, Any]:
    """Return *account* as UiAccount, in the encoding and slice that *config* asks for.

    Args:
        account: what to encode.
        read: how to read the mint of a token account.
        config: options `encoding` and `dataSlice`.
        default_encoding: where *config* names none.

    Raises:
        RpcError: the encoding is unknown, or cannot carry so much data.
    """
    encoding = config.text("encoding", default_encoding)
    return {
        "lamports": account.lamports,
        "data": _data(account, read, encoding, config.mapping("dataSlice")),
        "owner": str(account.owner),
        "executable": account.executable,
        "rentEpoch": RENT_EPOCH,
        "space": len(account.data),
    }


def _data(account: Account, read: ReadAccount, encoding: str, data_slice: Config | None) -> Any:
    if encoding == "jsonParsed" and (parsed := _parsed(account, read)) is not None:
        return parsed
    data = account.data
    if data_slice is not None:
        offset, length = data_slice.number("offset") or 0, data_slice.number("length") or 0
        data = data[offset : offset + length]
    if encoding in ("base64", "jsonParsed"):
        return [base64.b64encode(data).decode(), "base64"]
    if encoding in ("base58", "binary"):
        if len(data) > MAX_BASE58_BYTES:
            raise RpcError(
                INVALID_REQUEST,
                f"Encoded binary (base 58) data should be less than {MAX_BASE58_BYTES} bytes, "
                "please use Base64 encoding.",
            )
        text = base58.b58encode(data).decode()
        return text if encoding == "binary" else [text, "base58"]
    raise invalid_params(
        f"Invalid params: unsupported encoding `{encoding}`, this node knows base58, base64, jsonParsed."
    )


def _parsed(account: Account, read: ReadAccount) -> dict[str, Any] | None:
    held, minted = token_account(account), mint(account)
    if minted is not None:
        kind, info = "mint", _mint_info(minted)
    elif held is not None and (held_mint := mint(read(held.mint))) is not None:
        kind, info = "account", _token_account_info(held, held_mint.decimals)
    else:
        return None
    program = "spl-token" if account.owner == TOKEN_PROGRAM_ID else "spl-token-2022"
    if len(account.data) > ACCOUNT_LEN:
        info["extensions"] = []
    return {"program": program, "parsed": {"info": info, "type": kind}, "space": len(account.data)}


def _mint_info(minted: Mint) -> dict[str, Any]:
    return {
        "decimals": minted.decimals,
        "freezeAuthority": _key(minted.freeze_authority),
        "isInitialized": minted.is_initialized,
        "mintAuthority": _key(minted.mint_authority),
        "supply": str(minted.supply),
    }


def _token_account_info(held: TokenAccount, decimals: int) -> dict[str, Any]:
    info: dict[str, Any] = {
        "isNative": held.is_native is not None,
        "mint": str(held.mint),
        "owner": str(held.owner),
        "state": "frozen" if held.state == TokenAccountState.Frozen else "initialized",
        "tokenAmount": ui_amount(held.amount, decimals),
    }
    if held.is_native is not None:
        info["rentExemptReserve"] = ui_amount(held.is_native, decimals)
    if held.delegate is not None:
        info["delegate"] = str(held.delegate)
        info["delegatedAmount"] = ui_amount(held.delegated_amount, decimals)
    if held.close_authority is not None:
        info["closeAuthority"] = str(held.close_authority)
    return info


def _key(key: Pubkey | None) -> str | None:
    return None if key is None else str(key)
