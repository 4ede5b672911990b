"""What the commands do that concern a plan, many positions at once, or the engine as a whole."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import replace
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pykka
import pytest

from actors.position import PositionActor
from actors.supervisor import Supervisor
from actors.system import SUPERVISOR, NotRunningError, System, position_name
from engine.domain.entries import EntrySwitch
from engine.domain.errors import BadInputError, ChainUnavailableError, CommandRefusedError
from engine.domain.order import Order, OrderStatus
from engine.domain.plan import PRESETS
from engine.domain.position import PositionStatus
from engine.domain.units import Lamports, Mint, PositionId, RawAmount
from engine.guard import Wanted
from engine.messages.control import EmergencyExit
from engine.messages.orders import PositionOpened
from tests.api.commands import GUARD, OPEN
from tests.api.desk import V1, Desk, all_at_once, running
from tests.doubles_store import MemoryStore
from tests.factories import MINT, a_tick, an_entry, an_event

PLAN = f"{V1}/positions/position-1/plan"
IMPORT = f"{V1}/positions/import"
WHOLE = {name: value for name, value in GUARD.items() if name != "amount"} | {"amount_tokens": "1.5"}
OTHER = Mint("JUPyiwrYJFskUPiHa7hkeR8VUtAeFoSYbKedZNsDvCN")


# A plan is changed -------------------------------------------------------------------------------------------


def test_a_plan_is_changed_by_name_or_in_full(desk: Desk) -> None:
    """The answer has it in the form in which it was given, and it can be given again."""
    by_name = desk.post(PLAN, {"plan": "moonbag"})
    assert (by_name.status_code, by_name.json()["plan"]["stop_loss_pct"]) == (200, "35")
    in_full = desk.post(PLAN, {"plan": by_name.json()["plan"] | {"max_hold": "90m"}}, key="key-2")
    assert (in_full.status_code, in_full.json()["plan"]["max_hold"]) == (200, "5400s")
    assert desk.counts("position.*.plan_changed") == 2


def test_a_stop_that_is_above_the_price_sells_at_once(desk: Desk) -> None:
    """The answer says that an exit is under way."""
    desk.engine.observe(a_tick(0.099, observed_at=desk.clock.now()))
    desk.engine.newest_prices()
    answer = desk.post(PLAN, {"plan": {"stop_loss_pct": "0.5"}}).json()
    assert (answer["status"], answer["active_exit"]["reason"]) == ("exit_pending", "stop_loss")


@pytest.mark.parametrize(
    ("plan", "said"),
    [("reckless", "conservative"), ({"stop_loss_pct": 200}, "stop_loss_pct is 200"), (5, "plan")],
)
def test_a_plan_that_makes_no_sense_changes_nothing(desk: Desk, plan: Any, said: str) -> None:
    """The field is named, and the old plan guards on."""
    answer = desk.post(PLAN, {"plan": plan})
    assert (answer.status_code, said in answer.json()["detail"]) == (422, True)
    assert desk.counts("position.*.plan_changed") == 0


def test_the_plan_of_a_closed_position_cannot_be_changed(tmp_path: Path) -> None:
    """409 with its state; one that never was is 404."""
    with running(tmp_path, lambda desk: desk.add(status=PositionStatus.CLOSED)) as desk:
        answer = desk.post(PLAN, {"plan": "moonbag"})
        assert (answer.status_code, "is closed" in answer.json()["detail"]) == (409, True)
        assert desk.post(f"{V1}/positions/x/plan", {"plan": "moonbag"}, key="key-2").status_code == 404


# Many are taken under guard ----------------------------------------------------------------------------------


def test_many_are_guarded_in_one_commit(tmp_path: Path) -> None:
    """In the order in which they were asked for, each with an actor of its own."""
    with running(tmp_path) as desk:
        commits: list[int] = []
        desk.store.watch(lambda records: commits.append(len(records)))
        answer = desk.post(IMPORT, {"tokens": [GUARD, GUARD | {"amount": None, "plan": "moonbag"}]})
        positions = answer.json()["positions"]
        assert [each["entry_amount_tokens"] for each in positions] == ["1000000000", "4000000000"]
        assert commits == [2]
        for each in positions:
            assert desk.post(f"{V1}/positions/{each['id']}/exit", key=each["id"]).status_code == 200


@pytest.mark.parametrize(
    ("tokens", "said"),
    [
        ([GUARD, GUARD | {"mint": OTHER}], ["tokens.1.mint"]),
        ([GUARD | {"amount": "4000000001"}, GUARD], ["tokens.1.amount"]),
        ([GUARD | {"amount": None}, GUARD], ["tokens.1.mint: the wallet holds no"]),
        ([GUARD, GUARD | {"entry_price": None}], ["tokens.1.entry_price"]),
        ([GUARD, GUARD | {"amount": 10**10}, GUARD | {"entry_price": "1e-20"}], ["tokens.1.amount", "tokens.2.entry"]),
        ([GUARD | {"plan": []}, GUARD, GUARD | {"plan": "none"}], ["tokens.0.plan", "tokens.2.plan"]),
        ([GUARD | {"plan": {}}, GUARD, GUARD | {"plan": {"x": 1}}], ["tokens.0.plan", "tokens.2.plan"]),
        ([GUARD, GUARD | {"plan": {"stop_loss_pct": 0}}], ["tokens.1.plan: the exit plan makes no sense: stop_loss"]),
        ([GUARD, GUARD | {"amount": "-1"}], ["tokens.1.amount"]),
        ([GUARD, GUARD | {"colour": "red"}], ["tokens.1.colour"]),
        ([GUARD, WHOLE | {"amount": "1"}], ["tokens.1: ", "give one of them"]),
        ([GUARD, WHOLE | {"amount_tokens": "0.0000001"}], ["tokens.1.amount: ", "more decimals than the token"]),
        ([GUARD, WHOLE | {"amount_tokens": "0"}], ["tokens.1.amount_tokens"]),
        ([GUARD, WHOLE | {"amount_tokens": "1" + 30 * "0"}], ["tokens.1.amount_tokens"]),
        ([], ["tokens"]),
        ([GUARD | {"amount": 1}] * 501, ["tokens"]),
    ],
)
def test_one_bad_line_keeps_all_out(tmp_path: Path, tokens: list[Any], said: list[str]) -> None:
    """422 that names each bad line by its index and its field, and nothing is guarded."""
    with running(tmp_path) as desk:
        answer = desk.post(IMPORT, {"tokens": tokens})
        assert (answer.status_code, [part for part in said if part not in answer.json()["detail"]]) == (422, [])
        assert desk.store.positions() == []


def test_an_amount_may_be_in_whole_tokens(tmp_path: Path) -> None:
    """The engine knows how many decimals the token has."""
    with running(tmp_path) as desk:
        taken = desk.post(IMPORT, {"tokens": [WHOLE, GUARD]}).json()["positions"]
        assert [each["entry_amount_tokens"] for each in taken] == ["1500000", "1000000000"]
        one = desk.post(f"{V1}/positions/guard", WHOLE | {"amount_tokens": "2e3"}, key="key-2")
        assert one.json()["entry_amount_tokens"] == "2000000000"


def test_the_longest_import_is_not_too_large(tmp_path: Path) -> None:
    """500 tokens, each with the longest plan and every field, come to the wallet's balance and not to 413."""
    target = {"gain_pct": "999999.9999", "sell_pct": "99.9999"}
    plan = {
        "stop_loss_pct": "99.9999",
        "take_profits": [{**target, "gain_pct": f"{gain}.9999"} for gain in (899999, 900000, 999999)],
        "trailing": {"activation_pct": "999999.9999", "trail_pct": "99.9999"},
        "stagnation": {"band_pct": "99.9999", "window": "3649d"},
        "max_hold": "3650d",
    }
    price = "123456789012.1234567890123456789012345678"
    token = {"mint": MINT, "plan": plan, "amount": str(2**64 - 1), "entry_price": price, "symbol": "A" * 32}
    with running(tmp_path) as desk:
        answer = desk.post(IMPORT, {"tokens": [token] * 500})
        assert (answer.status_code, "tokens.499.amount: the wallet holds" in answer.text) == (422, True)


def test_tokens_that_are_being_bought_are_not_guarded_twice(desk: Desk) -> None:
    """They may be in the wallet already, and their position is not there yet."""
    entry = an_entry(position_id=PositionId("position-9"))
    desk.store.commit(entry, an_event(entry))
    refused = desk.post(f"{V1}/positions/guard", GUARD)
    assert (refused.status_code, "entry-1" in refused.json()["detail"]) == (422, True)
    desk.store.commit(replace(entry, status=OrderStatus.CANCELLED))
    assert desk.post(f"{V1}/positions/guard", GUARD, key="key-2").status_code == 200


def test_a_chain_that_cannot_be_read_is_503(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """That is nobody's bad line: the same import is good later."""
    with running(tmp_path) as desk:
        monkeypatch.setattr(desk.chain, "token_balance", _unreachable)
        assert desk.post(IMPORT, {"tokens": [GUARD]}).status_code == 503
        assert desk.store.positions() == []


def _unreachable(_mint: Mint) -> RawAmount:
    raise ChainUnavailableError("no node answers")


def test_a_guard_is_told_of_its_own_fault_alone(desk: Desk) -> None:
    """The sentence of a single guard names no index."""
    with pytest.raises(BadInputError, match=r"^the wallet holds"):
        desk.engine.guard(MINT, PRESETS["moonbag"], amount=RawAmount(10**10), price=Decimal(1))


def test_the_same_tokens_are_taken_once_by_whoever_asks_at_once(tmp_path: Path) -> None:
    """Of ten that take 2000 of 5000 tokens, one by one or together, two find some left."""
    wanted = Wanted(mint=MINT, plan=PRESETS["moonbag"], amount=RawAmount(2 * 10**9), entry_price=Decimal(1))
    with running(tmp_path) as desk:
        one = partial(desk.engine.guard, MINT, wanted.plan, amount=RawAmount(2 * 10**9), price=Decimal(1))
        many = partial(desk.engine.guard_all, [wanted])
        outcomes = all_at_once([partial(_outcome, work) for work in (one, many) * 5])
        assert Counter(outcomes) == {"taken": 2, "refused": 8}


def _outcome(work: Any) -> str:
    try:
        work()
    except BadInputError:
        return "refused"
    return "taken"


def test_a_guard_does_not_wait_for_another_for_ever(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the chain keeps one waiting, the next is told so."""
    monkeypatch.setattr("engine.app.ASK_TIMEOUT", 0.05)
    asked, go_on = threading.Event(), threading.Event()
    balance = desk.chain.token_balance

    def slow(mint: Mint) -> RawAmount:
        asked.set()
        assert go_on.wait(timeout=10)
        return balance(mint)

    monkeypatch.setattr(desk.chain, "token_balance", slow)
    guard = partial(desk.engine.guard, MINT, PRESETS["moonbag"], amount=RawAmount(1), price=Decimal(10**6))
    first = threading.Thread(target=guard)
    first.start()
    try:
        assert asked.wait(timeout=10)
        with pytest.raises(CommandRefusedError, match="being taken under guard"):
            guard()
    finally:
        go_on.set()
        first.join(timeout=10)
    assert len(desk.store.positions()) == 2


# Everything is left -------------------------------------------------------------------------------------------


def test_a_position_that_does_not_answer_or_fails_keeps_no_other_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of five is stuck, one fails and one has no actor: two are sold, and what became of each is said."""
    monkeypatch.setattr("engine.app.ASK_TIMEOUT", 0.5)
    names, go_on = [f"position-{number}" for number in range(5)], threading.Event()
    receive = PositionActor.receive

    def troubled(actor: PositionActor, message: Any) -> Any:
        if isinstance(message, EmergencyExit) and actor.name == position_name("position-0"):
            go_on.wait(timeout=10)
        if isinstance(message, EmergencyExit) and actor.name == position_name("position-1"):
            raise CommandRefusedError("it cannot be sold")
        return receive(actor, message)

    monkeypatch.setattr(PositionActor, "receive", troubled)
    with running(tmp_path, lambda desk: [desk.add(name) for name in names]) as desk:
        desk.engine.system.stop(position_name("position-2"))
        try:
            outcomes = desk.engine.emergency_exit_all()
            assert {key: type(outcome) for key, outcome in outcomes.items()} == dict(
                zip(names, (pykka.Timeout, CommandRefusedError, NotRunningError, Order, Order), strict=True)
            )
            sold = {order.position_id for order in desk.orders()}
            assert sold == {PositionId("position-3"), PositionId("position-4")}
            exits = desk.post(f"{V1}/positions/emergency").json()["exits"]
        finally:
            go_on.set()
    assert [each["position_id"] for each in exits] == names
    assert ["did not answer" in exits[0]["error"], exits[1]["error"]] == [True, "it cannot be sold"]
    assert all("emergency (order exit-" in each["error"] for each in exits[3:])


def test_a_position_that_was_opened_a_moment_ago_can_be_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The supervisor starts its actor only when the commands are there, and each of them waits for that."""
    asked = threading.Semaphore(0)
    ask, receive = System.ask, Supervisor.receive

    def asking(system: System, name: str, message: Any, *, timeout: float) -> Any:
        if name == SUPERVISOR:
            asked.release()
        return ask(system, name, message, timeout=timeout)

    def busy(supervisor: Supervisor, message: Any) -> Any:
        if isinstance(message, PositionOpened):
            assert asked.acquire(timeout=10)
        return receive(supervisor, message)

    monkeypatch.setattr(System, "ask", asking)
    monkeypatch.setattr(Supervisor, "receive", busy)
    with running(tmp_path) as desk:
        one = desk.engine.guard(MINT, PRESETS["moonbag"], amount=RawAmount(10**9), price=Decimal(1)).id
        assert desk.post(f"{V1}/positions/{one}/exit").status_code == 200
        two = desk.engine.guard(MINT, PRESETS["moonbag"], amount=RawAmount(10**9), price=Decimal(1)).id
        outcomes = desk.engine.emergency_exit_all()
        assert isinstance(outcomes[two], Order), outcomes


def test_a_command_for_a_position_without_an_actor_is_refused_as_what_it_is(desk: Desk) -> None:
    """An open position says that nobody guards it, and not that it is open."""
    desk.engine.system.stop(position_name("position-1"))
    refused = desk.post(f"{V1}/positions/position-1/emergency")
    assert (refused.status_code, "its actor does not run" in refused.json()["detail"]) == (503, True)
    assert desk.orders() == []


# Entries are paused -----------------------------------------------------------------------------------------


def test_a_pause_is_the_engines_and_outlives_it(tmp_path: Path) -> None:
    """It stands in the store: neither the API nor its audit log is asked, and a new engine goes by it."""
    store = MemoryStore()
    with running(tmp_path / "first", store=store) as desk:
        desk.engine.pause_entries()
        assert store.entry_switch("wallet") == EntrySwitch(wallet="wallet", paused=True, updated_at=desk.clock.now())
    with running(tmp_path / "second", store=store) as desk:
        assert desk.engine.entries_paused
        with pytest.raises(CommandRefusedError, match="entries are paused"):
            _open(desk)
        desk.engine.resume_entries()
        assert _open(desk).mint == MINT


def _open(desk: Desk) -> Order:
    return desk.engine.open_position(MINT, Lamports(10**9), PRESETS["balanced"])


def test_a_pause_holds_for_an_entry_that_is_being_made(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The chain takes a while to answer, and whoever paused meanwhile finds nothing bought."""
    balance = desk.chain.sol_balance

    def slow() -> Lamports:
        desk.engine.pause_entries()
        return balance()

    monkeypatch.setattr(desk.chain, "sol_balance", slow)
    with pytest.raises(CommandRefusedError, match="entries are paused"):
        _open(desk)
    assert desk.orders() == []


def test_a_pause_is_told_of_once(desk: Desk) -> None:
    """Pausing what is paused is no news; each change is an event."""
    told: list[str] = []
    end = desk.bus.subscribe("engine.*", lambda subject, _data: told.append(subject))
    for number, what in enumerate(("resume", "pause", "pause", "resume", "resume")):
        answer = desk.post(f"{V1}/engine/entries/{what}", key=f"key-{number}")
        assert answer.json() == {"entries_paused": what == "pause"}
    end()
    assert [subject for subject in told if "entries" in subject] == ["engine.entries_paused", "engine.entries_resumed"]


def test_exits_and_guards_go_on_while_entries_are_paused(desk: Desk) -> None:
    """Nothing is bought, and everything else is done."""
    desk.engine.pause_entries()
    assert desk.post(f"{V1}/positions", OPEN).status_code == 409
    assert desk.post(f"{V1}/positions/position-1/exit", key="exit").status_code == 200
    assert desk.post(f"{V1}/positions/guard", GUARD, key="guard").status_code == 200
