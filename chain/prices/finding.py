"""Which pool a token is priced by: the one that is configured, or else where its kind of token trades.

A token of pump.fun trades on its bonding curve, and once that is complete in PumpSwap; both addresses follow from the
mint. Where there is neither, Raydium's CPMM pools are searched for the one with the most SOL. That search reads every
account of the program, and many nodes refuse it: then there is no such pool.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import structlog

from chain.node.rpc import Rpc, RpcError, understood
from chain.prices.layouts import (
    CPMM_MINTS,
    CPMM_SIZE,
    PUMP,
    RAYDIUM_CPMM,
    AccountState,
    UnfitAccountError,
    curve_address,
    pump_swap_address,
    read_curve,
    read_vault,
    read_vault_pool,
)
from chain.prices.state import WatchedPool
from chain.programs import SYSTEM
from chain.tokens.accounts import account_data
from chain.tokens.layout import decode_mint
from chain.values import array, text, whole_number
from engine.domain.units import SOL_MINT, Mint

MAX_ACCOUNTS = 100
"""Accounts that one getMultipleAccounts may name."""
CONFIG = {"encoding": "base64", "commitment": "processed"}
_MOST_POOLS = MAX_ACCOUNTS

log = structlog.get_logger(__name__)


class PoolFinder:
    """Finds pools.

    Args:
        rpc: of the cluster.
        configured: the address of a pool by its mint, for tokens that are to be priced by that one and no other.
    """

    def __init__(self, rpc: Rpc, configured: Mapping[Mint, str]) -> None:
        self._rpc = rpc
        self._configured = configured

    def find(self, mint: Mint) -> WatchedPool | None:
        """Return the pool that prices *mint* in SOL, of whose reserves nothing is known yet; None where there is none.

        Raises:
            ChainUnavailableError: the chain could not be read.
        """
        configured = self._configured.get(mint)
        candidates = (configured,) if configured else (curve_address(mint), pump_swap_address(mint))
        _, (shown, *accounts) = read_accounts(self._rpc, [mint, *candidates])
        decimals = _decimals(shown)
        if decimals is None:
            log.warning("pool_missing", mint=mint, reason="there is no such mint on this cluster")
            return None
        for account in accounts:
            try:
                return _watched(account, mint, decimals)
            except UnfitAccountError as error:
                log.info("pool_unfit", mint=mint, reason=str(error))
        deepest = None if configured else self._deepest_cpmm(mint)
        return None if deepest is None else _watched(deepest, mint, decimals)

    def _deepest_cpmm(self, mint: Mint) -> AccountState | None:
        pools = []
        for sides in ((mint, SOL_MINT), (SOL_MINT, mint)):
            for account in self._cpmm_pools(*sides):
                try:
                    pools.append((account, read_vault_pool(account, mint)))
                except UnfitAccountError as error:
                    log.info("pool_unfit", mint=mint, reason=str(error))
        if len(pools) <= 1:
            return pools[0][0] if pools else None
        _, vaults = read_accounts(self._rpc, [pool.sol_vault for _, pool in pools[:_MOST_POOLS]])
        return max(zip(pools, vaults, strict=False), key=lambda found: _lamports(found[1]))[0][0]

    def _cpmm_pools(self, first: str, second: str) -> list[AccountState]:
        method = "getProgramAccounts"
        offsets = zip(CPMM_MINTS, (first, second), strict=True)
        filters: list[dict[str, Any]] = [{"memcmp": {"offset": at, "bytes": mint}} for at, mint in offsets]
        try:
            found = self._rpc.call(method, [RAYDIUM_CPMM, {**CONFIG, "filters": [{"dataSize": CPMM_SIZE}, *filters]}])
        except RpcError as error:
            log.info("pool_search_refused", error=str(error))
            return []
        with understood(method):
            return [account_state(text(item["pubkey"]), item["account"]) for item in array(found)]


def read_accounts(rpc: Rpc, addresses: Sequence[str]) -> tuple[int, list[AccountState]]:
    """Return the slot at which the accounts at *addresses*, at most `MAX_ACCOUNTS`, were read, and what they were.

    Raises:
        ChainUnavailableError: the chain could not be read.
    """
    method = "getMultipleAccounts"
    result = rpc.call(method, [list(addresses), CONFIG])
    with understood(method):
        pairs = zip(addresses, array(result["value"]), strict=True)
        return whole_number(result["context"]["slot"]), [account_state(address, shown) for address, shown in pairs]


def account_state(address: str, shown: Mapping[str, Any] | None) -> AccountState:
    """Return the account at *address* as a node *shown* it in base64; one that is not there is an empty one.

    Raises:
        KeyError, IndexError, TypeError or ValueError: it has not that shape.
    """
    if shown is None:
        return AccountState(address=address, owner=SYSTEM, data=b"")
    return AccountState(address=address, owner=text(shown["owner"]), data=account_data(shown))


def _watched(account: AccountState, mint: Mint, decimals: int) -> WatchedPool:
    if account.owner != PUMP:
        return WatchedPool(mint, decimals, account.address, read_vault_pool(account, mint))
    if read_curve(account).complete:
        raise UnfitAccountError(f"{account.address} is a bonding curve that is complete: it trades no more")
    return WatchedPool(mint, decimals, account.address, None)


def _decimals(mint: AccountState) -> int | None:
    with understood("getMultipleAccounts"):
        state = decode_mint(mint.data, mint.owner)
    return None if state is None else state.decimals


def _lamports(vault: AccountState) -> int:
    try:
        return read_vault(vault, SOL_MINT)
    except UnfitAccountError:
        return 0
