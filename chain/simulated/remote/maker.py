"""The other side of every swap on a remote cluster: a wallet that signs.

What the embedded cluster's maker writes into accounts, this one does by transactions: it mints into vaults, approves
takers, takes back what is left, and sets prices. SOL is paid out of its wrapped SOL.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import structlog
from solders.pubkey import Pubkey

from chain.simulated.market import NoRouteError
from chain.simulated.remote import instructions, program
from chain.simulated.remote.blueprint import Addresses
from chain.simulated.remote.cluster import FailedTransactionError, RemoteCluster
from chain.simulated.remote.key import MakerKey
from chain.simulated.token_state import token_account
from chain.simulated.tokens import WRAPPED_SOL, Token
from engine.domain.errors import BadInputError, ChainUnavailableError, EngineError
from engine.ports import Ids

_CLOSED_AT_ONCE = 5
"""Vaults that one transaction closes."""
_LONGEST_SEED = 32

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Vault:
    address: Pubkey
    token: Token
    until: int


class RemoteMaker:
    """Vaults and prices of *key*'s wallet. Safe to use from any thread; every method blocks.

    Args:
        cluster: where.
        key: signs and pays.
        ids: names of vaults.
    """

    def __init__(self, cluster: RemoteCluster, key: MakerKey, ids: Ids) -> None:
        self.address = key.address
        self.addresses = Addresses(key.address)
        self._cluster = cluster
        self._key = key
        self._ids = ids
        self._vaults: list[_Vault] = []
        self._prices: dict[Pubkey, int] = {}
        self._lock = threading.Lock()

    # Vaults

    def open_vault(self, token: Token, amount: int, *, taker: Pubkey, until: int) -> Pubkey:
        """Return the address of a new vault from which *taker* may move exactly *amount* raw units.

        Args:
            token: what is in it; `WRAPPED_SOL` for lamports.
            amount: raw units.
            taker: whose signature moves it.
            until: the last block height at which it may be needed.

        Raises:
            NoRouteError: the maker cannot pay that much.
            ChainUnavailableError: the vault could not be opened.
        """
        seed = self._ids.seed()[:_LONGEST_SEED]
        address, size = self.addresses.vault(seed, token), instructions.vault_bytes(token)
        rent = self._cluster.rent(size)
        with self._lock:
            # Before it is there: whether it came to be, only the chain can tell after a failure.
            self._vaults.append(_Vault(address=address, token=token, until=until))
        try:
            self._cluster.land(
                [
                    instructions.create(self.address, seed, token.program, size=size, rent=rent),
                    *instructions.fill(address, token, amount, maker=self.address, taker=taker),
                ],
                self._key,
            )
        except FailedTransactionError as error:
            raise NoRouteError(f"the maker cannot pay {amount} raw units of {token.symbol}: {error}") from error
        return address

    def take_up_vaults(self, tokens: Sequence[Token], *, until: int) -> int:
        """Take up the vaults that an earlier run left open, to be closed after block *until*; return how many."""
        by_mint = {token.mint: token for token in (*tokens, WRAPPED_SOL)}
        held = self._cluster.token_accounts(self.address)
        found = [
            _Vault(address=address, token=by_mint[state.mint], until=until)
            for address, (_, state) in held.items()
            if state.mint in by_mint and address != by_mint[state.mint].account_of(self.address)
        ]
        with self._lock:
            known = {vault.address for vault in self._vaults}
            self._vaults += [vault for vault in found if vault.address not in known]
        return len(found)

    def close_vaults(self, height: int) -> int:
        """Close the vaults that were needed until before block *height*, and return how many there were.

        What is in them goes back to the stock. One that cannot be closed is left for the next time.
        """
        with self._lock:
            expired = [vault for vault in self._vaults if vault.until < height]
        closed = 0
        for start in range(0, len(expired), _CLOSED_AT_ONCE):
            closed += self._close(expired[start : start + _CLOSED_AT_ONCE])
        return closed

    def _close(self, vaults: Sequence[_Vault]) -> int:
        states = [token_account(account) for account in self._cluster.accounts([vault.address for vault in vaults])]
        left = [(vault, state.amount) for vault, state in zip(vaults, states, strict=True) if state is not None]
        needed = [
            instruction
            for vault, amount in left
            for instruction in instructions.empty(vault.address, vault.token, amount, maker=self.address)
        ]
        try:
            if needed:
                self._cluster.land(needed, self._key)
        except (FailedTransactionError, ChainUnavailableError) as error:
            log.warning("vaults_not_closed", vaults=[str(vault.address) for vault, _ in left], reason=str(error))
            return 0
        with self._lock:
            self._vaults = [vault for vault in self._vaults if vault not in vaults]
        return len(left)

    # Prices: the `PriceBoard` of its markets

    def address_of(self, token: Token) -> Pubkey:
        """Return where the price of *token* stands."""
        return self.addresses.price_account(token.symbol)

    def read_prices(self, tokens: Sequence[Token]) -> dict[Pubkey, int]:
        """Return the price on chain of each of *tokens*, in its market's units, by the address of its account.

        Raises:
            BadInputError: one of them has no price account of this maker.
            ChainUnavailableError: the chain could not be asked.
        """
        addresses = [self.address_of(token) for token in tokens]
        prices: dict[Pubkey, int] = {}
        for token, address, account in zip(tokens, addresses, self._cluster.accounts(addresses), strict=True):
            if (
                account is None
                or account.owner != self.addresses.program
                or program.stored_authority(account.data) != self.address
            ):
                raise BadInputError(f"There is no market of {token.symbol} on this cluster: run devnet setup")
            prices[address] = program.stored_price(account.data)
        with self._lock:
            self._prices |= prices
        return prices

    def write(self, address: Pubkey, scaled: int) -> None:
        """Let the account at *address* hold the price *scaled*; nothing is sent where it does."""
        self.write_all({address: scaled})

    def write_all(self, prices: Mapping[Pubkey, int]) -> None:
        """Let each of the accounts hold its price, in one transaction; those that do are left alone.

        Raises:
            EngineError: an account is none of this maker's markets, or the transaction failed; the old prices stand.
        """
        with self._lock:
            unknown = [address for address in prices if address not in self._prices]
            changed = {address: scaled for address, scaled in prices.items() if self._prices.get(address) != scaled}
        if unknown:
            raise EngineError(f"{unknown[0]} is the price account of no market here")
        if changed:
            where = self.addresses.program
            needed = [program.set_price(where, address, self.address, scaled) for address, scaled in changed.items()]
            self._cluster.land(needed, self._key)
            with self._lock:
                self._prices |= changed
