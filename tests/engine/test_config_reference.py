"""The list of settings is whole: each has a meaning, its default, and what the rest of the code takes it for."""

from __future__ import annotations

import base58
import pytest

from chain.http.rate_limit import PLANS
from chain.keys.sources import VARIABLE
from chain.node.endpoints import MAX_LAG_SLOTS
from chain.node.priority_fees import PERCENTILE
from chain.programs import JUPITER
from docs.settings import page
from engine.config import Profile, Settings
from engine.config.keys import all_keys, all_tables
from engine.config.loading import WALLET_KEY
from engine.config.network import REQUESTS_PER_MINUTE


@pytest.mark.parametrize("name", [key.name for key in all_keys().values()])
def test_every_setting_is_listed_with_its_default_and_a_meaning(name: str) -> None:
    """In a row of its own, or as a column of the table of its kind."""
    key = all_keys()[tuple(name.split("."))]
    assert key.meaning.endswith((".", "?"))
    rows = [line for line in page().splitlines() if line.startswith((f"| `{name}` ", f"| `{key.path[-1]}` "))]
    assert len(rows) == 1
    assert key.meaning in rows[0]


def test_the_defaults_of_the_list_are_those_in_force() -> None:
    """Some of each type, by hand."""
    listed = page()
    for row in (
        '| `profile` |  | `"demo"` |',
        "| `orders.max_concurrent` | orders | `3` | 1 to 32 |",
        "| `prices.deviation` | share of the other price | `0.5` | above 0, below 1 |",
        "| `prices.confirm_exit_above_sol` | SOL | `1` | 0 or more |",
        "| `waits` | seconds | `[0, 1, 2, 4, 8]` | `[5, 15, 45]` | `[5, 15, 45]` | list, each 0 to 86400; at least",
        '| `jupiter.api` |  | `"v2"` | `"v2"` or `"v1"` |',
        "| `jupiter.requests_per_minute` |  | none | 1 to 1000000 |",
        "| `tokens.close_empty_accounts` |  | `false` | `true` or `false` |",
    ):
        assert row in listed


def test_every_table_is_described() -> None:
    """A section says what it is about."""
    assert all((type(section).__doc__ or "").strip() for section in all_tables().values())


def test_what_is_written_twice_is_the_same() -> None:
    """Facts of Solana and Jupiter have their home in `chain`, which the settings do not import."""
    assert Settings().jupiter.program == JUPITER
    assert REQUESTS_PER_MINUTE == PLANS
    assert Settings().chain.max_lag_slots == MAX_LAG_SLOTS
    assert Settings().chain.priority_fee.percentile == PERCENTILE
    assert WALLET_KEY == VARIABLE


def test_each_profile_knows_its_cluster() -> None:
    """The demo takes any; paper trades on nothing and reads mainnet."""
    hashes = {profile: profile.genesis_hash for profile in Profile}
    assert hashes == {
        Profile.DEMO: None,
        Profile.PAPER: "5eykt4UsFv8P8NJdTREpY1vzqKqZKvdpKuc147dw2N9d",
        Profile.DEVNET: "EtWTRABZaYq6iMfeYKouRu166VU2xqa1wcaWoxPkrZBG",
        Profile.MAINNET: "5eykt4UsFv8P8NJdTREpY1vzqKqZKvdpKuc147dw2N9d",
    }
    assert all(len(base58.b58decode(value)) == 32 for value in hashes.values() if value)
