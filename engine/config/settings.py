"""Everything that can be set, and what a profile stands for."""

from __future__ import annotations

from enum import StrEnum

from pydantic import model_validator

from engine.config.alerts import AlertsSection
from engine.config.api import ApiSection
from engine.config.console import ConsoleSection
from engine.config.custody import PaperSection, StoreSection, WalletSection
from engine.config.nats import NatsSection
from engine.config.network import ChainSection, JupiterSection
from engine.config.orders import OrdersSection, TokensSection
from engine.config.prices import PricesSection
from engine.config.section import Section
from engine.config.urls import DEVNET, MAINNET_BETA, Url
from engine.domain.units import Nanos, seconds


class Profile(StrEnum):
    """Which world the engine works in."""

    DEMO = "demo"
    PAPER = "paper"
    DEVNET = "devnet"
    MAINNET = "mainnet"

    @property
    def cluster(self) -> str | None:
        """The cluster of the profile, by the name that Solana's command line has for it; the demo brings its own."""
        return {Profile.PAPER: MAINNET_BETA, Profile.MAINNET: MAINNET_BETA, Profile.DEVNET: DEVNET}.get(self)

    @property
    def genesis_hash(self) -> str | None:
        """What getGenesisHash must answer on the profile's cluster, in base58; None where any will do."""
        return _GENESIS.get(self.cluster or "")


_GENESIS = {
    MAINNET_BETA: "5eykt4UsFv8P8NJdTREpY1vzqKqZKvdpKuc147dw2N9d",
    DEVNET: "EtWTRABZaYq6iMfeYKouRu166VU2xqa1wcaWoxPkrZBG",
}


class Settings(Section):
    """Everything that can be set."""

    profile: Profile = Profile.DEMO
    """Which world the engine works in. `mainnet` must stand in a file, and needs --live on the command line as
    well."""
    wallet: WalletSection = WalletSection()
    store: StoreSection = StoreSection()
    orders: OrdersSection = OrdersSection()
    prices: PricesSection = PricesSection()
    chain: ChainSection = ChainSection()
    jupiter: JupiterSection = JupiterSection()
    tokens: TokensSection = TokensSection()
    paper: PaperSection = PaperSection()
    alerts: AlertsSection = AlertsSection()
    api: ApiSection = ApiSection()
    nats: NatsSection = NatsSection()
    console: ConsoleSection = ConsoleSection()

    def at(self, *, rpc_url: str, jupiter_url: str, ws_url: str | None = None) -> Settings:
        """Return these settings for another cluster, such as an embedded one, and the market on it."""
        chain = {"rpc_urls": (Url(rpc_url),), "ws_url": Url(ws_url) if ws_url else None, "send_urls": ()}
        settings = self.model_copy(update={"chain": self.chain.model_copy(update=chain)})
        return settings.trading_at(jupiter_url, program=self.jupiter.program)

    def trading_at(self, url: str, *, program: str) -> Settings:
        """Return these settings for the market at *url*, which sets no limit, and whose swaps *program* carries out."""
        jupiter = {"urls": (Url(url),), "v1_urls": (), "plan": "pro", "program": program}
        return self.model_copy(
            update={
                "jupiter": self.jupiter.model_copy(update=jupiter),
                "prices": self.prices.model_copy(update={"sources": ("jupiter",)}),
            }
        )

    @property
    def genesis_hash(self) -> str | None:
        """What every node must say that its cluster is, in base58; None where any will do."""
        return self.chain.genesis_hash or self.profile.genesis_hash

    @property
    def explorer(self) -> str | None:
        """Where the public sees a transaction, with {signature} in its place; None where it is on no public cluster.

        The addresses are those of https://explorer.solana.com, which names each cluster but mainnet in a parameter.
        """
        if self.genesis_hash != self.profile.genesis_hash:
            return None
        page = "https://explorer.solana.com/tx/{signature}"
        return {Profile.MAINNET: page, Profile.DEVNET: f"{page}?cluster={DEVNET}"}.get(self.profile)

    @model_validator(mode="after")
    def _mainnet_is_mainnet(self) -> Settings:
        if self.profile is Profile.MAINNET and self.chain.genesis_hash not in (None, self.profile.genesis_hash):
            raise ValueError("chain.genesis_hash is not mainnet's: leave it out, or choose another profile")
        return self

    @property
    def max_price_age(self) -> Nanos:
        """The oldest price that may move a position."""
        return seconds(self.prices.max_age)
