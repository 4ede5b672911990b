"""What a setup leaves in its folder: two key files, and a file that says what is on chain. The latter holds no secret.

================  =====================================================================
``wallet.json``   the key of the wallet that trades, as Solana's command line has it
``maker.json``    the key of the maker, likewise
``market.json``   the cluster, the addresses, and the tokens with what cannot be read from the chain
================  =====================================================================
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from solders.pubkey import Pubkey

from chain.simulated.remote.blueprint import Addresses, Listing
from engine.domain.errors import BadInputError
from engine.domain.units import Mint

_VERSION = 1


@dataclass(frozen=True, slots=True)
class Folder:
    """Where a setup keeps its files."""

    path: Path

    @property
    def wallet(self) -> Path:
        """The keypair file of the wallet that trades."""
        return self.path / "wallet.json"

    @property
    def maker(self) -> Path:
        """The keypair file of the maker."""
        return self.path / "maker.json"

    @property
    def state(self) -> Path:
        """The file that says what is on chain."""
        return self.path / "market.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketState:
    """What is on chain."""

    genesis: str
    """Base58 hash of the cluster's first block."""
    wallet: str
    """Base58."""
    maker: Pubkey
    listings: tuple[Listing, ...]
    """The tokens whose markets are set up."""

    def to_json(self) -> str:
        """Return it as JSON; mints, price accounts and program are there to be read, and follow from the maker."""
        addresses = Addresses(self.maker)
        return json.dumps(
            {
                "version": _VERSION,
                "genesis": self.genesis,
                "wallet": self.wallet,
                "maker": str(self.maker),
                "program": str(addresses.program),
                "tokens": [_row(addresses, listing) for listing in self.listings],
            },
            indent=2,
        )


def read_state(folder: Folder) -> MarketState | None:
    """Return what *folder* says, or None where nothing was set up yet.

    Raises:
        BadInputError: the file cannot be read, or is none of this version.
    """
    try:
        found = json.loads(folder.state.read_bytes())
        _check_version(found["version"])
        return MarketState(
            genesis=str(found["genesis"]),
            wallet=str(found["wallet"]),
            maker=Pubkey.from_string(found["maker"]),
            listings=tuple(_listing(row) for row in found["tokens"]),
        )
    except FileNotFoundError:
        return None
    except OSError as error:
        raise BadInputError(f"{folder.state} cannot be read: {error.strerror}") from None
    except (KeyError, TypeError, ValueError, ArithmeticError) as error:
        raise BadInputError(
            f"{folder.state} is not what devnet setup wrote ({error}): remove it, and run devnet setup again"
        ) from None


def write_state(folder: Folder, state: MarketState) -> None:
    """Write *state* into *folder*, whole or not at all.

    Raises:
        BadInputError: it cannot be written.
    """
    try:
        descriptor, name = tempfile.mkstemp(prefix=".market.", dir=folder.path)
        draft = Path(name)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(state.to_json() + "\n")
            draft.replace(folder.state)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        raise BadInputError(f"{folder.state} cannot be written: {error.strerror}") from None


def merged(listings: Sequence[Listing], wanted: Sequence[Listing]) -> tuple[Listing, ...]:
    """Return *listings* and those of *wanted* whose symbols are not among them."""
    there = {listing.symbol for listing in listings}
    return (*listings, *(listing for listing in wanted if listing.symbol not in there))


def _check_version(version: object) -> None:
    if version != _VERSION:
        raise ValueError(f"it is of version {version}, not {_VERSION}")


def _row(addresses: Addresses, listing: Listing) -> dict[str, Any]:
    return {
        "symbol": listing.symbol,
        "mint": addresses.token(listing).address,
        "price_account": str(addresses.price_account(listing.symbol)),
        "decimals": listing.decimals,
        "token_2022": listing.token_2022,
        "transfer_fee_bps": listing.transfer_fee_bps,
        "first_price": str(listing.price),
        "depth_sol": str(listing.depth_sol),
        "follows": listing.follows,
    }


def _listing(row: Mapping[str, Any]) -> Listing:
    return Listing(
        symbol=str(row["symbol"]),
        decimals=int(row["decimals"]),
        price=Decimal(row["first_price"]),
        depth_sol=Decimal(row["depth_sol"]),
        token_2022=bool(row["token_2022"]),
        transfer_fee_bps=int(row["transfer_fee_bps"]),
        follows=Mint(row["follows"]),
    )
