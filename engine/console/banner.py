"""The banner: which wallet in which world, how the engine does, and what needs a person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.console.markup import esc

STALE_AFTER_S = 1.6
"""Seconds after the next price was due by which prices do not come: where they are asked for once a second or more, it
is said within three. Less would miss prices that come in time: the page hears of one a second after it was there, and
whoever is asked takes a while to answer."""


def banner(state: Mapping[str, Any], now: int) -> str:
    """Return the banner of the engine's *state*, as `GET /engine` has it.

    Args:
        state: what was answered.
        now: when, in nanoseconds: the page's script sees by it that the page is up to date.
    """
    profile, wallet = str(state["profile"]), str(state["wallet"])
    parts = [
        f'<div class="rc-banner rc-{esc(profile)}" data-beat="{now}" data-fresh-for="{fresh_for(state)}">',
        '<span class="rc-mark">Ripcord</span>',
        f'<span class="rc-profile">{esc(profile)}</span>',
        f'<span class="rc-wallet" title="{esc(wallet)}">{esc(wallet[:4])}…{esc(wallet[-4:])}</span>',
        _engine(state),
        _figure("Price", _age(state["newest_price_age_s"]), live=True),
        _figure("Queue", _queue(state)),
        _figure("Open", state["open_positions"]),
        _alerts(state),
        '<span class="rc-tools">',
        '<button type="button" class="rc-tool" data-rc="theme" aria-label="Light or dark">◐</button>',
        '<button type="button" class="rc-tool" data-rc="sign-out">Sign out</button>',
        "</span></div>",
    ]
    return "".join(parts)


def fresh_for(state: Mapping[str, Any]) -> str:
    """Return how many seconds there are until prices do not come, unless one does; empty where none is missed."""
    if not state["open_positions"]:
        return ""
    age = state["newest_price_age_s"]
    left = 0.0 if age is None else max(1.0, state["price_interval_s"]) + STALE_AFTER_S - age
    return f"{max(0.0, left):.2f}"


def _engine(state: Mapping[str, Any]) -> str:
    if state["gave_up"]:
        said, style = "gave up", "rc-bad"
    elif state["draining"]:
        said, style = "draining", "rc-warn"
    elif state["blind"]:
        said, style = f"{len(state['blind'])} without price", "rc-bad"
    else:
        said, style = "running", "rc-good"
    paused = '<span class="rc-badge rc-warn">entries paused</span>' if state["entries_paused"] else ""
    return f'<span class="rc-figure" id="rc-engine"><i>Engine</i><b class="{style}">{esc(said)}</b></span>{paused}'


def _alerts(state: Mapping[str, Any]) -> str:
    count, critical = state["unresolved_alerts"], state["critical_alerts"]
    style = "rc-bad" if critical else "rc-warn" if count else "rc-quiet"
    noun = "alert" if count == 1 else "alerts"
    title = f"{count} unresolved {noun}, {critical} critical"
    return (
        f'<button type="button" class="rc-badge {style}" id="rc-alerts" data-rc="tab" data-tab="Alerts" '
        f'title="{esc(title)}">{esc(count)} {noun}</button>'
    )


def _figure(name: str, value: object, style: str = "", *, live: bool = False) -> str:
    classes = f"{style} rc-live" if live else style
    return f'<span class="rc-figure"><i>{esc(name)}</i><b class="{classes.strip()}">{esc(value)}</b></span>'


def _queue(state: Mapping[str, Any]) -> str:
    flying = state["in_flight"]
    return f"{state['queue_depth']}{f' + {flying} in flight' if flying else ''}"


def _age(seconds: float | None) -> str:
    return "none" if seconds is None else f"{seconds:.1f} s ago"
