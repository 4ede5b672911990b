"""Alerts: what a person must know, and that a person has seen it."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from engine.alerting import alert_for_test, tried
from engine.api.context import Api, Context, Id, Limit, Offset, Once
from engine.api.problems import unknown
from engine.api.schemas import Alerts, AlertView, View
from engine.domain.alert import Alert, AlertStatus, Severity
from engine.domain.units import AlertId

router = APIRouter(tags=["alerts"])


class Tried(View):
    """What came of a test: for each channel what was wrong, null where it took the alert."""

    channels: dict[str, str | None]


@router.get("/alerts")
def list_alerts(
    api: Api,
    status: AlertStatus | None = None,
    severity: Severity | None = None,
    limit: Limit = 100,
    offset: Offset = 0,
) -> Alerts:
    """List alerts, the newest first."""
    found = [
        alert
        for alert in reversed(api.books.alerts())
        if (status is None or alert.status is status) and (severity is None or alert.severity is severity)
    ]
    page = found[offset : offset + limit]
    return Alerts(total=len(found), alerts=[AlertView.model_validate(alert) for alert in page])


@router.get("/alerts/{alert_id}")
def get_alert(api: Api, alert_id: Id) -> AlertView:
    """Return an alert."""
    return AlertView.model_validate(_alert(api, alert_id))


@router.post("/alerts/{alert_id}/acknowledge", response_model=AlertView)
def acknowledge_alert(api: Api, alert_id: Id, once: Once) -> Response:
    """Note that a person has seen an alert."""
    known = _alert(api, alert_id).id
    return once.carry_out(lambda: AlertView.model_validate(api.engine.acknowledge(known)).model_dump(mode="json"))


@router.post("/alerts/test", response_model=Tried)
def test_alert(api: Api, once: Once) -> Response:
    """Send a test alert to every channel. Answers with what was wrong with each, null where nothing was."""

    def act() -> Any:
        ports = api.engine.ports
        alert = alert_for_test(AlertId(ports.ids.new("alert")), ports.clock.now())
        return {"channels": {channel.name: wrong for channel, wrong in tried(ports.channels, alert)}}

    return once.carry_out(act)


def _alert(api: Context, alert_id: str) -> Alert:
    alert = api.engine.ports.store.alert(AlertId(alert_id))
    if alert is None:
        raise unknown("alert", alert_id)
    return alert
