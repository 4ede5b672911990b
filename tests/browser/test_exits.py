"""What a person does to a position, from the press to what the books say of it."""

from __future__ import annotations

from decimal import Decimal

from playwright.sync_api import expect

from engine.domain.order import OrderStatus
from engine.domain.position import PositionStatus
from engine.domain.urgency import ExitReason
from tests.browser.cluster import HELD
from tests.browser.console import Console
from tests.browser.stage import Stage
from tests.browser.visitor import Visit
from tests.waiting import eventually


def test_a_price_moves_on_the_page_by_itself(console: Console, stage: Stage) -> None:
    """What the market does is on the page without anything being pressed: price, change, and result."""
    position = stage.hold("TICK")
    row = console.row(position)
    expect(row).to_contain_text("+0.0 %")
    stage.cluster.move("TICK", "1.1")
    expect(row).to_contain_text("+10.0 %")
    expect(row).to_contain_text("0.01100")
    expect(row).to_contain_text("+1.0000")
    stage.cluster.move("TICK", "0.95")
    expect(row).to_contain_text("-5.0 %")


def test_half_a_position_is_sold_and_the_box_follows_it_to_filled(console: Console, stage: Stage) -> None:
    """The slider at 50 sells half of what remains, on chain and in the books, and the page says for how much."""
    position = stage.hold("HALF")
    console.pick(position)
    console.take(50)
    console.button("Manual Exit").click()
    console.becomes("FILLED")
    expect(console.status).to_contain_text("500 HALF for")
    expect(console.status).to_contain_text("1 of 3")
    expect(console.row(position)).to_contain_text("50 %")
    after = stage.position(position.id)
    (order,) = stage.exits(after)
    assert (after.status, after.remaining_tokens * 2) == (PositionStatus.PARTIAL_EXIT, position.entry_amount_tokens)
    assert (order.exit_reason, order.sell_pct) == (ExitReason.MANUAL, Decimal(50))


def test_a_double_click_sells_once(console: Console, stage: Stage) -> None:
    """Two presses on one another are one command in the audit log and one order in the books."""
    position = stage.hold("TWICE")
    console.pick(position)
    console.take(30)
    console.button("Manual Exit").dblclick()
    console.becomes("FILLED")
    console.pick(stage.hold("AFTER"))  # the second press has been answered by then
    (order,) = stage.exits(position)
    assert order.status is OrderStatus.FILLED
    done = [line for line in stage.audit() if line.get("what") == f"POST /api/v1/positions/{position.id}/exit"]
    assert len({line["key"] for line in done}) == 1


def test_an_emergency_exit_is_asked_about_and_sells_only_when_it_is_confirmed(
    console: Console, stage: Stage, regular: Visit
) -> None:
    """The question names the position; dismissed by button or by Escape it sends nothing, confirmed it sells all."""
    regular.expect_error("dismissed")
    position = stage.hold("PANIC")
    console.pick(position)
    console.button("Emergency Exit").click()
    expect(console.dialog).to_contain_text("PANIC")
    console.dialog.get_by_role("button", name="Keep as it is").click()
    expect(console.dialog).to_be_hidden()
    console.button("Emergency Exit").click()
    console.page.keyboard.press("Escape")
    expect(console.dialog).to_be_hidden()
    assert [line for line in stage.audit() if position.id in line.get("what", "")] == []
    console.button("Emergency Exit").click()
    console.dialog.get_by_role("button", name="Sell everything").click()
    console.becomes("FILLED")
    (order,) = stage.exits(position)
    assert order.exit_reason is ExitReason.EMERGENCY
    assert stage.position(position.id).closed


def test_an_exit_that_failed_for_good_is_an_alert_and_is_retried_to_filled(console: Console, stage: Stage) -> None:
    """A stop loss without a market fails, the badge counts its alert, and once there is one Retry Exit sells."""
    position = stage.hold("STUCK")
    console.pick(position)
    expect(console.button("Retry Exit")).to_be_hidden()
    before = len(stage.store.alerts(unresolved_only=True))
    stage.cluster.halt("STUCK")
    stage.cluster.move("STUCK", "0.79")
    console.becomes("CANCELLED")
    expect(console.status).to_contain_text("No routes found")
    expect(console.row(position)).to_contain_text("needs action")
    console.alerts(before + 1)
    stage.cluster.resume("STUCK")
    console.button("Retry Exit").click()
    console.becomes("FILLED")
    console.alerts(before)
    expect(console.button("Retry Exit")).to_be_hidden()
    failed, retried = stage.exits(position)
    assert (failed.status, retried.retry_of, retried.exit_reason) == ("cancelled", failed.id, ExitReason.STOP_LOSS)
    assert stage.position(position.id).closed


def test_a_stuck_position_is_released_and_guarded_on(console: Console, stage: Stage) -> None:
    """Release gives up the exit that failed for good; the position is open, and no exit is under way."""
    position = stage.hold("LOOSE")
    console.pick(position)
    stage.cluster.halt("LOOSE")
    console.button("Emergency Exit").click()
    console.dialog.get_by_role("button", name="Sell everything").click()
    console.becomes("CANCELLED")
    console.button("Release").click()
    console.dialog.get_by_role("button", name="Release").click()
    expect(console.button("Release")).to_be_hidden()
    released = stage.position(position.id)
    assert (released.status, released.active_exit, released.needs_action) == (PositionStatus.OPEN, None, False)


def test_a_queued_exit_is_taken_back(console: Console, stage: Stage) -> None:
    """An exit that waits for its next attempt is cancelled by a press that is confirmed, and nothing is sold."""
    position = stage.hold("QUEUED")
    console.pick(position)
    stage.cluster.halt("QUEUED")
    console.button("Manual Exit").click()
    console.button("Cancel Queued Exit").click()
    console.dialog.get_by_role("button", name="Cancel the exit").click()
    console.becomes("CANCELLED")
    expect(console.button("Cancel Queued Exit")).to_be_hidden()
    after = stage.position(position.id)
    assert (after.status, after.remaining_tokens) == (PositionStatus.OPEN, position.entry_amount_tokens)


def test_stop_and_targets_of_an_open_position_are_changed(console: Console, stage: Stage) -> None:
    """The form begins with the plan as it is; a tighter stop counts from then on, and sells when it is crossed."""
    position = stage.hold("TIGHT")
    console.pick(position)
    console.page.get_by_role("button", name="Change stop and targets").click()
    stop = console.page.get_by_label("Stop loss %")
    expect(stop).to_have_value("20")
    stop.fill("8")
    console.page.get_by_label("Target 1 +%").fill("40")
    console.button("Change Plan").click()
    expect(console.page.get_by_role("region", name="Plan", exact=True)).to_contain_text("8 % below entry")
    plan = stage.position(position.id).plan
    assert (plan.stop_loss_pct, [each.gain_pct for each in plan.take_profits]) == (
        Decimal(8),
        [Decimal(40), Decimal(100)],
    )
    stage.cluster.move("TIGHT", "0.91")
    console.becomes("FILLED")
    assert [order.exit_reason for order in stage.exits(position)] == [ExitReason.STOP_LOSS]


def test_everything_is_sold_only_where_the_word_was_typed(console: Console, stage: Stage, regular: Visit) -> None:
    """With another word the button stays disabled, and Enter sends nothing; with EXIT every open position is sold."""
    regular.expect_error("dismissed")
    positions = [stage.hold("ALL1"), stage.hold("ALL2")]
    console.button("Emergency exit all").click()
    word, accept = console.dialog.get_by_role("textbox"), console.dialog.get_by_role("button", name="Sell everything")
    word.fill("exit")
    expect(accept).to_be_disabled()
    word.press("Enter")
    console.dialog.get_by_role("button", name="Keep as it is").click()
    expect(console.dialog).to_be_hidden()
    assert all(stage.exits(position) == [] for position in positions)
    console.button("Emergency exit all").click()
    word.fill("EXIT")
    accept.click()
    eventually(lambda: all(stage.position(position.id).closed for position in positions), "both are sold")
    assert all(stage.exits(position)[0].exit_reason is ExitReason.EMERGENCY for position in positions)


def test_a_position_is_sold_by_keyboard_alone(console: Console, stage: Stage) -> None:
    """Tab, Enter and the arrows do: select, choose how much, sell; no update of the page takes the focus away."""
    first, second = stage.hold("KEYS"), stage.hold("NEWER")
    expect(console.row(second)).to_be_visible()
    console.tab_to(console.picking(first))
    stage.cluster.move("KEYS", "1.05")
    expect(console.row(first)).to_contain_text("+5.0 %")
    console.page.keyboard.press("Enter")
    console.shows(first)
    console.tab_to(console.slider)
    for _ in range(6):
        console.page.keyboard.press("ArrowLeft")
    console.tab_to(console.button("Manual Exit"))
    console.page.keyboard.press("Enter")
    console.becomes("FILLED")
    sold = stage.position(first.id).sold_tokens
    assert sold == int(HELD * Decimal("0.4") * 10**first.decimals)
