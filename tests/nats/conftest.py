"""A server, and a bridge to it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.nats.server import NatsServer


@pytest.fixture
def server(tmp_path: Path) -> Iterator[NatsServer]:
    """Return a running server with JetStream."""
    server = NatsServer(tmp_path)
    server.start()
    yield server
    server.kill()
