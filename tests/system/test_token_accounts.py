"""What becomes of positions whose issuer or whose token account is special, with the whole engine."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from solders.account import Account
from solders.pubkey import Pubkey

from chain.simulated.tokens import Token, Trait
from engine.cli.orders import show_order
from engine.cli.records import records
from engine.cli.render import Form
from engine.config import Settings, TokensSection
from engine.domain.alert import Severity
from engine.domain.errors import BadInputError
from engine.domain.order import OrderStatus
from engine.domain.position import PositionStatus
from engine.domain.units import lamports
from tests.system.test_engine import PLAN, Live, running


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Live]:
    """Return a running engine that closes the token accounts which it empties."""
    with running(tmp_path, Settings(tokens=TokensSection(close_empty_accounts=True))) as live:
        yield live


def account_of(live: Live, token: Token) -> Account | None:
    """Return the wallet's token account."""
    return live.world.bank.account(token.account_of(Pubkey.from_string(live.simulation.wallet.address)))


@pytest.mark.parametrize("token_2022", [False, True])
def test_the_last_exit_closes_the_account_and_the_books_agree(
    live: Live, tmp_path: Path, capsys: pytest.CaptureFixture[str], token_2022: bool
) -> None:
    """The part before it does not; the rent is told in the order's history and is no profit."""
    token = live.token(token_2022=token_2022)
    position = live.open(token)
    held = account_of(live, token)
    assert held is not None
    live.price(token, "0.00126")
    assert live.position(position.id).status is PositionStatus.PARTIAL_EXIT
    part = account_of(live, token)
    assert part is not None
    assert part.lamports == held.lamports
    live.price(token, "0.0007")
    closed = live.position(position.id)
    assert (closed.status, account_of(live, token)) == (PositionStatus.CLOSED, None)
    fills = [fill for order in live.exits(position) for fill in live.store.fills(order.id)]
    assert closed.final_pnl == sum(fill.sol for fill in fills) - lamports("1")
    live.agrees()
    first, *_, last = live.exits(position)
    with records(tmp_path / "engine.db") as found:
        show_order(found, last.id, Form.TABLE)
        shown = capsys.readouterr().out
        show_order(found, first.id, Form.TABLE)
    assert f"Rent of token accounts: {held.lamports / 1e9:.6f} SOL brought back, beside the price" in shown
    assert "Rent of token accounts" not in capsys.readouterr().out


def test_fees_that_nobody_collected_keep_the_account_and_not_the_tokens(live: Live) -> None:
    """A fee-taking token is sold out at its stop although its account cannot be closed."""
    token = live.token(token_2022=True, transfer_fee_bps=200)
    position = live.open(token)
    live.price(token, "0.0001")
    assert live.position(position.id).status is PositionStatus.CLOSED
    assert account_of(live, token) is not None
    assert live.engine.ports.chain.token_balance(token.address) == 0
    assert [order.attempt_count for order in live.exits(position)] == [1]
    live.agrees()


def test_a_position_that_its_issuer_freezes_becomes_an_alert_at_once(live: Live) -> None:
    """One attempt and no more; once it is thawed, a person's retry sells all of it."""
    token = live.token()
    position = live.open(token)
    live.world.freeze(live.simulation.wallet.address, token.address)
    live.price(token, "0.0007", settle=30)
    (failed,) = live.exits(position)
    assert (failed.status, failed.attempt_count) == (OrderStatus.CANCELLED, 1)
    (alert,) = live.store.alerts(unresolved_only=True)
    assert alert.severity is Severity.CRITICAL
    assert "the issuer has frozen your account" in alert.message
    live.world.thaw(live.simulation.wallet.address, token.address)
    live.engine.retry(failed.id)
    live.advance(3)
    assert live.position(position.id).status is PositionStatus.CLOSED
    live.agrees()


def test_a_token_that_nobody_could_sell_is_neither_bought_nor_guarded(live: Live) -> None:
    """A sentence, and nothing is stored."""
    frozen = live.token("FROZEN", token_2022=True, traits=frozenset({Trait.DEFAULT_FROZEN}))
    bound = live.token("BOUND", token_2022=True, traits=frozenset({Trait.NON_TRANSFERABLE}))
    live.world.fund(live.simulation.wallet.address, tokens={bound.address: 5})
    with pytest.raises(BadInputError, match="cannot be traded: the issuer freezes every new account"):
        live.engine.open_position(frozen.address, lamports("1"), PLAN)
    with pytest.raises(BadInputError, match="cannot be traded: the issuer made it non-transferable"):
        live.engine.guard(bound.address, PLAN, price=Decimal(1))
    assert (live.store.orders(), live.store.positions()) == ([], [])
