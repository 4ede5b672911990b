"""What a database belongs to. Money of one cluster in the books of another would be sold, or missed, by mistake."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, select

from engine.domain.errors import BadInputError
from engine.store import tables
from engine.store.upserts import insert_into


def belong(connection: Connection, where: str, *, profile: str | None, genesis: str | None) -> None:
    """Write down what the database belongs to, once and for all; what is None is not looked at.

    Args:
        connection: in a transaction.
        where: what a sentence calls the database.
        profile: demo, devnet, paper or mainnet.
        genesis: the cluster's genesis hash, base58.

    Raises:
        BadInputError: it belongs to another.
    """
    mine = {"profile": profile, "genesis": genesis}
    before = _read(connection)
    for key, value in mine.items():
        if value is not None:
            statement = insert_into(tables.meta, connection).values(key=key, value=value)
            connection.execute(statement.on_conflict_do_nothing())
    found = _read(connection)
    if any(value is not None and found[key] != value for key, value in mine.items()):
        theirs = _named(before or found)
        raise BadInputError(f"{where} belongs to {theirs}, and not to {_named(mine)}: name another database")


def owner(connection: Connection) -> tuple[str | None, str | None]:
    """Return the profile that the database belongs to and the wallet that was last worked for, where known."""
    return _read(connection).get("profile"), next(iter(wallets(connection)), None)


def wallets(connection: Connection) -> tuple[str, ...]:
    """Return the base58 addresses of the wallets that the database was worked on for, the last one first."""
    columns = tables.leases.c
    return tuple(connection.execute(select(columns.wallet).order_by(columns.acquired_at.desc())).scalars())


def _read(connection: Connection) -> dict[str, str]:
    return {row.key: row.value for row in connection.execute(select(tables.meta))}


def _named(values: Mapping[str, str | None]) -> str:
    profile, genesis = values.get("profile") or "another profile", values.get("genesis")
    return f"{profile} (genesis {genesis})" if genesis else profile
