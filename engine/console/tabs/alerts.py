"""Alerts: unresolved ones first, the critical before the rest; one of them in full, and what can be done about it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import gradio as gr

from engine.console import figures
from engine.console.client import ApiError
from engine.console.confirm import confirming
from engine.console.fragment import action, fragment
from engine.console.markup import cell, esc, facts
from engine.console.page import Call, Live
from engine.console.tabs import exits
from engine.console.tabs.order_detail import may_retry, when
from engine.console.tabs.orders import timeline_of
from engine.console.tabs.style import CSS, box, chips, picking, row, table
from engine.domain.alert import AlertStatus, Severity
from engine.wording import count_text, reason_text

if TYPE_CHECKING:
    from engine.console.frame import Frame

TITLE = "Alerts"
_MOST = 200
"""Alerts of each status that are listed."""
_NOT_FOUND = 404
_UNRESOLVED = (AlertStatus.ACTIVE, AlertStatus.ACKNOWLEDGED)
_TONES = {Severity.CRITICAL: "rc-bad", Severity.HIGH: "rc-warn", Severity.WARNING: "rc-muted"}
_MOST_ASKED = 20
"""Positions whose names are asked for at a time."""
_COLUMNS = (
    ("Alert", ""),
    ("Token", ""),
    ("Severity", ""),
    ("Status", ""),
    ("Raised", "rc-muted"),
    ("Age", "rc-num"),
    ("Times", "rc-num"),
)
TO_POSITIONS = """() => {
  [...document.querySelectorAll("#rc-tabs [role=tab]")].find((tab) => tab.textContent.trim() === "Positions")?.click();
  return [];
}"""
"""Makes the tab of positions the visible one."""


def ranked(alerts: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return *alerts*, the active first and the resolved last; of each by severity, then the newest first."""
    newest = sorted(alerts, key=lambda alert: str(alert["updated_at"]), reverse=True)
    return sorted(
        newest,
        key=lambda alert: (list(AlertStatus).index(alert["status"]), -Severity(alert["severity"]).rank),
    )


def alert_filters(unresolved: int, *, everything: bool) -> str:
    """Return what can be chosen."""
    return chips("Alerts", [("Unresolved", False, unresolved), ("All", True, None)], everything, key="everything")


def alert_table(alerts: Sequence[Mapping[str, Any]], picked: str | None, now: int, names: Mapping[str, str]) -> str:
    """Return *alerts* in the order in which a person should look at them.

    Args:
        alerts: as `GET /alerts` has them.
        picked: the id of the one that is selected.
        now: nanoseconds since the epoch.
        names: the tokens' symbols by position, as far as they are known.
    """
    rows = (_row(alert, picked, now, names) for alert in ranked(alerts))
    return table(_COLUMNS, rows, name="Alerts", nothing="Nothing needs a person.")


def _row(alert: Mapping[str, Any], picked: str | None, now: int, names: Mapping[str, str]) -> str:
    chosen = alert["id"] == picked
    pick = {"pick": alert["id"]}
    open_ = alert["status"] != AlertStatus.RESOLVED
    mint = alert["data"].get("token", "")
    return row(
        [
            picking(alert["title"], pick, chosen=chosen),
            cell(names.get(alert["position_id"]) or figures.short(mint) or figures.NONE, "", title=mint),
            f"<td>{_severity(alert)}</td>",
            cell(reason_text(alert["status"]), "" if open_ else "rc-muted"),
            cell(figures.clock(alert["raised_at"]), "rc-muted", title=f"{when(alert['raised_at'])} UTC"),
            cell(figures.age(alert["raised_at"], now, until=alert["resolved_at"])),
            cell(alert["count"]),
        ],
        pick,
        chosen=chosen,
        style="rc-critical" if open_ and alert["severity"] == Severity.CRITICAL else "",
    )


def _severity(alert: Mapping[str, Any]) -> str:
    tone = _TONES[Severity(alert["severity"])] if alert["status"] != AlertStatus.RESOLVED else "rc-muted"
    return f'<span class="rc-badge {tone}">{esc(alert["severity"])}</span>'


def alert_detail(alert: Mapping[str, Any] | None) -> str:
    """Return an alert in full; None where none is selected."""
    if alert is None:
        return box("Alert", '<p class="rc-muted">Select an alert to see what it is about.</p>')
    lines: list[tuple[str, object]] = [
        ("Status", reason_text(alert["status"])),
        ("Raised", f"{when(alert['raised_at'])} UTC, {count_text(int(alert['count']), 'time', 'times')}"),
        ("Last change", f"{when(alert['updated_at'])} UTC"),
    ]
    if alert["resolved_at"]:
        lines.append(("Resolved", f"{when(alert['resolved_at'])} UTC"))
    lines += [(reason_text(name).capitalize(), value) for name, value in alert["data"].items()]
    return box(str(alert["title"]), f'<p class="rc-why">{_severity(alert)} {esc(alert["message"])}</p>', facts(lines))


async def _listed(call: Call, *, everything: bool) -> tuple[list[Any], int]:
    """Return the alerts that are to be shown, and how many are unresolved."""
    wanted = (*_UNRESOLVED, *((AlertStatus.RESOLVED,) if everything else ()))
    found = {status: await call.api.get("/alerts", status=str(status), limit=_MOST) for status in wanted}
    listed = [alert for status in wanted for alert in found[status]["alerts"]]
    return listed, sum(int(found[status]["total"]) for status in _UNRESOLVED)


async def _names(call: Call, alerts: Iterable[Mapping[str, Any]]) -> Mapping[str, str]:
    """Return the symbols of the positions that *alerts* are about, by position: of many, some more at each call."""
    names: dict[str, str] = call.page.kept.setdefault("alerts.names", {})
    wanted = dict.fromkeys(alert["position_id"] for alert in alerts if alert["position_id"])
    for position_id in [each for each in wanted if each not in names][:_MOST_ASKED]:
        try:
            detail = await call.api.get(f"/positions/{quote(position_id, safe='')}")
        except ApiError as error:
            if error.status != _NOT_FOUND:
                raise
            names[position_id] = ""  # an entry that failed has opened none
        else:
            names[position_id] = str(detail["position"]["symbol"])
    return names


async def _picked(call: Call, listed: Sequence[Any]) -> Any:
    """Return the alert that is selected; one that was resolved since is shown until another is selected."""
    picked = call.page.kept.get("alert")
    if picked is None:
        return None
    found = next((alert for alert in listed if alert["id"] == picked), None)
    try:
        return found or await call.api.get(f"/alerts/{quote(picked, safe='')}")
    except ApiError as error:
        if error.status != _NOT_FOUND:
            raise
        return None


def build(frame: Frame) -> Live:
    """Make the tab; see `engine.console`."""
    filters = fragment(sends=True, css_template=CSS)
    table_ = fragment(sends=True, css_template=CSS)
    with gr.Row():
        acknowledge = action("Acknowledge", "rc-alert-acknowledge", command=False)
        retry = action("Retry the order", "rc-alert-retry")
        position = action("Go to the position", "rc-alert-position", command=False)
    detail = fragment(css_template=CSS)
    # What the person sees when a button is pressed, whatever was selected since.
    shown = [gr.Textbox(visible="hidden", label=name) for name in ("Alert shown", "Order of it", "Position of it")]

    async def refresh(call: Call) -> Sequence[Any]:
        everything = bool(call.page.kept.get("alerts.all"))
        listed, unresolved = await _listed(call, everything=everything)
        alert = await _picked(call, listed)
        order_id = alert["data"].get("order_id") if alert else None
        timeline, of = await timeline_of(call, order_id)
        return [
            alert_filters(unresolved, everything=everything),
            alert_table(listed, call.page.kept.get("alert"), call.now, await _names(call, listed)),
            gr.update(visible=alert is not None and alert["status"] == AlertStatus.ACTIVE),
            gr.update(visible=timeline is not None and may_retry(timeline["order"], of)),
            gr.update(visible=bool(alert and alert["position_id"])),
            alert_detail(alert),
            *(value or "" for value in (alert and alert["id"], order_id, alert and alert["position_id"])),
        ]

    async def choose(call: Call) -> None:
        if isinstance(call.detail.get("pick"), str):
            call.page.kept["alert"] = call.detail["pick"]
        elif "everything" in call.detail:
            call.page.kept["alerts.all"] = bool(call.detail["everything"])

    async def seen(call: Call, alert_id: str, *_: str) -> None:
        await call.api.post(f"/alerts/{quote(alert_id, safe='')}/acknowledge", key=call.key("acknowledge", alert_id))

    async def retry_now(call: Call, _alert: str, order_id: str, _position: str) -> None:
        await call.api.post(f"/orders/{quote(order_id, safe='')}/retry", {}, key=call.key("retry", order_id))

    async def go(call: Call, _alert: str, _order: str, position_id: str) -> None:
        if not position_id:
            raise ApiError(404, "this alert is about no position")
        exits.pick(call.page, position_id)

    live = Live(outputs=[filters, table_, acknowledge, retry, position, detail, *shown], refresh=refresh)
    for sending in (filters, table_):
        frame.on(sending.send, choose, then=live)
    frame.on(acknowledge.click, seen, inputs=shown, then=live)
    ask = "Try this exit once more, now? It sells with the wider tolerance of a manual retry."
    frame.on(retry.click, retry_now, inputs=shown, then=live, js=confirming(ask, action="Retry now"))
    frame.on(position.click, go, inputs=shown, js=f"async (...given) => {{ ({TO_POSITIONS})(); return given; }}")
    return live
