"""How Solana and Jupiter are reached, and what is paid to be heard."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from engine.config.section import Address, EnvironmentName, Fee, File, Interval, Section, Told
from engine.config.urls import HttpUrl, RpcUrl, Url, WebsocketUrl

Plan = Literal["keyless", "free", "developer", "launch", "pro"]
REQUESTS_PER_MINUTE: dict[Plan, int] = {"keyless": 30, "free": 60, "developer": 600, "launch": 3000, "pro": 9000}
"""What each of Jupiter's plans allows in any 60 seconds, swaps and prices together (portal rate limits)."""


class PriorityFeeSection(Section):
    """What is paid above the base fee to be executed soon. Lamports a transaction."""

    source: Literal["recent", "provider", "fixed"] = "recent"
    """What may raise an order's own fee, up to the order's cap: `recent`, what others lately paid to write the same
    accounts (getRecentPrioritizationFees), or `provider`, the first node's estimate (getPriorityFeeEstimate). `fixed`
    leaves it as it is."""
    percentile: Annotated[int, Field(strict=True, ge=1, le=100), Told(unit="percent")] = 75
    """Which of the recent fees counts: so many percent of them were at most as high."""


class ChainSection(Section):
    """How the chain is asked. A verdict counts at commitment `confirmed`; that cannot be set."""

    rpc_urls: tuple[RpcUrl, ...] = ()
    """JSON-RPC nodes, the first is asked first. `${NAME}` in an address stands for an environment variable. Without
    any: the public node of the profile's cluster."""
    ws_url: WebsocketUrl | None = None
    """Websocket of the first node, where it does not follow from the node's own address."""
    genesis_hash: Address | None = None
    """What every node must answer to getGenesisHash, for a cluster of one's own in place of the profile's."""
    send_urls: tuple[HttpUrl, ...] = ()
    """Servers that transactions are sent to beside the nodes."""
    confirm_interval: Interval = 0.5
    """Between two looks at the signatures without a verdict."""
    rebroadcast_interval: Interval = 1.0
    """The least time between two sendings of the same bytes."""
    max_lag_slots: Annotated[int, Field(strict=True, ge=1, le=10_000), Told(unit="slots")] = 20
    """A node that is further behind the others is not asked."""
    tip: Annotated[Fee, Field(le=100_000_000)] = 0
    """What every swap gives to `tip_account`, for servers of `send_urls` that ask for a tip; 0 for none."""
    tip_account: Address | None = None
    """Who is tipped: one of the accounts that the server names."""
    priority_fee: PriorityFeeSection = PriorityFeeSection()
    """What is paid above the base fee."""

    @model_validator(mode="after")
    def _tip_has_a_taker(self) -> ChainSection:
        if self.tip and self.tip_account is None:
            raise ValueError("tip needs a tip_account: name one of those that the server of send_urls names")
        return self


class JupiterSection(Section):
    """Which of Jupiter's APIs is used, where, and by which right."""

    api: Literal["v2", "v1"] = "v2"
    """`v2` asks `/swap/v2/build` once per attempt. `v1` goes through jupiter-python-sdk to `/swap/v1/quote` and
    `/swap/v1/swap-instructions`."""
    urls: Annotated[tuple[HttpUrl, ...], Field(min_length=1)] = (Url("https://api.jup.ag"),)
    """Hosts of the API, tried in order. `${NAME}` in an address stands for an environment variable."""
    v1_urls: tuple[HttpUrl, ...] = ()
    """Hosts that serve `/swap/v1` and nothing newer, asked where none of `urls` answers; a key may stand in the
    address."""
    api_key_env: EnvironmentName = "JUPITER_API_KEY"
    """Which environment variable holds the API key."""
    api_key_file: File | None = None
    """A file that holds the API key, readable by its owner alone; it goes before the variable."""
    plan: Literal["keyless", "free", "developer", "launch", "pro"] | None = None
    """The plan of the key, which says how many requests a minute are allowed: 30 keyless, 60 free, 600 developer, 3000
    launch, 9000 pro. Without it: free with a key, keyless without one."""
    requests_per_minute: Annotated[int, Field(strict=True, ge=1, le=1_000_000)] | None = None
    """Requests a minute, where the plan does not say it."""
    max_accounts: Annotated[int, Field(strict=True, ge=1, le=64), Told(unit="accounts")] = 64
    """How many accounts a route may touch; fewer make the transaction smaller."""
    blockhash_slots: Annotated[int, Field(strict=True, ge=10, le=300), Told(unit="slots")] = 60
    """For how many slots an attempt over v2 can land: with fewer, one that did not is sooner known to be dead, and
    followed by another."""
    program: Address = "JUP6LkbZbjS1jKKwapdHNy74zcZ3tLUZoi5QNyVTaV4"
    """The program that swaps: Jupiter's own, or that of whoever stands in for it."""

    def rate(self, *, keyed: bool) -> int:
        """Return how many requests a minute may be made, with or without a key."""
        return self.requests_per_minute or REQUESTS_PER_MINUTE[self.plan or ("free" if keyed else "keyless")]
