"""Fences in SQL, for SQLite and PostgreSQL: what no program, and no slip at a console, may write.

A released revision must make the same schema for ever, so what a function here returns does not change once one
has used it.
"""

from __future__ import annotations

from collections.abc import Iterable

from alembic import op
from sqlalchemy import CheckConstraint


def one_of(column: str, values: Iterable[str], name: str) -> CheckConstraint:
    """Allow no other words than *values*; a column that may be NULL may stay so."""
    return CheckConstraint(f"{column} IN ({', '.join(repr(value) for value in values)})", name=name)


def amount(column: str, *, signed: bool = False) -> CheckConstraint:
    """Allow whole numbers alone, and none below zero unless *signed*; on SQLite, where they are text, their digits."""
    name = f"{column}_is_an_amount"
    if on_postgresql():
        # The type allows whole numbers alone, and NaN, which PostgreSQL holds to be above every number.
        return CheckConstraint(f"{column} <> 'NaN'" + ("" if signed else f" AND {column} >= 0"), name=name)
    digits = f"({column} = '0' OR {column} GLOB '[1-9]*') AND {column} NOT GLOB '*[^0-9]*'"
    if signed:
        digits = f"({digits}) OR ({column} GLOB '-[1-9]*' AND substr({column}, 2) NOT GLOB '*[^0-9]*')"
    return CheckConstraint(digits, name=name)


def at_most(lesser: str, greater: str, name: str) -> CheckConstraint:
    """Hold amount *lesser* to at most amount *greater*; neither is negative.

    SQLite has them as digits without leading zeros: the longer is the larger, and of one length the later in order.
    """
    if on_postgresql():
        return CheckConstraint(f"{lesser} <= {greater}", name=name)
    shorter = f"length({lesser}) < length({greater})"
    same_length = f"length({lesser}) = length({greater}) AND {lesser} <= {greater}"
    return CheckConstraint(f"{shorter} OR ({same_length})", name=name)


def append_only(table: str) -> None:
    """Refuse every change and removal of what *table* holds."""
    message = f"{table} is append-only"
    _refuse(table, f"{table}_stays_as_it_is", "UPDATE", message)
    keep(table, message)


def keep(table: str, message: str) -> None:
    """Refuse to remove anything from *table*."""
    _refuse(table, f"{table}_stays", "DELETE", message)
    if on_postgresql():
        _refuse(table, f"{table}_is_not_emptied", "TRUNCATE", message)


def fixed(table: str, columns: Iterable[str], message: str) -> None:
    """Refuse to change *columns* of what *table* holds."""
    unequal = "IS DISTINCT FROM" if on_postgresql() else "IS NOT"
    changed = " OR ".join(f"NEW.{column} {unequal} OLD.{column}" for column in columns)
    _refuse(table, f"{table}_keeps_what_it_is_of", "UPDATE", message, when=changed)


def prepare_refusals() -> None:
    """Make the function that PostgreSQL's triggers call; once, before the first of them."""
    if on_postgresql():
        op.execute(
            "CREATE FUNCTION ripcord_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            "RAISE EXCEPTION USING MESSAGE = TG_ARGV[0], ERRCODE = 'integrity_constraint_violation'; END $$"
        )


def on_postgresql() -> bool:
    """Return whether the revision runs on PostgreSQL, and not on SQLite."""
    return bool(op.get_context().dialect.name == "postgresql")


def _refuse(table: str, name: str, event: str, message: str, *, when: str = "") -> None:
    condition = f"WHEN ({when}) " if when else ""
    if on_postgresql():
        level = "STATEMENT" if event == "TRUNCATE" else "ROW"
        action = f"FOR EACH {level} {condition}EXECUTE FUNCTION ripcord_refuse('{message}')"
    else:
        action = f"FOR EACH ROW {condition}BEGIN SELECT RAISE(ABORT, '{message}'); END"
    op.execute(f"CREATE TRIGGER {name} BEFORE {event} ON {table} {action}")
