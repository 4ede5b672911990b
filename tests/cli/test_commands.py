"""What the commands do: each asks before it cannot be taken back, and has its effect on the engine."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from engine.config import Profile
from engine.domain.order import OrderKind, OrderStatus
from engine.domain.plan import PRESETS
from engine.domain.position import PositionStatus
from engine.domain.units import PositionId, seconds
from tests.api.commands import COMMANDS
from tests.api.desk import Desk, running
from tests.cli.shell import Shell
from tests.doubles import no_route
from tests.factories import MINT
from tests.waiting import meanwhile

DESTRUCTIVE = {
    "exit position-1 --percent 50": "sell 50 % of the 1,000 BONK (DezXAZ8z7PnrnRJjz3wXBoRgixCa6xjnB7YaB1pPB263)",
    "emergency position-1": "sell all of the 1,000 BONK",
    "emergency --all": "sell everything of 2 open positions (BONK, WIF), on demo",
    "engine drain": "end the engine of the wallet wallet, on demo: 2 open positions will not be guarded",
}
"""By command: what it says that it will do."""


@contextmanager
def time_passing(desk: Desk) -> Iterator[None]:
    """Let the engine's time go on, which stands still otherwise."""

    def go_on() -> None:
        desk.rest()
        desk.clock.advance(seconds(1))

    with meanwhile(go_on, every=0.02):
        yield


def effects(desk: Desk) -> tuple[int, int]:
    """Return how many orders there are, and how often the end was asked for."""
    return len(desk.orders()), desk.process.drained


@pytest.mark.parametrize("command", DESTRUCTIVE)
def test_what_cannot_be_taken_back_is_not_done_without_a_yes(ripcord: Shell, desk: Desk, command: str) -> None:
    """In a script it is refused; at a terminal it is asked for, and anything but a yes does nothing."""
    before = effects(desk)
    scripted = ripcord(*command.split())
    assert (scripted.code, scripted.out) == (2, "")
    assert f"give --yes to {DESTRUCTIVE[command]}" in scripted.err
    for typed in ("n\n", "\n", "exit\n", ""):
        asked = ripcord(*command.split(), typed=typed)
        assert (asked.code, asked.out) == (1, "")
        assert f"This will {DESTRUCTIVE[command]}" in asked.err
    assert effects(desk) == before


@pytest.mark.parametrize("command", DESTRUCTIVE)
def test_a_yes_is_given_at_the_terminal_or_beforehand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """An emergency for all positions asks for a word of its own."""
    word = "EXIT\n" if "--all" in command else "y\n"
    for number, (options, typed) in enumerate((((), word), (("--yes",), None))):
        folder = tmp_path / str(number)
        folder.mkdir()
        with running(folder, lambda desk: (desk.add(), desk.add("position-2", symbol="WIF"))) as desk:
            assert Shell(monkeypatch, folder, desk)(*command.split(), *options, typed=typed).code == 0
            assert effects(desk) != (0, 0)


def test_mainnet_is_named_in_capitals(ripcord: Shell, desk: Desk) -> None:
    """Where it is real money it is said."""
    desk.engine.settings = desk.engine.settings.model_copy(update={"profile": Profile.MAINNET})
    assert "of position-1, on MAINNET" in ripcord("exit", "position-1", typed="n\n").err


def test_a_position_is_named_by_the_symbol_that_it_alone_has(ripcord: Shell, desk: Desk) -> None:
    """Of several with the same symbol their ids are listed; a closed one is not meant."""
    assert ripcord("exit", "WIF", "--yes", "--output", "json").json["position_id"] == "position-2"
    unknown = ripcord("exit", "POPCAT", "--yes")
    assert (unknown.code, "position 'POPCAT' is not known" in unknown.err) == (2, True)
    third = replace(desk.store.positions()[0], id=PositionId("position-4"))
    desk.store.commit(third)
    several = ripcord("exit", "BONK", "--yes")
    assert several.code == 2
    assert "name one of position-4, position-1" in several.err
    assert len(desk.orders()) == 2


def test_an_exit_is_followed_to_its_fill(ripcord: Shell, desk: Desk) -> None:
    """Each step on standard error, the filled order on standard output, exit code 0."""
    with time_passing(desk):
        done = ripcord("exit", "position-1", "--percent", "50", "--yes", "--wait", "--output", "json")
    assert done.code == 0
    assert (done.json["order"]["status"], done.json["order"]["amount_tokens"]) == ("filled", "500000000")
    assert done.err.splitlines()[-1].startswith("exit-1 filled, attempt 1/3")
    assert desk.store.positions()[0].status is PositionStatus.PARTIAL_EXIT


def test_an_exit_that_fails_for_good_ends_with_1_and_can_be_tried_again(ripcord: Shell, desk: Desk) -> None:
    """The error is said; release gives it up, and retry sells the order's own amount once more."""
    venue = desk.ports.venue
    venue.fail(*[no_route()] * 9)  # type: ignore[attr-defined]
    with time_passing(desk):
        failed = ripcord("exit", "position-1", "--percent", "50", "--yes", "--wait")
        venue.failures.clear()  # type: ignore[attr-defined]
        assert (failed.code, "no route" in failed.err) == (1, True)
        assert "needs action" in ripcord("positions", "show", "position-1").out
        listed = ripcord("positions", "list", "--needs-action", "--output", "json").json["positions"]
        assert [each["id"] for each in listed] == ["position-1"]
        again = ripcord("retry", "exit-1", "--wait", "--output", "json")
    assert (again.code, again.json["status"], again.json["retry_of"]) == (0, "filled", "exit-1")


def test_an_order_that_goes_on_is_a_time_out(ripcord: Shell, desk: Desk) -> None:
    """Exit code 5, and where to look: the engine's time stands still here."""
    done = ripcord("exit", "position-1", "--yes", "--wait", "--timeout", "1")
    assert (done.code, done.out) == (5, "")
    assert "has not ended within 1 s, and goes on: run.py orders shows it" in done.err


def test_an_emergency_that_must_wait_for_an_exit_is_followed_past_it(ripcord: Shell, desk: Desk) -> None:
    """What is in flight is not taken back: what remains is sold after it."""
    desk.chain.outcomes.append("hold")
    assert ripcord("exit", "position-1", "--percent", "50", "--yes").code == 0
    with time_passing(desk):
        desk_sees_in_flight(desk)
        released = threading.Timer(0.5, desk.chain.release)
        released.start()
        done = ripcord("emergency", "position-1", "--yes", "--wait", "--output", "json")
        released.join()
    assert (done.code, done.json["order"]["exit_reason"], done.json["order"]["status"]) == (0, "emergency", "filled")
    assert desk.store.positions()[0].closed


def desk_sees_in_flight(desk: Desk) -> None:
    """Wait until the exit is with the chain."""
    reached = threading.Event()
    end = desk.bus.subscribe("order.exit-1.confirming", lambda *_: reached.set())
    if not any(order.status is OrderStatus.CONFIRMING for order in desk.orders()):
        assert reached.wait(10)
    end()


def test_every_position_is_sold_and_each_is_told_of(ripcord: Shell, desk: Desk) -> None:
    """One that cannot be sold makes the exit code 1, and keeps no other."""
    with time_passing(desk):
        done = ripcord("emergency", "--all", "--yes", "--wait", "--output", "json")
    assert done.code == 0
    assert {each["order"]["status"] for each in done.json["exits"]} == {"filled"}
    assert all(position.closed for position in desk.store.positions())


def test_one_that_is_not_sold_is_named(ripcord: Shell, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 1, with the error of that one, and the order of the other."""
    sell = desk.engine.emergency_exit_all
    refusal = RuntimeError("the actor is gone")
    monkeypatch.setattr(desk.engine, "emergency_exit_all", lambda: {**sell(), PositionId("position-1"): refusal})
    done = ripcord("emergency", "--all", "--yes", "--output", "csv")
    assert (done.code, done.out.count("\n")) == (1, 2)
    assert done.err.startswith("position-1 was not sold: ")


@pytest.mark.parametrize("percent", ["5", "101", "half", "nan"])
def test_a_share_that_makes_no_sense_is_refused_before_it_is_asked_for(
    ripcord: Shell, desk: Desk, percent: str
) -> None:
    """From 10 to 100, as the API has it."""
    done = ripcord("exit", "position-1", "--percent", percent, "--yes")
    assert (done.code, "--percent is" in done.err, desk.orders()[1:]) == (2, True, [])


@pytest.mark.parametrize("arguments", [("emergency",), ("emergency", "position-1", "--all")])
def test_an_emergency_is_of_one_or_of_all(ripcord: Shell, arguments: tuple[str, ...]) -> None:
    """Neither and both are refused."""
    assert ripcord(*arguments, "--yes").code == 2


@pytest.mark.parametrize(
    ("command", "prepared"),
    [
        ("positions release position-1", "/positions/position-1/release"),
        ("cancel exit-1", "/orders/exit-1/cancel"),
        ("alerts ack alert-1", "/alerts/alert-1/acknowledge"),
        ("alerts test", "/alerts/test"),
        ("engine pause", "/engine/entries/pause"),
        ("engine resume", "/engine/entries/resume"),
        ("positions plan position-1 moonbag", "/positions/position-1/plan"),
    ],
)
@pytest.mark.parametrize("form", ["table", "json", "csv"])
def test_a_command_has_the_effect_that_the_api_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, prepared: str, form: str
) -> None:
    """Once, and its answer is printed in each form."""
    spec = COMMANDS[prepared]
    with running(tmp_path, spec.prepare) as desk:
        shell = Shell(monkeypatch, tmp_path, desk)
        before = spec.effects(desk)
        asks = {"positions release position-1", "cancel exit-1"} & {command}
        if asks:
            assert shell(*command.split()).code == 2
            assert spec.effects(desk) == before
        done = shell(*command.split(), *(["--yes"] if asks else []), "--output", form)
        assert (done.code, bool(done.out)) == (0, True), done.err
        assert spec.effects(desk) == before + 1
        assert form != "json" or done.json
        assert form != "csv" or done.out.count("\n") == 2


def test_a_plan_is_given_by_name_file_or_as_json(ripcord: Shell, desk: Desk, tmp_path: Path) -> None:
    """As the other commands take it; one that makes no sense is refused here."""
    (tmp_path / "plan.toml").write_text("stop_loss_pct = 12\n")
    for plan, stop in (("conservative", 10), ("plan.toml", 12), ('{"stop_loss_pct": 15}', 15)):
        assert ripcord("positions", "plan", "position-1", plan).code == 0
        assert desk.store.positions()[0].plan.stop_loss_pct == stop
    assert ripcord("positions", "plan", "position-1", "reckless").code == 2
    assert PRESETS["conservative"].stop_loss_pct == 10


def test_tokens_are_guarded_by_the_running_engine(ripcord: Shell, desk: Desk) -> None:
    """Without a node of one's own: what is left in the wallet, at the price that is given."""
    done = ripcord("guard", MINT, "--entry-price", "0.2", "--plan", "moonbag", "--symbol", "MORE")
    assert (done.code, done.err) == (0, "")
    assert done.out == "pos-1: 3,000 MORE at 0.2000 SOL, 600.000000 SOL in all\n"
    (taken,) = [each for each in desk.store.positions() if each.symbol == "MORE"]
    assert (taken.plan, taken.remaining_tokens) == (PRESETS["moonbag"], 3_000_000_000)


def test_an_amount_is_given_in_whole_tokens(ripcord: Shell, desk: Desk) -> None:
    """The engine knows how many decimals the token has, and refuses more of them."""
    done = ripcord("guard", MINT, "--amount", "0.5", "--entry-price", "0.2", "--symbol", "HALF")
    assert (done.code, done.err) == (0, "")
    assert [each.remaining_tokens for each in desk.store.positions() if each.symbol == "HALF"] == [500_000]
    refused = ripcord("guard", MINT, "--amount", "0.0000005", "--entry-price", "0.2")
    assert (refused.code, "more decimals than the token, which has 6" in refused.err) == (2, True), refused.err


def test_a_file_is_imported_by_the_running_engine_whole_or_not_at_all(
    ripcord: Shell, desk: Desk, tmp_path: Path
) -> None:
    """Amounts are in whole tokens; a line that makes no sense leaves all of them out."""
    file = tmp_path / "tokens.csv"
    file.write_text(f"mint,amount,entry_price,symbol\n{MINT},1000.5,0.2,A\n{MINT},1e9,0.2,B\n")
    refused = ripcord("positions", "import", file)
    assert (refused.code, f"{file}, line 3, amount" in refused.err) == (2, True), refused.err
    assert len(desk.store.positions()) == 3
    file.write_text(f"mint,amount,entry_price,symbol\n{MINT},1000.5,0.2,A\n{MINT},,0.2,B\n")
    done = ripcord("positions", "import", file, "--output", "csv")
    assert (done.code, done.out.count("\n")) == (0, 3)
    taken = {each.symbol: each.remaining_tokens for each in desk.store.positions()}
    assert (taken["A"], taken["B"]) == (1_000_500_000, 1_999_500_000)
    file.write_text(f"mint,amount\n{MINT},0.0000001\n")
    refused = ripcord("positions", "import", file)
    assert (refused.code, "more decimals than the token" in refused.err) == (2, True)


def test_the_engine_ends_when_it_is_told_to(ripcord: Shell, desk: Desk) -> None:
    """And refuses other commands meanwhile, with 1."""
    assert ripcord("engine", "drain", "--yes").out == "The engine drains, and ends.\n"
    assert desk.process.drained == 1
    refused = ripcord("emergency", "position-1", "--yes")
    assert (refused.code, "draining" in refused.err) == (1, True)
    assert all(order.kind is not OrderKind.EXIT or order.id == "exit-9" for order in desk.orders())
