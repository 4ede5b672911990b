"""Looking at everything that the engine needs, before it is needed."""

from __future__ import annotations

import os

import typer

from engine.cli.columns import FINDINGS
from engine.cli.config import FilesOption, KeypairOption, ProfileOption, SetOption, UrlOption, resolved
from engine.cli.render import Answer, Form, FormOption, Row, show

_STYLES = {"ok": "green", "warn": "yellow", "fail": "bold red"}


def doctor(
    *,
    files: FilesOption = None,
    sets: SetOption = None,
    url: UrlOption = None,
    keypair: KeypairOption = None,
    profile: ProfileOption = None,
    form: FormOption = Form.TABLE,
) -> None:
    """Check key, nodes, websocket, Jupiter, clock, disk, database, notifier and SOL; sign and change nothing.

    Exit code 0 where nothing fails, 1 otherwise, 4 for settings with faults.
    """
    from contextlib import closing
    from dataclasses import asdict

    from engine import logs
    from engine.cli.console import output
    from engine.clock import SystemClock
    from engine.connections import Network
    from engine.doctor import Verdict, examine
    from engine.live import settled

    logs.configure(level="critical")
    loaded = settled(resolved(files, sets, url=url, keypair=keypair, profile=profile), os.environ)
    settings, clock, console = loaded.settings, SystemClock(), output()
    failed = False
    findings: list[Row] = []
    with (
        closing(clock),
        closing(Network(settings, clock, jupiter_key=loaded.jupiter_key, genesis=settings.genesis_hash)) as network,
    ):
        for finding in examine(loaded, network, clock=clock, environ=os.environ):
            failed = failed or finding.verdict is Verdict.FAIL
            if form is not Form.TABLE:
                findings.append(asdict(finding))
                continue
            console.print(
                f"[{_STYLES[finding.verdict]}]{finding.verdict:<4}[/]  {finding.name:<13}", end=" ", highlight=False
            )
            console.print(finding.found, highlight=False, markup=False, soft_wrap=True)
            if finding.advice:
                console.print(f"{'':<20}{finding.advice}", highlight=False, markup=False, soft_wrap=True)
    if form is Form.JSON:
        for each in findings:
            show(Answer(document=each), form)
    elif form is Form.CSV:
        show(Answer(document=findings, columns=FINDINGS, rows=findings), form)
    raise typer.Exit(1 if failed else 0)
