"""Putting the market on a cluster, piece by piece. Every piece is looked for first, and made only where it is not."""

from __future__ import annotations

from dataclasses import dataclass

from solders.pubkey import Pubkey
from spl.token.instructions import create_idempotent_associated_token_account

from chain.simulated.remote import instructions, loader, program
from chain.simulated.remote.blueprint import Addresses, Listing, mint_seed, price_seed
from chain.simulated.remote.cluster import RemoteCluster
from chain.simulated.remote.key import MakerKey
from chain.simulated.token_state import token_account
from chain.simulated.tokens import WRAPPED_SOL
from engine.domain.errors import BadInputError
from engine.domain.units import Lamports


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Something that is there now."""

    what: str
    address: Pubkey
    made: bool
    """False where it was there before."""


class Builder:
    """Builds the market of *key*'s wallet on *cluster*. Every method blocks, and may be repeated.

    Each raises `FailedTransactionError` where a transaction fails, and `ChainUnavailableError` where the chain cannot
    be asked; what was built before stays.
    """

    def __init__(self, cluster: RemoteCluster, key: MakerKey) -> None:
        self.addresses = Addresses(key.address)
        self._cluster = cluster
        self._key = key
        self._maker = key.address

    def program(self) -> Piece:
        """Deploy the swap program."""
        file, where = program.elf(), self.addresses.program
        made = not self._is_deployed(where, file)
        if made:
            self._write_buffer(file)
            size = loader.PROGRAM_BYTES
            seed, rent = self.addresses.program_seed, self._cluster.rent(size)
            self._cluster.land(
                [
                    instructions.create(self._maker, seed, loader.LOADER, size=size, rent=rent),
                    loader.deploy(self._maker, where, self.addresses.buffer, self._maker, len(file)),
                ],
                self._key,
            )
        return Piece(what="swap program", address=where, made=made)

    def mint(self, listing: Listing) -> Piece:
        """Create the mint of *listing*, and the account in which the maker is paid with it."""
        token = self.addresses.token(listing)
        till = token.account_of(self._maker)
        mint, paid_into = self._cluster.accounts([token.mint, till])
        if mint is None:
            size = instructions.mint_bytes(token)
            rent = self._cluster.rent(size)
            self._cluster.land(
                [
                    instructions.create(self._maker, mint_seed(token.symbol), token.program, size=size, rent=rent),
                    *instructions.initialize(token, self._maker),
                ],
                self._key,
            )
        if paid_into is None:
            opened = create_idempotent_associated_token_account(self._maker, self._maker, token.mint, token.program)
            self._cluster.land([opened], self._key)
        return Piece(what=f"mint {token.symbol}", address=token.mint, made=mint is None)

    def price_account(self, listing: Listing) -> Piece:
        """Create the price account of *listing*'s market, with its first price."""
        address = self.addresses.price_account(listing.symbol)
        (account,) = self._cluster.accounts([address])
        if account is None:
            where, size = self.addresses.program, program.PRICE_ACCOUNT_BYTES
            rent = self._cluster.rent(size)
            first = listing.pricing.scaled(listing.price)
            self._cluster.land(
                [
                    instructions.create(self._maker, price_seed(listing.symbol), where, size=size, rent=rent),
                    program.set_price(where, address, self._maker, first),
                ],
                self._key,
            )
        return Piece(what=f"market {listing.symbol}", address=address, made=account is None)

    def stock(self, least: Lamports) -> Piece:
        """Wrap SOL until the maker has *least* lamports of it to buy with."""
        address = WRAPPED_SOL.account_of(self._maker)
        (account,) = self._cluster.accounts([address])
        state = token_account(account)
        missing = least - (state.amount if state is not None else 0)
        if missing > 0:
            self._cluster.land(
                [
                    create_idempotent_associated_token_account(self._maker, self._maker, WRAPPED_SOL.mint),
                    *instructions.wrap(self._maker, missing),
                ],
                self._key,
            )
        return Piece(what="the maker's wrapped SOL", address=address, made=missing > 0)

    def worth(self) -> Lamports:
        """Return the lamports that the maker has, wrapped ones included."""
        address = WRAPPED_SOL.account_of(self._maker)
        plain, wrapped = self._cluster.accounts([self._maker, address])
        state = token_account(wrapped)
        return Lamports((plain.lamports if plain else 0) + (state.amount if state else 0))

    def _is_deployed(self, where: Pubkey, file: bytes) -> bool:
        account, held = self._cluster.accounts([where, loader.data_address(where)])
        if account is not None and not loader.is_deployed(where, account, held, file):
            raise BadInputError(f"{where} is not the swap program, and nothing else should be there: use another maker")
        return account is not None

    def _write_buffer(self, file: bytes) -> None:
        buffer = self.addresses.buffer
        (account,) = self._cluster.accounts([buffer])
        if account is None:
            size = loader.BUFFER_HEADER + len(file)
            seed, rent = self.addresses.buffer_seed, self._cluster.rent(size)
            self._cluster.land(
                [
                    instructions.create(self._maker, seed, loader.LOADER, size=size, rent=rent),
                    loader.initialize_buffer(buffer, self._maker),
                ],
                self._key,
            )
            (account,) = self._cluster.accounts([buffer])
        if account is None:
            raise BadInputError(f"The buffer {buffer} is not there although it was created: ask another node")
        for offset, chunk in loader.missing_chunks(account, file):
            self._cluster.land([loader.write(buffer, self._maker, offset, chunk)], self._key)
