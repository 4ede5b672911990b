"""An engine with its console in a process of its own, over a cluster in another one: `python -m` with one JSON object.

The object has rpc_url, ws_url, jupiter_url, keypair (a file) and settings, whose store.path is a file.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from chain.keys.wallet import Wallet
from engine import logs
from engine.api.folder import TOKEN
from engine.api.serving import served
from engine.app import Engine
from engine.clock import SystemClock
from engine.config import Settings
from engine.daemon import Daemon
from engine.ids import RandomIds
from engine.store.sql import SqlStore
from engine.wiring import connect
from tests.browser.cluster import Cluster

ROOT = Path(__file__).resolve().parents[2]


class EngineProcess:
    """An engine that can be killed and started again where it was.

    Attributes:
        pid: of the process.
        url: where its console is, without a trailing slash.
    """

    def __init__(self, cluster: Cluster, folder: Path, settings: dict[str, Any]) -> None:
        self._folder = folder
        self._settings = settings
        self._options = {
            "rpc_url": cluster.world.rpc_url,
            "ws_url": cluster.world.ws_url,
            "jupiter_url": cluster.world.jupiter_url,
            "keypair": str(cluster.key_file(folder)),
            "settings": settings,
        }
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None
        self.url = ""

    @property
    def pid(self) -> int:
        """Of the process that runs."""
        assert self._process is not None
        return self._process.pid

    @property
    def database(self) -> Path:
        """Its books."""
        return Path(self._settings["store"]["path"])

    @property
    def token(self) -> str:
        """What lets a person in."""
        return (self._folder / TOKEN).read_text(encoding="ascii").strip()

    def start(self) -> None:
        """Start it, on the port that it had before, and return once it runs."""
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.browser.engine_process", json.dumps(self._options)],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stderr=subprocess.PIPE,
            text=True,
        )
        self._process = process
        said = self._read_until(process, "running")
        self.url = said["api"]["url"]
        self._settings["api"]["port"] = int(self.url.rpartition(":")[2])

    def kill(self) -> None:
        """End it as a power cut would; harmless where it does not run."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
        if self._reader is not None:
            self._reader.join()
            self._reader = None

    def _read_until(self, process: subprocess.Popen[str], event: str) -> dict[str, Any]:
        """Return what the log says up to *event*, by event; read the rest of it behind the scenes."""
        assert process.stderr is not None
        said: dict[str, Any] = {}
        lines = []
        for line in process.stderr:
            lines.append(line)
            if line.startswith("{"):
                entry = json.loads(line)
                said[entry["event"]] = entry
            if event in said:
                self._reader = threading.Thread(target=process.communicate, name="log", daemon=True)
                self._reader.start()
                return said
        raise AssertionError(f"the engine ended with {process.wait()}: {''.join(lines[-20:])}")


@contextmanager
def engine_process(cluster: Cluster, folder: Path, settings: dict[str, Any]) -> Iterator[EngineProcess]:
    """Yield an engine that runs, and kill it."""
    engine = EngineProcess(cluster, folder, settings)
    try:
        engine.start()
        yield engine
    finally:
        engine.kill()


def main(options: dict[str, Any]) -> int:
    """Run the engine until a signal; return its exit code."""
    logs.configure(level="info", json=True)
    settings = Settings.model_validate(options["settings"])
    assert settings.store.path is not None
    with closing(SystemClock()) as clock:
        ports = connect(
            settings,
            clock=clock,
            ids=RandomIds(),
            store=SqlStore(settings.store.path),
            signer=Wallet.from_file(Path(options["keypair"])),
            rpc_url=options["rpc_url"],
            ws_url=options["ws_url"],
            jupiter_url=options["jupiter_url"],
        )
        try:
            return Daemon(Engine(ports, settings, max_price_age=settings.max_price_age), serve=served).run()
        finally:
            ports.close()


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
