"""Candles in a database: they are no record of a trade, and may be removed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict

from sqlalchemy import Connection, Engine, bindparam, case, delete, select

from engine.domain.candles import Candle
from engine.domain.units import Mint, Nanos
from engine.store import tables
from engine.store.upserts import insert_into

_CANDLES = tables.candles


def keep(connection: Connection, candles: Sequence[Candle]) -> None:
    """Write *candles*; one that is there already is followed by the new one, see `Candle.followed_by`."""
    if not candles:
        return
    statement = insert_into(_CANDLES, connection)
    new, old = statement.excluded, _CANDLES.c
    followed = {
        "high": case((new.high > old.high, new.high), else_=old.high),
        "low": case((new.low < old.low, new.low), else_=old.low),
        "close": new.close,
    }
    connection.execute(
        statement.on_conflict_do_update(index_elements=["mint", "at"], set_=followed), [asdict(c) for c in candles]
    )


def read(reader: Engine, mint: Mint, since: Nanos, until: Nanos) -> list[Candle]:
    """Return the candles of *mint* that begin between *since* and *until*, both included, oldest first."""
    query = select(_CANDLES).where(_CANDLES.c.mint == mint, _CANDLES.c.at.between(since, until))
    with reader.connect() as connection:
        rows = connection.execute(query.order_by(_CANDLES.c.at)).all()
    return [
        Candle(mint=mint, at=Nanos(at), open=first, high=high, low=low, close=last)
        for _, at, first, high, low, last in rows
    ]


def drop(connection: Connection, before: Mapping[Mint, Nanos]) -> None:
    """Remove the candles of each mint that begin before its moment."""
    if before:
        statement = delete(_CANDLES).where(_CANDLES.c.mint == bindparam("of"), _CANDLES.c.at < bindparam("begin"))
        connection.execute(statement, [{"of": mint, "begin": begin} for mint, begin in before.items()])
