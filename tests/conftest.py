"""What every test shares: quiet logs, and real data where it is at hand."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Mapping, MutableMapping
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import structlog

if TYPE_CHECKING:
    from tests.store.server import PostgresqlServer

HERE = Path(__file__).resolve().parent
DATA = HERE.parents[1] / "shared" / "data"

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell has what it runs in the background ignore Ctrl-C, and so would every process that a test interrupts.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest, so that no worker waits for another's at the end."""
    first = [HERE / "browser", HERE / "system"]
    items.sort(
        key=lambda item: next((at for at, folder in enumerate(first) if folder in item.path.parents), len(first))
    )


@pytest.fixture(autouse=True)
def _quiet_logs() -> Iterator[None]:
    """Log nothing: what a test says of a log line it captures itself."""
    structlog.configure(processors=[_drop], cache_logger_on_first_use=False)
    yield
    structlog.reset_defaults()


def _drop(_logger: object, _method: str, _event: MutableMapping[str, object]) -> Mapping[str, object]:
    raise structlog.DropEvent


@pytest.fixture
def data() -> Path:
    """Return the folder of real data; skip where it is absent."""
    if not DATA.is_dir():
        pytest.skip(f"the real data is not at {DATA}")
    return DATA


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgresqlServer]:
    """Run a PostgreSQL server. Who asks for it belongs to the xdist group of that name: one worker has one."""
    from tests.store.server import serve

    yield from serve()
