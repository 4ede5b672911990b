"""The example of docs/nats.md runs against a real server."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib

from engine.config import NatsSection
from engine.domain.order import OrderStatus
from engine.domain.units import OrderId
from engine.nats.stream import PAGE
from tests.docs.pages import ROOT, blocks, prose
from tests.factories import an_event, an_exit
from tests.nats.bridging import Happenings
from tests.nats.server import NatsServer

EXAMPLE = ROOT / "docs" / "nats.md"


def sold(happenings: Happenings, name: str) -> None:
    """Have order *name* raised, submitted and filled."""
    order = an_exit(id=OrderId(name), status=OrderStatus.FILLED)
    happenings.store.commit(order)
    for status in (OrderStatus.PENDING, OrderStatus.SUBMITTED, OrderStatus.FILLED):
        happenings.store.commit(an_event(order, status=status))


def run(server: NatsServer) -> list[str]:
    """Run the program of the page, and return the lines that it prints."""
    (example,) = blocks(EXAMPLE, "python")
    environ = {**os.environ, "NATS_URL": server.url}
    ran = subprocess.run(
        [sys.executable, "-c", example], env=environ, capture_output=True, text=True, timeout=60, check=True
    )
    return ran.stdout.splitlines()


def test_the_example_hears_of_orders_and_resumes_where_it_was(server: NatsServer) -> None:
    """It prints each event once, over two runs."""
    happenings = Happenings()
    with happenings.published(server):
        sold(happenings, "exit-1")
        sold(happenings, "exit-2")
        heard = [run(server), run(server)]
    assert heard == [
        ["1 order.exit-1.pending", "2 order.exit-1.submitted", "3 order.exit-1.filled"],
        ["4 order.exit-2.pending", "5 order.exit-2.submitted", "6 order.exit-2.filled"],
    ]


def test_the_settings_of_the_page_are_accepted() -> None:
    """And the figures of the text are those of the code."""
    (example,) = blocks(EXAMPLE, "toml")
    assert NatsSection.model_validate(tomllib.loads(example)["nats"]).url is not None
    assert f"Up to {PAGE} are on their way" in prose(EXAMPLE)
