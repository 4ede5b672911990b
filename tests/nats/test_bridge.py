"""Events reach a real NATS server: live ones as they come, durable ones each once and in order, whatever dies."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from nats.aio.client import Client
from nats.js.api import RawStreamMsg

from engine.bus.subscription import QUEUE
from engine.config import NatsSection
from engine.domain.units import Nanos
from engine.nats.bridge import Bridge
from engine.nats.connection import NotPublishedError
from engine.nats.stream import Stream
from tests.factories import MINT, NOW
from tests.nats.bridging import SOURCE, Happenings, troubled, untroubled
from tests.nats.server import NatsServer, hearing
from tests.waiting import PATIENCE, eventually, meanwhile

IMPATIENCE = 0.5
"""Seconds for an answer of a server that has just started, and loses what it is asked before its JetStream is up."""


@pytest.fixture
def happenings() -> Happenings:
    """Return where things happen."""
    return Happenings()


def in_order(server: NatsServer, count: int, stream: str = "RIPCORD") -> None:
    """Assert that *stream* holds the events 1 to *count*, each once, under the sequence of its number."""
    kept = server.kept(count, stream)
    assert [sequence for sequence, _ in kept] == list(range(1, count + 1))
    assert [int(event["sequence"]) for _, event in kept] == list(range(1, count + 1))
    assert server.size(stream) == (count, count)


def test_live_events_are_heard_under_wildcards(server: NatsServer, happenings: Happenings) -> None:
    """As CloudEvents, the same as by the API, and not by those who asked for other subjects."""
    with happenings.published(server), hearing(server, "ripcord.price.*.tick") as heard:
        happenings.bus.publish("engine.drained", {"queued": 3})
        happenings.tick(0.25)
        subject, event = heard.get(timeout=PATIENCE)
    assert subject == f"ripcord.price.{MINT}.tick"
    assert (event["specversion"], event["source"], event["type"]) == ("1.0", SOURCE, "ripcord.price.tick")
    assert (event["subject"], event["data"]["tick"]["price"]) == (f"price.{MINT}.tick", 0.25)
    assert heard.empty()


def test_live_events_are_not_kept(server: NatsServer, happenings: Happenings) -> None:
    """The stream holds what is numbered, and nothing else."""
    with happenings.published(server) as bridge, hearing(server, "ripcord.>") as heard:
        happenings.tick(0.1)
        happenings.happen(1)
        happenings.tick(0.2)
        subjects = [heard.get(timeout=PATIENCE)[0].split(".")[1] for _ in range(3)]
    assert subjects == ["price", "alert", "price"]
    assert server.size() == (1, 1)
    assert (bridge.counts.live, bridge.counts.durable, bridge.counts.dropped) == (2, 1, 0)


def test_a_durable_event_carries_its_id(server: NatsServer, happenings: Happenings) -> None:
    """By which the server drops one that comes twice."""
    with happenings.published(server):
        happenings.happen(1)
        ((_, event),) = server.kept(1)

    async def first(client: Client) -> RawStreamMsg:
        return await client.jetstream().get_msg("RIPCORD", seq=1)

    assert (server.ask(first).headers or {})["Nats-Msg-Id"] == event["id"] == happenings.store.events()[0].id


def test_what_happened_before_the_stream_was_there_is_caught_up(server: NatsServer, happenings: Happenings) -> None:
    """From the first event on, more than wait in memory, and without a seam to what happens next."""
    happenings.happen(3 * QUEUE)
    with happenings.published(server):
        happenings.happen(50)
        in_order(server, 3 * QUEUE + 50)


def test_what_happens_until_the_end_is_published(server: NatsServer, happenings: Happenings) -> None:
    """Closing waits for it."""
    with happenings.published(server):
        happenings.happen(2000)
    in_order(server, 2000)


@contextmanager
def busy(happenings: Happenings) -> Iterator[None]:
    """Let durable and live events happen meanwhile."""

    def happen() -> None:
        happenings.happen(1)
        happenings.tick(0.5)

    with meanwhile(happen, every=0.002):
        yield


def test_a_server_that_is_killed_over_and_over_misses_nothing(server: NatsServer, happenings: Happenings) -> None:
    """And takes nothing twice, while events happen."""
    with happenings.published(server, ack_timeout=IMPATIENCE) as bridge:
        with busy(happenings):
            for _ in range(3):
                had = bridge.published
                eventually(lambda had=had: bridge.published > had, "events are published")  # type: ignore[misc]
                server.kill()
                troubled(bridge, "")
                server.start()
        in_order(server, happenings.store.last_event())


def test_a_reader_that_is_killed_100_times_sees_each_durable_event_once_and_in_order(
    server: NatsServer, happenings: Happenings
) -> None:
    """During a busy run it comes back with the last number that it saw, after as many events as chance has it."""
    chance, seen = random.Random(11), list[int]()
    with happenings.published(server):
        with busy(happenings):
            for _ in range(100):
                seen += [number for number, _ in server.kept(chance.randrange(1, 8), after=len(seen))]
        newest = happenings.store.last_event()
        seen += [number for number, _ in server.kept(newest - len(seen), after=len(seen))]
    assert seen == list(range(1, newest + 1))


@pytest.fixture
def dying(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Have bridges die between publishing and being answered, at a moment of a seed's choice; count how often."""
    chance, died = random.Random(7), [0]
    taken = Bridge._pass_on

    async def pass_on(self: Bridge, page: Any, line: Any, stream: Any) -> None:
        if chance.random() < 0.5:
            cut = chance.randrange(len(page) + 1)
            for event in page[:cut]:
                await stream.send(event, f"ripcord.{event.subject}", b'{"sequence": "%020d"}' % event.seq)
            if chance.random() < 0.5:
                await line.flush()
            died[0] += 1
            raise ConnectionAbortedError("killed")
        await taken(self, page, line, stream)

    monkeypatch.setattr(Bridge, "_pass_on", pass_on)
    return died


def test_a_bridge_that_dies_100_times_between_publishing_and_being_answered_repeats_nothing(
    server: NatsServer, happenings: Happenings, dying: list[int]
) -> None:
    """What the server had taken is found there; what it had not is published again."""
    while dying[0] < 100:
        enough = dying[0] + 10
        with happenings.bridge(server) as bridge:
            while dying[0] < enough:
                happenings.happen(3)
                newest, died = happenings.store.last_event(), dying[0]
                eventually(
                    lambda newest=newest, died=died: dying[0] > died or bridge.published == newest,  # type: ignore[misc]
                    "it dies or comes to the end",
                )
    with happenings.published(server):
        in_order(server, happenings.store.last_event())


def test_a_stream_that_was_emptied_goes_on_where_it_was(server: NatsServer, happenings: Happenings) -> None:
    """What was removed by a person or by age is not published again, after a restart of the bridge neither."""

    async def purge(client: Client) -> bool:
        return await client.jetstream().purge_stream("RIPCORD")

    with happenings.published(server):
        happenings.happen(10)
        server.kept(10)
        assert server.ask(purge)
        happenings.happen(1)
        assert [number for number, _ in server.kept(1)] == [11]
    assert server.ask(purge)
    with happenings.published(server):
        happenings.happen(1)
        assert [number for number, _ in server.kept(1)] == [12]
    assert server.size() == (1, 12)


def test_a_stream_that_was_removed_is_made_again_from_the_first_event(
    server: NatsServer, happenings: Happenings
) -> None:
    """Whoever removes it begins anew."""

    async def remove(client: Client) -> bool:
        return await client.jetstream().delete_stream("RIPCORD")

    with happenings.published(server) as bridge:
        happenings.happen(5)
        server.kept(5)
        server.ask(remove)
        happenings.happen(1)
        eventually(lambda: bridge.counts.losses > 0, "it finds the stream gone")
        eventually(lambda: bridge.published == 6, "it is published again")
        in_order(server, 6)


def test_a_stream_of_other_subjects_is_refused_in_a_sentence(server: NatsServer, happenings: Happenings) -> None:
    """It says what to do; once that is done, everything is published."""

    async def occupy(client: Client) -> None:
        await client.jetstream().add_stream(name="RIPCORD", subjects=["other.>"])

    async def free(client: Client) -> bool:
        return await client.jetstream().delete_stream("RIPCORD")

    server.ask(occupy)
    happenings.happen(3)
    with happenings.bridge(server) as bridge:
        troubled(bridge, "the stream RIPCORD is for other subjects (other.>): remove the stream, or set nats.stream")
        server.ask(free)
        untroubled(bridge)
        in_order(server, 3)


def test_subjects_that_another_stream_takes_are_refused(server: NatsServer, happenings: Happenings) -> None:
    """The setting to change is in the sentence."""

    async def occupy(client: Client) -> None:
        await client.jetstream().add_stream(name="OTHER", subjects=["ripcord.>"])

    server.ask(occupy)
    with happenings.bridge(server) as bridge:
        troubled(bridge, "already: set nats.prefix to another")


def test_a_stream_of_another_engine_is_refused(server: NatsServer, happenings: Happenings) -> None:
    """By its source."""
    with happenings.published(server):
        pass
    with Happenings().bridge(server, source="ripcord/demo/other") as bridge:
        troubled(bridge, f"the stream RIPCORD is of {SOURCE}")


def test_a_stream_of_another_database_is_refused(server: NatsServer, happenings: Happenings) -> None:
    """One that has less events, and one whose events are others of the same number."""
    with happenings.published(server):
        happenings.happen(3)
        server.kept(3)
    other = Happenings()
    other.happen(1)
    with other.bridge(server) as bridge:
        troubled(bridge, "the stream RIPCORD has had 3 events, and the database has 1")
    later = Happenings(Nanos(NOW + 1))
    later.happen(5)
    with later.bridge(server) as bridge:
        troubled(bridge, "message 3 of the stream RIPCORD is not event 3 of the database")
    assert server.size() == (3, 3)


def test_a_stranger_in_the_stream_is_found(server: NatsServer, happenings: Happenings) -> None:
    """What follows is not published out of its number, and the sentence says what to do."""

    async def intrude(client: Client) -> int:
        return (await client.jetstream().publish("ripcord.alert.x.raised", b"{}")).seq

    with happenings.published(server) as bridge:
        happenings.happen(1)
        server.kept(1)
        assert server.ask(intrude) == 2
        happenings.happen(2)
        troubled(bridge, "message 2 of the stream RIPCORD is not event 2 of the database")
    assert server.size() == (2, 2)


def test_an_event_is_taken_after_its_predecessor_and_not_before(server: NatsServer, happenings: Happenings) -> None:
    """So that one which was lost on the way leaves no gap."""
    happenings.happen(3)
    first, _, third = happenings.store.events()

    async def skip(client: Client) -> None:
        stream = Stream(client, NatsSection(), SOURCE, happenings.store)
        assert await stream.last() == 0
        await stream.send(first, f"ripcord.{first.subject}", b"{}")
        await stream.send(third, f"ripcord.{third.subject}", b"{}")
        with pytest.raises(NotPublishedError, match="does not end before event 3"):
            await stream.taken()
        assert await stream.last() == 1

    server.ask(skip)


def test_two_engines_share_a_server_by_prefix_and_stream(server: NatsServer, happenings: Happenings) -> None:
    """Neither hears or holds what is the other's."""
    other = Happenings()
    with (
        happenings.published(server),
        other.published(server, source="ripcord/demo/other", prefix="desk.two", stream="TWO"),
        hearing(server, "desk.two.>") as heard,
    ):
        happenings.happen(2)
        other.happen(3)
        assert [heard.get(timeout=PATIENCE)[1]["source"] for _ in range(3)] == ["ripcord/demo/other"] * 3
        in_order(server, 2)
        in_order(server, 3, "TWO")
    assert heard.empty()


def test_limits_that_changed_are_those_of_the_stream(server: NatsServer, happenings: Happenings) -> None:
    """And what it holds stays."""

    async def limits(client: Client) -> tuple[float | None, int | None]:
        config = (await client.jetstream().stream_info("RIPCORD")).config
        return config.max_age, config.max_bytes

    with happenings.published(server, max_age=86_400.0):
        happenings.happen(2)
        server.kept(2)
    assert server.ask(limits) == (86_400, -1)
    with happenings.published(server, max_age=3600.0, max_bytes=1_000_000):
        in_order(server, 2)
    assert server.ask(limits) == (3600, 1_000_000)


def test_without_jetstream_it_says_so_until_there_is_some(tmp_path: Path, happenings: Happenings) -> None:
    """The sentence says how to enable it."""
    server = NatsServer(tmp_path, jetstream=None)
    server.start()
    happenings.happen(2)
    try:
        with happenings.bridge(server) as bridge:
            troubled(bridge, "its JetStream does not answer: enable it")
            server.kill()
            troubled(bridge, "Connect call failed")
            server.configure()
            server.start()
            untroubled(bridge)
            in_order(server, 2)
    finally:
        server.kill()


def test_a_server_that_is_full_is_tried_again(tmp_path: Path, happenings: Happenings) -> None:
    """Nothing is skipped: what it did not take waits in the store."""
    server = NatsServer(tmp_path, jetstream="max_file: 20000")
    server.start()
    happenings.happen(100)
    try:
        with happenings.bridge(server, ack_timeout=IMPATIENCE) as bridge:
            troubled(bridge, "JetStream refuses: ")
            taken, _ = server.size()
            assert 0 < taken < 100
            server.kill()
            server.configure()
            server.start()
            untroubled(bridge)
            in_order(server, 100)
    finally:
        server.kill()


def test_a_server_that_stands_still_keeps_nobody_waiting(server: NatsServer, happenings: Happenings) -> None:
    """Whoever publishes goes on, the oldest live events are dropped and counted, and the rest comes afterwards."""
    with happenings.published(server, ack_timeout=2.0, connect_timeout=1.0) as bridge:
        happenings.happen(1)
        server.kept(1)
        with server.standing_still():
            for number in range(3 * QUEUE):
                happenings.tick(float(number))
            happenings.happen(10)
            troubled(bridge, "it does not answer in time")
        untroubled(bridge)
        assert bridge.counts.dropped > QUEUE
        in_order(server, 11)


def test_the_end_is_bounded_where_the_server_stands_still(server: NatsServer, happenings: Happenings) -> None:
    """What it did not take is published by the next start."""
    bridge = happenings.bridge(server, ack_timeout=60.0, connect_timeout=60.0)
    with server.standing_still():
        bridge.start()
        happenings.happen(3)
        bridge.close(0.2)
        assert not bridge._thread.is_alive()
    with happenings.published(server):
        in_order(server, 3)


def test_an_event_that_is_too_large_costs_only_itself(tmp_path: Path, happenings: Happenings) -> None:
    """A live one is dropped and counted."""
    server = NatsServer(tmp_path, "max_payload: 4096")
    server.start()
    try:
        with happenings.published(server) as bridge, hearing(server, "ripcord.engine.>") as heard:
            happenings.bus.publish("engine.message_failed", {"actor": "a", "message": "b", "error": "x" * 5000})
            happenings.bus.publish("engine.drained", {"queued": 0})
            assert heard.get(timeout=PATIENCE)[0] == "ripcord.engine.drained"
        assert (bridge.counts.dropped, bridge.counts.live) == (1, 1)
    finally:
        server.kill()
