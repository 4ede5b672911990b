"""What a log line shows, and what it never shows."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable

import pytest
import structlog
from solders.keypair import Keypair

from chain.keys.wallet import Wallet
from engine import logs
from engine.domain.position import PositionStatus
from tests.actors.rig import Rig

KEYPAIR = Keypair.from_seed(bytes(range(32)))
SECRET = bytes(KEYPAIR)


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


def written(stream: io.StringIO, say: Callable[[structlog.stdlib.BoundLogger], object]) -> str:
    """Return what *say* writes to *stream*."""
    logs.configure(stream=stream)
    say(structlog.get_logger())
    return stream.getvalue()


def test_lines_are_json_unless_a_person_reads_them() -> None:
    """A file gets one JSON object a line; a terminal gets words."""
    line = written(io.StringIO(), lambda log: log.info("order", order_id="exit-1"))
    assert json.loads(line)["order_id"] == "exit-1"
    words = written(Terminal(), lambda log: log.info("order", order_id="exit-1"))
    assert "exit-1" in words
    with pytest.raises(ValueError, match="Expecting value"):
        json.loads(words)


@pytest.mark.parametrize(
    "secret",
    [
        str(KEYPAIR),
        KEYPAIR.to_json(),
        KEYPAIR,
        SECRET,
        list(SECRET),
        Wallet(KEYPAIR),
        {"key": KEYPAIR},
        f"the key is {KEYPAIR} and more",
    ],
    ids=["base58", "json", "keypair", "bytes", "list", "wallet", "nested", "in a sentence"],
)
@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
def test_a_secret_key_is_in_no_line(secret: object, stream: type[io.StringIO]) -> None:
    """However a key is handed to the log, no encoding of it comes out."""
    line = written(stream(), lambda log: log.info("careless", value=secret))
    for shown in (str(KEYPAIR), SECRET.hex(), base64.b64encode(SECRET).decode(), str(list(SECRET))[1:60], repr(SECRET)):
        assert shown not in line


def test_every_line_of_an_exit_names_its_actor_order_and_position() -> None:
    """Whoever reads the log of an exit can tell whose it is."""
    stream = io.StringIO()
    logs.configure(stream=stream)
    rig = Rig().start()
    position = rig.open()
    entered = len(stream.getvalue())
    rig.price("0.8")
    rig.advance(2)
    assert rig.position(position.id).status is PositionStatus.CLOSED
    lines = [json.loads(line) for line in stream.getvalue()[entered:].splitlines()]
    told = [line for line in lines if line["event"] in {"order", "exit_raised", "exit_filled"}]
    assert len(told) >= 4
    for line in told:
        assert line["actor"]
        assert line["position_id"] == position.id
        assert line["order_id"] == rig.exits(position)[0].id


def test_a_traceback_is_in_its_line() -> None:
    """An error is logged with where it came from, in one JSON line."""

    def fail(log: structlog.stdlib.BoundLogger) -> None:
        try:
            int("broken")
        except ValueError:
            log.exception("failed")

    line = written(io.StringIO(), fail)
    assert len(line.splitlines()) == 1
    assert "ValueError: invalid literal" in json.loads(line)["exception"]
