"""Listing alerts, noting that a person has seen one, and seeing whether the channels work."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli import columns
from engine.cli.codes import ExitCode
from engine.cli.console import messages
from engine.cli.records import DatabaseOption, source
from engine.cli.remote.names import path_of
from engine.cli.remote.options import KeyOption, Reach, reaching
from engine.cli.render import Answer, Form, FormOption, LimitOption, Row, show
from engine.cli.watching import EveryOption, WatchOption, show_or_watch
from engine.domain.alert import AlertStatus, Severity
from engine.domain.errors import BadInputError

if TYPE_CHECKING:
    from engine.cli.remote.client import Client

commands = typer.Typer(help="List alerts, acknowledge them, and test their channels.", no_args_is_help=True)

_MOST = 1000


@commands.command("list")
@reaching
def list_alerts(
    reach: Reach,
    *,
    every: Annotated[bool, typer.Option("--all", help="Those that are resolved as well.")] = False,
    severity: Annotated[Severity | None, typer.Option("--severity", help="Only those of this severity.")] = None,
    limit: LimitOption = 100,
    watch: WatchOption = False,
    interval: EveryOption = 2.0,
    form: FormOption = Form.TABLE,
    database: DatabaseOption = None,
) -> None:
    """List the alerts that stand, the newest first."""
    with source(reach, database) as asked:

        def look() -> Answer:
            statuses = [None] if every else [AlertStatus.ACTIVE, AlertStatus.ACKNOWLEDGED]
            pages = [asked.get("/alerts", status=each, severity=severity, limit=_MOST) for each in statuses]
            found = sorted((a for page in pages for a in page["alerts"]), key=lambda a: a["raised_at"], reverse=True)
            total = sum(page["total"] for page in pages)
            document = {"total": total, "alerts": found[:limit]}
            return Answer(document=document, columns=columns.ALERTS, rows=document["alerts"], total=total)

        show_or_watch(look, form, every=interval if watch else None)


@commands.command("ack")
@reaching
def acknowledge(
    reach: Reach,
    alert: Annotated[str, typer.Argument(metavar="ALERT", help="Its id.", show_default=False)],
    *,
    key: KeyOption = None,
    form: FormOption = Form.TABLE,
) -> None:
    """Note that a person has seen an alert: it is not said again."""
    with reach.client(key=key) as engine:
        seen = engine.post(path_of("alerts", alert, "acknowledge"))
    show(Answer(document=seen, columns=columns.ALERTS, rows=[seen]), form)


@commands.command("test")
@reaching
def send_test(reach: Reach, *, key: KeyOption = None, form: FormOption = Form.TABLE) -> None:
    """Send a test alert to every channel: those of the running engine, or without one those of the settings.

    Exit code 0 if every channel took it, 1 if one did not.
    """
    with reach.client_or_none(key=key) as engine:
        rows = _by_the_engine(engine) if engine is not None else _by_this_command(reach)
    document = {"channels": {row["channel"]: row["error"] for row in rows}}
    show(Answer(document=document, columns=columns.CHANNELS, rows=rows), form)
    failed = sum(row["error"] is not None for row in rows)
    if failed:
        messages().print(f"ripcord: {failed} of {len(rows)} channels did not take the test alert")
        raise typer.Exit(ExitCode.FAILED)


def _by_the_engine(engine: Client) -> Sequence[Row]:
    tried = engine.post("/alerts/test")["channels"]
    if not tried:
        raise BadInputError(_NO_CHANNEL)
    return [{"channel": name, "error": error} for name, error in tried.items()]


def _by_this_command(reach: Reach) -> Sequence[Row]:
    from contextlib import closing

    from engine.alerting import alert_for_test, channels, tried
    from engine.clock import SystemClock
    from engine.domain.units import AlertId
    from engine.ids import RandomIds

    to = channels(reach.loaded().settings.alerts)
    if not to:
        raise BadInputError(_NO_CHANNEL)
    with closing(SystemClock()) as clock:
        alert = alert_for_test(AlertId(RandomIds().new("test")), clock.now())
    rows: list[dict[str, Any]] = [{"channel": channel.name, "error": error} for channel, error in tried(to, alert)]
    return rows


_NO_CHANNEL = "no alert channel is set: add [[alerts.channels]] to ripcord.toml, see docs/alerts.md"
