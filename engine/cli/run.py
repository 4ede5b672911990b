"""Running the engine of a profile in the foreground, until a signal."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.config import FilesOption, KeypairOption, ProfileOption, SetOption, UrlOption, resolved

if TYPE_CHECKING:
    from engine.app import Engine
    from engine.config import Loaded

PassphraseOption = Annotated[
    int | None,
    typer.Option(
        "--passphrase-fd", min=0, help="Read the passphrase's line from this file descriptor.", show_default="prompt"
    ),
]


def run(
    *,
    files: FilesOption = None,
    sets: SetOption = None,
    url: UrlOption = None,
    keypair: KeypairOption = None,
    profile: ProfileOption = None,
    live: Annotated[bool, typer.Option("--live", help="Trade real money, on mainnet.")] = False,
    passphrase_fd: PassphraseOption = None,
    log_level: Annotated[str, typer.Option(help="debug, info, warning, error or critical.")] = "info",
) -> None:
    """Guard the wallet's positions until SIGTERM or Ctrl-C; a second one does not wait for swaps in flight.

    Exit code 0 after an orderly end, 1 where the engine gave up by itself, 4 for settings with faults.
    """
    from engine import logs
    from engine.api.serving import served
    from engine.cli.console import level_of
    from engine.cli.passphrase import passphrase_from
    from engine.clock import SystemClock
    from engine.config import live_allowed
    from engine.daemon import Daemon, together
    from engine.live import opened
    from engine.nats.serving import bridged

    logs.configure(level=level_of(log_level))
    loaded = resolved(files, sets, url=url, keypair=keypair, profile=profile)
    live_allowed(loaded, live=live)
    clock = SystemClock()
    try:
        with opened(loaded, clock=clock, environ=os.environ, passphrase=passphrase_from(passphrase_fd)) as engine:
            _announce(engine, loaded)
            raise typer.Exit(Daemon(engine, serve=together(served, bridged)).run())
    finally:
        clock.close()


def _announce(engine: Engine, loaded: Loaded) -> None:
    """Say in a line what is about to run, for whom."""
    from engine.cli.console import messages

    positions = engine.ports.store.positions(open_only=True)
    messages().print(
        f"Ripcord {loaded.settings.profile}: wallet {engine.ports.signer.address}, {len(positions)} open "
        f"position{'' if len(positions) == 1 else 's'}. Ctrl-C drains and stops."
    )
