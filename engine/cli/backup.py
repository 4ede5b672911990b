"""Copies of the database: taking one while the engine runs, and putting one back while it does not."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.asking import YesOption, confirm
from engine.cli.config import FilesOption, KeypairOption, ProfileOption, SetOption, resolved
from engine.cli.database import DatabaseOption, database_of, sqlite_file
from engine.domain.units import Nanos

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from engine.config import Loaded
    from engine.store.backup import Contents
    from engine.store.restore import Restoration

_NAMED_AT_MOST = 5


def backup(
    *,
    out: Annotated[
        Path | None,
        typer.Option(help="File to write. [default: beside the database, with the time in its name]"),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it is there.")] = False,
    files: FilesOption = None,
    sets: SetOption = None,
    profile: ProfileOption = None,
    database: DatabaseOption = None,
) -> None:
    """Copy the database, whether or not the engine runs, and check the copy. It holds neither key nor API token."""
    from engine.store.backup import back_up, compact_utc

    where = database if database is not None else database_of(resolved(files, sets, profile=profile).settings)
    file = sqlite_file(where, instead="copy it with pg_dump --format=custom --file=FILE DATABASE")
    target = out if out is not None else file.with_name(f"{file.stem}-{compact_utc(_now())}{file.suffix}")
    held = back_up(file, target, overwrite=force)
    typer.echo(f"{target}: {target.stat().st_size:,} bytes, {_extent(held)}")


def restore(
    file: Annotated[Path, typer.Argument(help="Copy that backup wrote.", show_default=False)],
    *,
    yes: YesOption = False,
    files: FilesOption = None,
    sets: SetOption = None,
    keypair: KeypairOption = None,
    profile: ProfileOption = None,
    database: DatabaseOption = None,
) -> None:
    """Put a copy in the place of the database while no engine runs; the present one is kept under another name."""
    from engine.cli.console import messages
    from engine.config import Profile
    from engine.store.restore import restoring

    loaded = resolved(files, sets, keypair=keypair, profile=profile)
    where = database if database is not None else database_of(loaded.settings)
    target = sqlite_file(where, instead="put a copy of it back with pg_restore --clean --dbname=DATABASE FILE")
    settings = loaded.settings
    wallet = None if settings.profile is Profile.DEMO else _wallet(loaded)
    with restoring(file, target, profile=settings.profile, genesis=settings.genesis_hash, wallet=wallet) as restoration:
        for sentence in _warnings(restoration):
            messages().print(sentence)
        if not yes:
            confirm(f"put {file} in the place of {target}")
        aside = restoration.swap(_now())
    typer.echo(f"{target} is what {file} was: {_extent(restoration.contents)}")
    if aside is not None:
        typer.echo(f"{aside} is what was there before")


def _wallet(loaded: Loaded) -> str:
    from engine.live import settled, wallet_address

    return wallet_address(settled(loaded, os.environ).settings, os.environ)


def _warnings(restoration: Restoration) -> Iterator[str]:
    """Yield what whoever puts the copy back should know, a sentence or two each."""
    from engine.wording import count_text

    held = restoration.contents
    yield f"The copy holds {_extent(held)}."
    yield (
        f"The next start asks the chain what became of {count_text(held.unresolved_attempts, 'attempt', 'attempts')} "
        "without a verdict before it sends anything, and compares the open positions with the wallet."
    )
    yield (
        "Positions that were opened after the copy was made are not in it, and nothing guards them"
        f"{_named(restoration.missing)}: guard their tokens anew."
    )
    if restoration.reopened:
        yield (
            f"Positions that were left after the copy was made come back as open{_named(restoration.reopened)}: alerts "
            "will say that the wallet does not hold their tokens."
        )
    yield (
        "A transaction that was signed after the copy was made is not known to it: begin no sooner than two minutes "
        "after the last engine ended. The API's audit log and token are left as they are."
    )


def _named(positions: Collection[str]) -> str:
    if not positions:
        return ""
    more = len(positions) - _NAMED_AT_MOST
    named = ", ".join(sorted(positions)[:_NAMED_AT_MOST])
    return f" ({named}{f' and {more} more' if more > 0 else ''})"


def _extent(held: Contents) -> str:
    from engine.wording import count_text, time_text

    positions = count_text(len(held.open_positions), "open position", "open positions")
    if held.newest_event_at is None:
        return f"{positions}, no events"
    return f"{positions}, events up to number {held.newest_event} of {time_text(held.newest_event_at)} UTC"


def _now() -> Nanos:
    from engine.clock import SystemClock

    with closing(SystemClock()) as clock:
        return clock.now()
