"""What the database refuses whoever asks for it, written as at the database's own console."""

from __future__ import annotations

from enum import StrEnum
from itertools import product

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from engine.domain.alert import AlertStatus, Severity
from engine.domain.errors import FailureKind
from engine.domain.order import AttemptStatus, OrderKind, OrderStatus
from engine.domain.position import PositionStatus
from engine.domain.urgency import ExitReason
from engine.store.sql import SqlStore
from tests.factories import a_fill, a_position, an_alert, an_attempt, an_event, an_exit

WORDS: list[tuple[str, str, type[StrEnum]]] = [
    ("positions", "status", PositionStatus),
    ("positions", "exit_reason", ExitReason),
    ("orders", "status", OrderStatus),
    ("orders", "exit_reason", ExitReason),
    ("orders", "last_error_kind", FailureKind),
    ("attempts", "status", AttemptStatus),
    ("alerts", "status", AlertStatus),
    ("alerts", "severity", Severity),
]
AMOUNTS = [
    *(("positions", name) for name in ("entry_amount_tokens", "entry_amount_sol", "sold_tokens", "fees")),
    *(("orders", name) for name in ("amount_tokens", "amount_sol", "fees")),
    *(("attempts", name) for name in ("quoted_out", "minimum_out")),
]
DIFFERENCES = [("positions", "realized_pnl"), ("positions", "final_pnl"), ("fills", "tokens"), ("fills", "sol")]
NO_DIGITS = ["", "+1", "01", "1.5", "1e3", " 1", "0x1", "--1", "-", "-01", "-0", "1-", "NaN", "Infinity"]


@pytest.fixture
def filled(store: SqlStore) -> SqlStore:
    """A store with a record of every kind."""
    store.commit(a_position(), an_exit(), an_attempt(), a_fill(), an_event(), an_alert())
    return store


def execute(store: SqlStore, statement: str, **values: object) -> int:
    """Run *statement*; return how many rows it changed."""
    with store._backend.writer.begin() as connection:
        return connection.execute(text(statement), values).rowcount


def refuses(store: SqlStore, statement: str, **values: object) -> bool:
    """Return whether a fence stops *statement*."""
    try:
        execute(store, statement, **values)
    except IntegrityError:
        return True
    return False


def test_a_word_is_one_of_those_that_the_program_knows(filled: SqlStore) -> None:
    """Every member is allowed, and nothing else: a new one needs a revision of the schema."""
    for table, column, words in WORDS:
        statement = f"UPDATE {table} SET {column} = :word"  # noqa: S608
        assert [word for word in words if execute(filled, statement, word=word.value) != 1] == []
        assert refuses(filled, statement, word="sold twice"), (table, column)


def test_an_order_is_of_a_kind_that_the_program_knows(filled: SqlStore) -> None:
    """And has a reason where it is an exit, and there alone."""
    statement = "UPDATE orders SET kind = :kind, exit_reason = :reason"
    for kind, reason in product(OrderKind, (None, "manual")):
        fits = (kind is OrderKind.EXIT) == (reason is not None)
        assert refuses(filled, statement, kind=kind.value, reason=reason) is not fits
    assert refuses(filled, statement, kind="short", reason=None)


def test_no_more_than_was_bought_may_be_sold(filled: SqlStore) -> None:
    """Amounts of any length are compared as numbers, even where their digits would sort the other way."""
    for smaller, larger in (("0", "1"), ("9", "10"), ("99", "100"), ("18446744073709551614", "18446744073709551615")):
        for sold, bought in ((smaller, smaller), (smaller, larger), (larger, smaller)):
            statement = f"UPDATE positions SET sold_tokens = '{sold}', entry_amount_tokens = '{bought}'"  # noqa: S608
            assert refuses(filled, statement) is (int(sold) > int(bought)), (sold, bought)


def test_an_amount_is_a_number_that_is_not_negative(filled: SqlStore) -> None:
    """Of everything that is counted; what may be a loss is negative then."""
    for (table, column), amount in product(AMOUNTS, ("'-1'", "'NaN'", "NULL")):
        assert refuses(filled, f"UPDATE {table} SET {column} = {amount}"), (table, column, amount)  # noqa: S608
    for table, column in DIFFERENCES:
        assert execute(filled, f"UPDATE {table} SET {column} = '-18446744073709551615'") == 1  # noqa: S608
        assert refuses(filled, f"UPDATE {table} SET {column} = 'NaN'")  # noqa: S608


@pytest.mark.parametrize("where", ["sqlite"], indirect=True)
def test_where_amounts_are_text_they_are_digits(filled: SqlStore) -> None:
    """As the program writes them, so that they compare and add up as the numbers that they are."""
    for (table, column), amount in product(AMOUNTS + DIFFERENCES, NO_DIGITS):
        statement = f"UPDATE {table} SET {column} = :amount"  # noqa: S608
        assert refuses(filled, statement, amount=amount), (table, column, amount)


def test_what_was_recorded_stays(filled: SqlStore) -> None:
    """History is appended to; attempts, fills and the orders that they belong to are never removed."""
    for statement in (
        "UPDATE history SET note = 'it never happened'",
        "DELETE FROM history",
        "DELETE FROM attempts",
        "DELETE FROM fills",
        "DELETE FROM orders",
        "UPDATE attempts SET raw = ''",
        "UPDATE attempts SET last_valid_block_height = 1",
        "UPDATE fills SET order_id = 'another'",
    ):
        assert refuses(filled, statement), statement


def test_no_number_leaves_its_range(filled: SqlStore) -> None:
    """Slippage is at most all of it, levels are at most three, fees are paid and not received."""
    for statement in (
        "UPDATE orders SET max_slippage_bps = 10001",
        "UPDATE orders SET max_slippage_bps = -1",
        "UPDATE orders SET priority_fee = -1",
        "UPDATE positions SET levels_taken = 4",
        "UPDATE fills SET fee = -1",
        "INSERT INTO leases VALUES ('wallet', 'holder', 0, 0, 0)",
    ):
        assert refuses(filled, statement), statement


@pytest.mark.xdist_group("postgresql")
@pytest.mark.parametrize("where", ["postgresql"], indirect=True)
def test_no_table_of_records_can_be_emptied(filled: SqlStore) -> None:
    """TRUNCATE goes around the triggers of rows."""
    for table in ("history", "attempts", "fills"):
        assert refuses(filled, f"TRUNCATE {table}"), table
