"""An engine in a process of its own, over servers in another one. Run by tests: python -m tests.system.engine_process.

It takes its settings as one JSON argument: rpc_url, jupiter_url, keypair (file), database, and optionally `die_at`
(see tests/crash).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from chain.keys.wallet import Wallet
from engine import logs
from engine.app import Engine
from engine.clock import SystemClock
from engine.config import Settings
from engine.daemon import Daemon
from engine.domain.units import seconds
from engine.ids import RandomIds
from engine.store.sql import SqlStore
from engine.wiring import Ports, connect


def ports_of(options: dict[str, Any], clock: SystemClock) -> Ports:
    """Return the ports that *options* describe."""
    return connect(
        Settings.model_validate(options.get("settings", {})),
        clock=clock,
        ids=RandomIds(),
        store=SqlStore(Path(options["database"])),
        signer=Wallet.from_file(Path(options["keypair"])),
        rpc_url=options["rpc_url"],
        jupiter_url=options["jupiter_url"],
    )


def main(options: dict[str, Any]) -> int:
    """Run the engine until a signal; return its exit code."""
    logs.configure(level="info", json=True)
    clock = SystemClock()
    settings = Settings.model_validate(options.get("settings", {}))
    ports = ports_of(options, clock)
    try:
        return Daemon(Engine(ports, settings, max_price_age=seconds(10))).run()
    finally:
        ports.close()
        clock.close()


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
