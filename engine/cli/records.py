"""The database of an engine that does not run, asked as the API of a running one is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Protocol
from urllib.parse import unquote

import typer

from engine.choices import By
from engine.domain.errors import BadInputError
from engine.domain.units import OrderId

if TYPE_CHECKING:
    from engine.cli.remote.options import Reach
    from engine.store.sql import SqlStore

_POINTS = 500

DatabaseOption = Annotated[
    Path | None,
    typer.Option("--database", help="Read this SQLite file of an engine that does not run, and ask none."),
]


class Source(Protocol):
    """What is asked: a running engine or a database."""

    def get(self, path: str, **parameters: Any) -> Any:
        """Return the answer to a question of the API; parameters that are None do not count."""


class Records:
    """The records in *store*, in the form that the API has them."""

    def __init__(self, store: SqlStore, file: Path) -> None:
        self.store = store
        self._file = file

    def get(self, path: str, **parameters: Any) -> Any:
        """Return the answer; see `Source`.

        Raises:
            BadInputError: there is no such record, or what is asked needs a running engine.
        """
        from engine.api.curve import realized, thinned
        from engine.api.results import results
        from engine.api.schemas import AlertView, OrderView, PositionView

        match path.split("/")[1:]:
            case ["orders"]:
                parameters["exit_reason"] = parameters.pop("reason", None)
                return _page("orders", map(OrderView.model_validate, self.store.orders()), parameters)
            case ["orders", name]:
                return self._order(unquote(name))
            case ["alerts"]:
                return _page("alerts", map(AlertView.model_validate, self.store.alerts()), parameters)
            case ["positions"]:
                return _page("positions", map(PositionView.model_validate, self.store.positions()), parameters)
            case ["pnl"]:
                positions, orders, fills = self.store.positions(), self.store.orders(), self.store.fills()
                curve = thinned(realized(positions, orders, fills), _POINTS)
                return results(positions, {}, By(parameters["by"]), curve=curve).model_dump(mode="json")
            case _:
                raise BadInputError(f"{path} is asked of a running engine: leave out --database")

    def _order(self, name: str) -> Any:
        from engine.api.timeline import timeline

        order = self.store.order(OrderId(name))
        if order is None:
            raise BadInputError(f"{self._file} has no order {name!r}: run without an id to list them")
        return timeline(self.store, order).model_dump(mode="json")


@contextmanager
def records(file: Path) -> Iterator[Records]:
    """Yield what the SQLite database *file* holds.

    Raises:
        BadInputError: there is no such database.
    """
    if not file.is_file():
        raise BadInputError(f"there is no database {file}: name one with --database, or run the demo first")
    from engine.store.sql import SqlStore

    store = SqlStore(file)
    try:
        yield Records(store, file)
    finally:
        store.close()


@contextmanager
def source(reach: Reach, database: Path | None) -> Iterator[Source]:
    """Yield *database* or, where that is None, the engine of *reach*."""
    if database is not None:
        with records(database) as found:
            yield found
    else:
        with reach.client() as engine:
            yield engine


def _page(name: str, views: Iterable[Any], parameters: Mapping[str, Any]) -> Any:
    """Return a page of *views*, oldest first, as the API lists them: newest first, those that *parameters* leave."""
    if "sort" in parameters:
        raise BadInputError("--sort goes by the prices of a running engine: leave out --database")
    wanted = {key: value for key, value in parameters.items() if value is not None}
    limit, after, still = (wanted.pop(key, None) for key in ("limit", "created_after", "open"))
    found = [
        row
        for row in (view.model_dump(mode="json") for view in views)
        if all(row[key] == value for key, value in wanted.items())
        and (after is None or row["created_at"] > after)
        and (still is None or (row["status"] != "closed") == still)
    ]
    return {"total": len(found), name: found[::-1][:limit]}
