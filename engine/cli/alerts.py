"""Listing alerts, and seeing whether the channels work."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from engine.cli.config import FilesOption, Form, ProfileOption, SetOption, resolved
from engine.cli.console import messages, output
from engine.cli.format import time_text

if TYPE_CHECKING:
    from engine.domain.alert import Alert

commands = typer.Typer(help="List alerts, and test the channels that they are sent to.", no_args_is_help=True)

FormOption = Annotated[Form, typer.Option("--output", help="How to print them.")]


@commands.command("list")
def list_alerts(
    *,
    files: FilesOption = None,
    sets: SetOption = None,
    profile: ProfileOption = None,
    every: Annotated[bool, typer.Option("--all", help="Those that are resolved as well.")] = False,
    form: FormOption = Form.TABLE,
) -> None:
    """Print the alerts in the database of the settings, oldest first; an engine may be running meanwhile."""
    from engine.live import books

    loaded = resolved(files, sets, profile=profile)
    store = books(loaded.settings)
    try:
        alerts = store.alerts(unresolved_only=not every)
    finally:
        store.close()
    if form is Form.JSON:
        typer.echo(json.dumps([{**asdict(alert), "data": dict(alert.data)} for alert in alerts]))
    else:
        output().print(_table(alerts))


@commands.command("test")
def send_test(
    *,
    files: FilesOption = None,
    sets: SetOption = None,
    profile: ProfileOption = None,
    form: FormOption = Form.TABLE,
) -> None:
    """Send a test alert to every channel of the settings and print what came of it.

    Exit code 0 if every channel took it, 1 if one did not.
    """
    from engine.alerting import alert_for_test, channels, tried
    from engine.clock import SystemClock
    from engine.domain.errors import BadInputError
    from engine.domain.units import AlertId
    from engine.ids import RandomIds

    to = channels(resolved(files, sets, profile=profile).settings.alerts)
    if not to:
        raise BadInputError("no alert channel is set: add [[alerts.channels]] to ripcord.toml, see docs/alerts.md")
    clock = SystemClock()
    try:
        alert = alert_for_test(AlertId(RandomIds().new("test")), clock.now())
    finally:
        clock.close()
    rows = [
        {"channel": channel.name, "min_severity": str(channel.min_severity), "error": error}
        for channel, error in tried(to, alert)
    ]
    if form is Form.JSON:
        typer.echo(json.dumps(rows))
    else:
        table = _headed("channel", "from severity", "outcome")
        for row in rows:
            table.add_row(row["channel"], row["min_severity"], row["error"] or "delivered")
        output().print(table)
    failed = sum(row["error"] is not None for row in rows)
    if failed:
        messages().print(f"ripcord: {failed} of {len(rows)} channels did not take the test alert")
    raise typer.Exit(1 if failed else 0)


def _table(alerts: list[Alert]) -> Table:
    table = _headed("alert", "severity", "status", "times", "raised (UTC)", "title", "message")
    for alert in alerts:
        cells = (
            alert.id,
            alert.severity,
            alert.status,
            str(alert.count),
            time_text(alert.raised_at),
            alert.title,
            alert.message,
        )
        table.add_row(*map(Text, cells))
    return table


def _headed(*names: str) -> Table:
    table = Table()
    for name in names:
        table.add_column(name, overflow="fold")
    return table
