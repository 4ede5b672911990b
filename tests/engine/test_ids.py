"""Names for new things."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable

import pytest

from engine.ids import CountedIds, RandomIds
from engine.ports import Ids


@pytest.mark.parametrize("make", [RandomIds, CountedIds])
def test_no_name_is_given_twice(make: Callable[[], Ids]) -> None:
    """Names of one source are all different, and each begins with its prefix."""
    ids = make()
    names = [ids.new(prefix) for _ in range(1_000) for prefix in ("exit", "entry")]
    assert len(set(names)) == len(names)
    assert {name.partition("-")[0] for name in names} == {"exit", "entry"}


def test_random_names_cannot_be_guessed_from_one_another() -> None:
    """48 random bits in hexadecimal digits; two sources do not give the same names."""
    assert re.fullmatch(r"exit-[0-9a-f]{12}", RandomIds().new("exit"))
    assert RandomIds().new("exit") != RandomIds().new("exit")


def test_counted_names_are_those_of_the_last_run() -> None:
    """Each prefix counts from 1, so that a replay gives the same names."""
    ids = CountedIds()
    assert [ids.new("exit"), ids.new("entry"), ids.new("exit")] == ["exit-1", "entry-1", "exit-2"]
    assert CountedIds().new("exit") == "exit-1"


@pytest.mark.parametrize("make", [RandomIds, CountedIds])
def test_threads_that_ask_at_once_get_different_names(make: Callable[[], Ids]) -> None:
    """Actors name things at the same time: no name goes to two of them."""
    ids, names, start = make(), [], threading.Barrier(4)

    def ask() -> None:
        start.wait(timeout=10)
        names.extend([ids.new("exit") for _ in range(2_000)])

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert len(set(names)) == len(names) == 8_000
