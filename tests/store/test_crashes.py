"""A process that is killed leaves all of a commit or nothing of it, and all that it was told was kept."""

from __future__ import annotations

from engine.domain.position import Position
from engine.domain.units import PositionId
from engine.store.sql import SqlStore
from tests.store.process import PIECE, running


def kept(store: SqlStore, position: Position) -> set[int]:
    """Return how many pieces of *position* were sold, by each of the records that say so."""
    orders = store.orders(position_id=position.id)
    fills = [fill for order in orders for fill in store.fills(order.id)]
    return {
        position.sold_tokens // PIECE,
        len(orders),
        len(fills),
        -sum(fill.tokens for fill in fills) // PIECE,
        sum(len(store.attempts(order.id)) for order in orders),
        sum(len(store.history(order.id)) for order in orders),
    }


def test_a_kill_at_any_step_of_a_commit_leaves_all_of_it_or_nothing(where: str) -> None:
    """Fill, position, order, attempt and history: nothing before the commit is made, and everything after."""
    with running("crash", where) as process:
        assert process.stdout is not None
        steps = [int(line) for line in process.stdout]
        assert process.wait(timeout=30) == 0
    assert len(steps) >= 5 + 2
    store = SqlStore(where)
    try:
        assert [position.id for position in store.positions()] == [
            f"position-{steps[-1]}",
            f"position-{len(steps) + 1}",
        ]
        assert all(kept(store, position) == {1} for position in store.positions())
        assert len(store.orders()) == len(store.fills()) == len(store.attempts()) == 2
    finally:
        store.close()


def test_a_kill_in_the_middle_of_many_commits_loses_none_that_returned(where: str) -> None:
    """Wherever it strikes, what was reported as kept is there, and at most the one that was under way beside it."""
    with running("write", where) as process:
        assert process.stdout is not None
        reported = [int(process.stdout.readline()) for _ in range(20)]
        process.kill()
        reported += [int(line) for line in process.stdout.read().split()]
    store = SqlStore(where)
    try:
        position = store.position(PositionId("position-1"))
        assert position is not None
        (sold,) = kept(store, position)
        assert sold - reported[-1] in {0, 1}
        store.commit(position)
    finally:
        store.close()
