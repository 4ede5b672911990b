"""A cluster that stands still, and a wallet on it."""

from __future__ import annotations

import pytest
from solders.keypair import Keypair

from chain.simulated.bank import Bank
from engine.clock import ManualClock
from engine.domain.units import LAMPORTS_PER_SOL


@pytest.fixture
def clock() -> ManualClock:
    """Return a clock that stands still."""
    return ManualClock()


@pytest.fixture
def bank(clock: ManualClock) -> Bank:
    """Return a new cluster."""
    return Bank(clock)


@pytest.fixture
def wallet(bank: Bank) -> Keypair:
    """Return a wallet with ten SOL."""
    keypair = Keypair()
    bank.airdrop(keypair.pubkey(), 10 * LAMPORTS_PER_SOL)
    return keypair
