"""Who is served first, at the mailbox and in the book."""

from __future__ import annotations

import pykka
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pykka._envelope import Envelope
from pykka.messages import _ActorStop

from actors.mailbox import Activity, Mailbox, PriorityMailbox
from actors.system import ROUTER, position_name
from engine.domain.exits import Window
from engine.domain.order import OrderKind
from engine.domain.units import Mint, Nanos
from engine.domain.urgency import Urgency
from engine.messages.control import EmergencyExit, Snapshot
from engine.messages.orders import PlaceEntry
from engine.messages.prices import PriceMoved
from tests.actors.rig import BONK, Rig


class Ranked:
    """A message with a rank and a number."""

    def __init__(self, urgency: int, number: int) -> None:
        self.urgency = urgency
        self.number = number


def read_all(mailbox: Mailbox) -> list[object]:
    """Empty *mailbox*."""
    found = []
    while not mailbox.empty():
        found.append(mailbox.get().message)
    return found


@given(st.lists(st.sampled_from(list(Urgency))))
def test_the_mailbox_is_read_by_urgency_then_arrival(ranks: list[Urgency]) -> None:
    """Whatever is told in whatever order: the most urgent first, and of one rank the oldest; stop is last."""
    mailbox = PriorityMailbox()
    mailbox.put(Envelope(_ActorStop()))
    mailbox.put(Envelope("unranked"))
    messages = [Ranked(rank, number) for number, rank in enumerate(ranks)]
    for message in messages:
        mailbox.put(Envelope(message))
    *ranked, unranked, stop = read_all(mailbox)
    assert ranked == sorted(messages, key=lambda m: (m.urgency, m.number))
    assert unranked == "unranked"
    assert isinstance(stop, _ActorStop)


@given(st.lists(st.tuples(st.sampled_from("ab"), st.floats(1e-9, 1e9))))
def test_prices_that_wait_are_merged_and_no_extreme_is_lost(prices: list[tuple[str, float]]) -> None:
    """However many prices come before the reader does: one message a mint, with their last, lowest and highest."""
    mailbox = Mailbox()
    for at, (mint, price) in enumerate(prices):
        window = Window(last=price, low=price, high=price, at=Nanos(at))
        mailbox.put(Envelope(PriceMoved(mint=Mint(mint), window=window)))
    read = {m.mint: m.window for m in read_all(mailbox) if isinstance(m, PriceMoved)}
    for mint in {mint for mint, _ in prices}:
        seen = [price for other, price in prices if other == mint]
        assert (read[Mint(mint)].last, read[Mint(mint)].low, read[Mint(mint)].high) == (seen[-1], min(seen), max(seen))
    assert len(read) == len({mint for mint, _ in prices})


def test_mail_to_a_closed_box_is_an_error_of_the_sender() -> None:
    """What nobody would ever read is refused, and whoever asked before is answered."""
    mailbox = Mailbox()
    mailbox.activity = Activity()
    future: pykka.ThreadingFuture[object] = pykka.ThreadingFuture()
    mailbox.put(Envelope("question", reply_to=future))
    assert [e.message for e in mailbox.close()] == ["question"]
    with pytest.raises(pykka.ActorDeadError):
        future.get(timeout=0)
    with pytest.raises(pykka.ActorDeadError):
        mailbox.put(Envelope("late"))
    assert mailbox.activity.wait_idle(0)


def test_a_stop_loss_is_served_before_a_flood_of_a_thousand_orders() -> None:
    """With 1,000 entries in the router's mailbox before it, the next swap is the stop loss all the same."""
    rig = Rig().start()
    rig.steps.pick = lambda ready: min(ready, key=lambda actor: actor.name == ROUTER)
    position = rig.open()
    rig.chain.outcomes.extend(["hold"] * 3)
    entries = [rig.entry() for _ in range(1000)]
    for entry in entries:
        rig.system.tell(ROUTER, PlaceEntry(order=entry))
    served = len(rig.venue.requests)
    rig.price("0.8")
    first = rig.venue.requests[served]
    assert (first.side, first.amount) == ("sell", position.entry_amount_tokens)


def test_emergency_then_stop_loss_then_take_profit_then_entry() -> None:
    """With every slot taken, whatever came in whatever order is served by its rank."""
    rig = Rig(slots=1).start()
    mints = [Mint(name) for name in ("profit", "stop", "emergency")]
    positions = {mint: rig.open(mint) for mint in mints}
    blocker = rig.open(Mint("blocker"))
    rig.chain.outcomes.append("hold")
    rig.price("1.25", blocker.mint)
    rig.advance(1)
    rig.token()
    rig.ask(ROUTER, PlaceEntry(order=rig.entry()))
    rig.price("1.25", Mint("profit"))
    rig.price("0.8", Mint("stop"))
    rig.ask(position_name(positions[Mint("emergency")].id), EmergencyExit())
    queued = rig.view(ROUTER)["queued"]
    assert [o.exit_reason or o.kind for o in queued] == ["emergency", "stop_loss", "take_profit_1", OrderKind.ENTRY]
    served = len(rig.venue.requests)
    rig.chain.release("land")
    rig.advance(10)
    assert [r.mint for r in rig.venue.requests[served:]] == ["emergency", "stop", "profit", BONK]


def test_one_slot_is_kept_for_stop_losses() -> None:
    """Take profits never take the last slot, so a stop loss is sent while all others hang."""
    rig = Rig(slots=3).start()
    positions = [rig.open(Mint(f"m{n}")) for n in range(4)]
    rig.chain.outcomes.extend(["hold"] * 10)
    for position in positions[:3]:
        rig.price("1.25", position.mint)
    rig.advance(1)
    assert len(rig.view(ROUTER)["in_flight"]) == 2
    rig.price("0.8", positions[3].mint)
    rig.advance(1)
    in_flight = rig.view(ROUTER)["in_flight"]
    assert [o.exit_reason for o in in_flight] == ["take_profit_1", "take_profit_1", "stop_loss"]


def test_the_router_answers_while_swaps_hang() -> None:
    """No swap blocks the router: with all slots hanging it still answers at once."""
    rig = Rig(slots=1).start()
    position = rig.open()
    rig.chain.outcomes.extend(["hold"] * 9)
    rig.price("0.8")
    rig.advance(60)
    assert [o.position_id for o in rig.ask(ROUTER, Snapshot())["in_flight"]] == [position.id]
