"""Events as the outside sees them: types, schemas, envelope, and the page that documents them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from typer.testing import CliRunner

from engine.cli import app
from engine.domain.errors import BadInputError
from engine.domain.events import Event, matches, numbered, type_of
from engine.domain.units import RawAmount
from engine.events.catalogue import TYPES, VERSION, plain, schema_of
from engine.events.envelope import cloud_event, source_of
from engine.events.fields import rfc3339
from engine.store.sql import SqlStore
from tests.docs.pages import ROOT, blocks
from tests.doubles_store import MemoryStore
from tests.factories import NOW, a_position, a_tick, an_attempt, an_event, an_exit
from tests.simulation.world import World

PAGE = ROOT / "docs" / "events.md"
U64 = 2**64 - 1


def fits(type_: str, data: Any) -> bool:
    """Return whether *data* is what the published schema of *type_* says."""
    return jsonschema_rs.validator_for(schema_of(type_), validate_formats=True).is_valid(data)


class Listening(World):
    """A run that keeps what the actors publish live, as plain JSON."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.live: list[tuple[str, dict[str, Any]]] = []

    def publish(self, subject: str, data: Mapping[str, Any]) -> None:
        """Keep it, and go on."""
        super().publish(subject, data)
        self.live.append((type_of(subject), plain(subject, data)))


def test_every_event_of_whole_runs_fits_its_schema() -> None:
    """Runs with faults of every kind, and all that they tell; an order's events are its history, line by line."""
    types: set[str] = set()
    validators = {type_: jsonschema_rs.validator_for(schema_of(type_), validate_formats=True) for type_ in TYPES}
    for seed in range(25):
        world = Listening(seed)
        world.run()
        events = world.store.events(limit=10**6)
        assert [event.seq for event in events] == list(range(1, len(events) + 1))
        told = [*((event.type, dict(event.data)) for event in events), *world.live]
        assert [entry for entry in told if not validators[entry[0]].is_valid(entry[1])] == []
        types |= {type_ for type_, _ in told}
        for order in world.store.orders():
            lines = [(line.status.value, rfc3339(line.at)) for line in world.store.history(order.id)]
            heard = [e for e in events if matches(f"order.{order.id}.*", e.subject)]
            assert [(event.data["status"], rfc3339(event.time)) for event in heard] == lines
    durable = {type_ for type_ in TYPES if not type_.startswith(("ripcord.engine.", "ripcord.price."))}
    by_hand = {"ripcord.alert.acknowledged", "ripcord.position.plan_changed"}
    assert durable - types <= {*by_hand, "ripcord.alert.updated"}


def test_whatever_an_actor_publishes_live_is_in_the_catalogue() -> None:
    """No subject is published that has no schema."""
    source = "".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "actors").glob("*.py")))
    subjects = re.findall(r'self\.publish\(\s*f?"([^"]+)"', source)
    assert len(subjects) >= 14
    assert {type_of(re.sub(r"\{.*?\}", "x", subject)) for subject in subjects} <= set(TYPES)
    assert not [subject for subject in subjects if subject.startswith(("order.", "attempt.", "position.", "alert."))]


def test_money_is_exact_and_nothing_is_secret() -> None:
    """Amounts beyond what a float holds come through as their digits; no bytes, no seed of a marker."""
    store = MemoryStore()
    order = an_exit(amount_tokens=RawAmount(U64), marker_seed="unpredictable")
    position = a_position(entry_amount_tokens=RawAmount(U64), sold_tokens=RawAmount(1))
    store.commit(position, order, an_event(order), an_attempt(order, raw=b"signed bytes"))
    data = {event.type.split(".")[1]: event.data for event in store.events()}
    assert data["order"]["amount_tokens"] == str(U64)
    assert data["position"]["remaining_tokens"] == str(U64 - 1)
    text = json.dumps(data)
    assert "unpredictable" not in text
    assert "signed bytes" not in text
    assert b"signed bytes".hex() not in text


def test_a_schema_tells_right_from_wrong() -> None:
    """A missing field, an unknown one, a float for money, an amount that is no whole number: each is refused."""
    store = MemoryStore()
    store.commit(a_position())
    (event,) = store.events()
    good = dict(event.data)
    assert fits(event.type, good)
    bad_amounts: list[dict[str, Any]] = [{"fees": amount} for amount in (1.5, "1.5", "01", 1)]
    for change in (*bad_amounts, {"status": "lost"}, {"extra": 1}, {"opened_at": "x"}):
        assert not fits(event.type, good | change), change
    del good["mint"]
    assert not fits(event.type, good)


def test_each_schema_names_itself() -> None:
    """By the URI that its events carry."""
    for type_ in TYPES:
        schema = schema_of(type_)
        event = Event(id="1", subject=type_.removeprefix("ripcord."), time=NOW, data={}, version=VERSION)
        assert schema["$id"] == cloud_event(event, "x")["dataschema"]
        assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    with pytest.raises(BadInputError, match=r"no type of events 'ripcord\.order\.lost'"):
        schema_of("ripcord.order.lost")


def test_the_envelope_is_that_of_cloudevents() -> None:
    """Attributes as version 1.0 names them, and the number of a durable event in one that sorts as text."""
    source = source_of("demo", "wallet")
    data = {"a": 1}
    assert cloud_event(numbered(12, "order.exit-1.filled", NOW, data, 1), source) == {
        "specversion": "1.0",
        "id": f"12-{NOW:x}",
        "source": "ripcord/demo/wallet",
        "type": "ripcord.order.filled",
        "subject": "order.exit-1.filled",
        "time": "2025-06-15T15:06:40.000000000Z",
        "datacontenttype": "application/json",
        "dataschema": "urn:ripcord:schema:order.filled:1",
        "data": data,
        "sequence": "00000000000000000012",
    }
    live = cloud_event(Event(id="live-1", subject="price.m.tick", time=NOW, data=data, version=1), source)
    assert "sequence" not in live
    assert (live["type"], live["subject"]) == ("ripcord.price.tick", "price.m.tick")


def test_a_tick_is_told_with_its_time_and_source() -> None:
    """The one price that is a number: a measurement, and no money."""
    told = plain("price.mint.tick", {"tick": a_tick(0.25)})["tick"]
    assert (told["price"], told["source"], told["observed_at"]) == (0.25, "test", rfc3339(NOW))


@pytest.mark.parametrize("price", [float("nan"), float("inf"), float("-inf")])
def test_what_is_no_number_is_null(price: float) -> None:
    """A source may say anything, and the event of its rejection is still JSON."""
    data = plain("engine.price_rejected", {"tick": a_tick(price), "fault": "not_finite"})
    assert data["tick"]["price"] is None
    assert fits("ripcord.engine.price_rejected", json.loads(json.dumps(data, allow_nan=False)))


def test_every_type_has_an_example_that_is_right() -> None:
    """In docs/events.md, one CloudEvent of each type on a line, with data as its schema says."""
    examples = [json.loads(line) for block in blocks(PAGE, "json") for line in block.splitlines()]
    assert sorted(example["type"] for example in examples) == sorted(TYPES)
    for example in examples:
        type_ = example["type"]
        assert type_of(example["subject"]) == type_
        assert fits(type_, example["data"]), type_
        durable = not type_.startswith(("ripcord.engine.", "ripcord.price."))
        event = Event(id="", subject=example["subject"], time=NOW, data={}, version=VERSION)
        assert set(example) == {*cloud_event(event, ""), *(["sequence"] if durable else [])}
        assert example["dataschema"] == cloud_event(event, "")["dataschema"]


def test_the_example_of_the_page_runs(tmp_path: Path) -> None:
    """The Python of docs/events.md does what it says."""
    (example,) = blocks(PAGE, "python")
    names: dict[str, Any] = {}
    exec(compile(example, str(PAGE), "exec"), names)  # noqa: S102 - the page is ours
    names["test_a_program_resumes_where_it_was"](tmp_path)


def run(*arguments: str) -> str:
    """Return what the command line prints."""
    outcome = CliRunner().invoke(app, ["events", *arguments], catch_exceptions=False)
    assert outcome.exit_code == 0
    return outcome.stdout


def test_the_schemas_are_printed() -> None:
    """That of one type, or all of them by their types."""
    assert json.loads(run("--schema", "ripcord.order.filled")) == schema_of("ripcord.order.filled")
    assert json.loads(run("--schema")) == {type_: schema_of(type_) for type_ in TYPES}


def test_the_events_of_a_database_are_printed(tmp_path: Path) -> None:
    """One CloudEvent on each line, of the subjects and from the number that were asked for."""
    path = tmp_path / "ripcord.db"
    store = SqlStore(path)
    store.belong(profile="devnet", genesis=None)
    store.acquire_lease("wallet", "me", now=NOW, ttl=NOW)
    store.commit(a_position(), an_exit(), an_event())
    store.commit(an_event())
    expected = [cloud_event(event, "ripcord/devnet/wallet") for event in store.events()]
    store.close()
    printed = [json.loads(line) for line in run("--database", str(path)).splitlines()]
    assert printed == expected
    later = run("order.>", "--since", "2", "--database", str(path)).splitlines()
    assert [json.loads(line) for line in later] == expected[2:]
