"""What the chain says of a wallet, read by other code than the engine's own.

The engine reads the chain raw; this goes through the `solana` package's client, so that a mistake in the one is
not repeated in the check of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass

from solana.rpc.api import Client
from solana.rpc.commitment import Confirmed
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.transaction_status import UiTransactionStatusMeta

from engine.domain.errors import ChainUnavailableError

_PAGE = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerEntry:
    """What one transaction did to the wallet."""

    signature: str
    lamports: int
    """Change of the wallet's own balance, fee included."""
    tokens: Mapping[str, int]
    """Change of the wallet's holdings by mint, in raw units; mints that did not change are left out."""
    fee: int
    """Lamports that the wallet paid for it; 0 where somebody else did."""
    failed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletLedger:
    """Every transaction that touched the wallet, and what it holds after them."""

    lamports: int
    entries: Mapping[str, LedgerEntry]


def read_ledger(rpc_url: str, wallet: str) -> WalletLedger:
    """Return the ledger of *wallet*, from the node at *rpc_url*.

    Raises:
        ChainUnavailableError: a transaction that the node lists cannot be read.
    """
    client = Client(rpc_url, commitment=Confirmed)
    with closing(client._provider.session):  # noqa: SLF001 - the client itself has no way to close its connections
        owner = Pubkey.from_string(wallet)
        entries = {str(signature): _entry(client, signature, wallet) for signature in _signatures(client, owner)}
        return WalletLedger(lamports=client.get_balance(owner).value, entries=entries)


def _signatures(client: Client, owner: Pubkey) -> list[Signature]:
    found: list[Signature] = []
    while page := client.get_signatures_for_address(owner, before=found[-1] if found else None, limit=_PAGE).value:
        found += [item.signature for item in page]
    return found


def _entry(client: Client, signature: Signature, wallet: str) -> LedgerEntry:
    answer = client.get_transaction(signature, max_supported_transaction_version=0).value
    meta = answer.transaction.meta if answer else None
    if answer is None or meta is None:
        raise ChainUnavailableError(f"the node lists transaction {signature} and does not show it")
    keys = [str(key) for key in answer.transaction.transaction.message.account_keys]  # type: ignore[union-attr]
    lamports = meta.post_balances[keys.index(wallet)] - meta.pre_balances[keys.index(wallet)]
    return LedgerEntry(
        signature=str(signature),
        lamports=lamports,
        tokens=_token_changes(meta, wallet),
        fee=meta.fee if keys[0] == wallet else 0,
        failed=meta.err is not None,
    )


def _token_changes(meta: UiTransactionStatusMeta, wallet: str) -> dict[str, int]:
    changes: dict[str, int] = {}
    for sign, balances in ((-1, meta.pre_token_balances), (1, meta.post_token_balances)):
        for balance in balances or ():
            if str(balance.owner) == wallet:
                mint = str(balance.mint)
                changes[mint] = changes.get(mint, 0) + sign * int(balance.ui_token_amount.amount)
    return {mint: change for mint, change in changes.items() if change}
