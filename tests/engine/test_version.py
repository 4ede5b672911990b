"""What the engine says of itself."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from engine import __version__
from engine.config import ChainSection, Profile, Settings

ROOT = Path(__file__).parents[2]


def test_the_version_is_that_of_the_package() -> None:
    """As pyproject.toml has it."""
    assert tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"] == __version__


@pytest.mark.parametrize(
    ("profile", "explorer"),
    [
        (Profile.MAINNET, "https://explorer.solana.com/tx/{signature}"),
        (Profile.DEVNET, "https://explorer.solana.com/tx/{signature}?cluster=devnet"),
        (Profile.PAPER, None),
        (Profile.DEMO, None),
    ],
)
def test_a_public_cluster_has_a_public_explorer(profile: Profile, explorer: str | None) -> None:
    """On paper nothing is sent, and nobody else sees the embedded cluster."""
    assert Settings(profile=profile).explorer == explorer


def test_a_cluster_of_ones_own_has_no_public_explorer() -> None:
    """Whatever the profile."""
    own = ChainSection(genesis_hash="5eykt4UsFv8P8NJdTREpY1vzqKqZKvdpKuc147dw2N9d")
    assert Settings(profile=Profile.DEVNET, chain=own).explorer is None
