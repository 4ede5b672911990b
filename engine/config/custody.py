"""Where the key is, where the books are kept, and what stands in for both on paper."""

from __future__ import annotations

from decimal import Decimal

from pydantic import model_validator

from engine.config.section import Address, File, KeyName, Section, Sol
from engine.config.urls import DatabaseUrl


class WalletSection(Section):
    """Where the wallet's key is. The key itself is never a setting."""

    keypair: KeyName = "env"
    """The key file: Solana's own `id.json`, or an encrypted file, which is seen from what it holds. Its owner alone may
    be able to read it. `env` is the environment variable RIPCORD_WALLET_KEY, `env:NAME` another one."""


class StoreSection(Section):
    """Where the database is. Each profile keeps its own."""

    path: File | None = None
    """SQLite file. Without it and without `url`: `ripcord-PROFILE.db` in `$XDG_DATA_HOME/ripcord`, or in
    `~/.local/share/ripcord`."""
    url: DatabaseUrl | None = None
    """A PostgreSQL database in place of the file; write the password as `${NAME}`."""

    @model_validator(mode="after")
    def _one_of_them(self) -> StoreSection:
        if self.path is not None and self.url is not None:
            raise ValueError("path and url are both set: name one database")
        return self


class PaperSection(Section):
    """A wallet on paper: the profile `paper` trades nothing."""

    wallet: Address | None = None
    """Address of the wallet that is traded for. Without it: that of `wallet.keypair`, which is not unlocked."""
    funds: Sol = Decimal(10)
    """What the wallet has on paper beside what it has on chain."""
    buyer: Address | None = None
    """An account with SOL that stands in for the wallet where a purchase is simulated. Without it, one is looked
    for."""
