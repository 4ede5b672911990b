"""A price that counts only where several sources agree."""

from __future__ import annotations

import pytest

from engine.domain.quality import Tick
from engine.domain.voices import Listening, Voice, has_quorum, said
from tests.domain.price_tape import FALLBACK, PRIMARY, Said, Tape
from tests.factories import MINT, NOW

P, F = PRIMARY, FALLBACK


def _played(*ticks: Said, quorum: int = 2, resting: frozenset[str] = frozenset(), until: float = 20) -> Tape:
    return Tape(quorum=quorum, resting=resting).play(ticks).wait(until)


@pytest.mark.parametrize(
    ("ticks", "counted", "without"),
    [
        ([(0, 1.0)], [], [1.0]),
        ([(0, 1.0), (0.1, 1.0, F)], [1.0], [1.0]),
        ([(0, 1.0), (0.1, 1.4, F)], [1.4], [1.0]),
        ([(0, 1.0), (0.1, 1.6, F)], [], [1.0, 1.6]),
        ([(0, 1.0), (0.1, 1.0, F), (1, 1.1), (2, 1.2)], [1.0, 1.1, 1.2], [1.0]),
        ([(0, 1.0), (0.1, 1.0, F), (3.2, 1.1)], [1.0], [1.0, 1.1]),
        ([(0, 1.0, F), (0.1, 1.0), (1, 0.4), (1.2, 0.4)], [1.0], [1.0, 0.4, 0.4]),
        ([(0, 1.0, F), (0.1, 1.0), (1, 0.4), (1.1, 0.4, F), (1.3, 0.4)], [1.0, 0.4, 0.4], [1.0, 0.4]),
        ([(0, 1.0, F), (0.1, 1.0), (1, 0.4), (1.1, 0.4, F)], [1.0, 0.4], [1.0, 0.4]),
    ],
    ids=[
        "one alone",
        "two that agree",
        "two within the deviation",
        "two that do not agree",
        "both speak on",
        "the other fell silent",
        "one crashes alone, twice",
        "both crash",
        "both crash, and say no more",
    ],
)
def test_with_a_quorum_of_two_a_price_counts_where_both_agree(
    ticks: list[Said], counted: list[float], without: list[float]
) -> None:
    """And no other does, however often its source repeats it."""
    tape = _played(*ticks, until=ticks[-1][0] + 1.5)
    assert tape.prices == counted
    assert tape.rejected == [(price, "no_quorum") for price in without]


def test_a_suspect_whose_witness_falls_silent_does_not_count_by_itself() -> None:
    """Silence confirms a price only where one source is enough."""
    ticks: list[Said] = [(0, 1.0, F), (0.1, 1.0), (2.9, 0.4), (3.0, 0.4, F)]
    tape = Tape(quorum=2).play(ticks)
    tape.resting = frozenset({P})
    assert tape.wait(5).prices == [1.0]
    assert tape.rejected[-1] == (0.4, "no_quorum")


def test_a_quorum_of_one_is_every_source_by_itself() -> None:
    """As it was without."""
    assert _played((0, 1.0), (1, 1.1), quorum=1).prices == [1.0, 1.1]


def _voice(source: str, price: float) -> Voice:
    return said(None, Tick(mint=MINT, price=price, source=source, observed_at=NOW))


@pytest.mark.parametrize(("quorum", "enough"), [(1, True), (2, True), (3, False)])
def test_only_sources_that_speak_and_agree_are_counted(quorum: int, enough: bool) -> None:
    """One rests, one is far off, one agrees."""
    voices = {name: _voice(name, price) for name, price in {"a": 1.0, "b": 1.2, "far": 9.0, "rests": 1.0}.items()}
    at = Listening(now=NOW, rules=Tape().rules, resting=frozenset({"rests"}), quorum=quorum)
    assert has_quorum(voices, voices["a"].newest, at) is enough
