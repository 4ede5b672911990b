"""Every type of events with the schema of its data: what the outside may rely on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.domain.alert import AlertStatus
from engine.domain.errors import BadInputError
from engine.domain.events import PLAN_CHANGED, SUPERSEDED, type_of
from engine.domain.order import AttemptStatus, OrderStatus
from engine.events import live
from engine.events.durable import AlertData, AttemptData, Data, OrderData, PlanChangedData, PositionData

VERSION = 1
"""Of all schemas. It rises with every change, and events that are stored keep the version that they were written in."""

_POSITION = ("opened", "exit_requested", "partially_exited", "closed", "needs_action")
_ALERT = ("raised", "updated", AlertStatus.ACKNOWLEDGED, AlertStatus.RESOLVED)

TYPES: Mapping[str, type[Data]] = {
    **{f"ripcord.order.{what}": OrderData for what in (*OrderStatus, SUPERSEDED)},
    **{f"ripcord.attempt.{what}": AttemptData for what in AttemptStatus},
    **{f"ripcord.position.{what}": PositionData for what in _POSITION},
    f"ripcord.position.{PLAN_CHANGED}": PlanChangedData,
    **{f"ripcord.alert.{what}": AlertData for what in _ALERT},
    "ripcord.price.tick": live.PriceTick,
    "ripcord.engine.started": live.Started,
    "ripcord.engine.recovered": live.Recovered,
    "ripcord.engine.heartbeat": live.Heartbeat,
    "ripcord.engine.draining": live.Draining,
    "ripcord.engine.drained": live.Drained,
    "ripcord.engine.entries_paused": live.EntriesPaused,
    "ripcord.engine.entries_resumed": live.EntriesResumed,
    "ripcord.engine.actor_restarted": live.ActorNamed,
    "ripcord.engine.guard_failed": live.ActorNamed,
    "ripcord.engine.failed": live.ActorNamed,
    "ripcord.engine.message_failed": live.MessageFailed,
    "ripcord.engine.lease_lost": live.LeaseLost,
    "ripcord.engine.alerts_undelivered": live.AlertsUndelivered,
    "ripcord.engine.price_source_down": live.PriceSourceDown,
    "ripcord.engine.price_rejected": live.PriceRejected,
    "ripcord.engine.price_held": live.PriceHeld,
    "ripcord.engine.connection_troubled": live.ConnectionTroubled,
    "ripcord.engine.connection_back": live.ConnectionBack,
}
"""The model of each type's data."""


def plain(subject: str, data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the *data* that is published under *subject*, live, as plain JSON.

    Raises:
        LookupError: there is no such type.
        pydantic.ValidationError: *data* is not what the type has.
    """
    return TYPES[type_of(subject)].model_validate(data).model_dump(mode="json")


def schema_of(type_: str) -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of the data of events of *type_*.

    Raises:
        BadInputError: there is no such type.
    """
    if type_ not in TYPES:
        raise BadInputError(f"there is no type of events {type_!r}: run `events --schema` to list them all")
    schema = TYPES[type_].model_json_schema(mode="serialization")
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": schema_name(type_, VERSION),
    }
    return {**head, **schema, "title": type_}


def schema_name(type_: str, version: int) -> str:
    """Return the URI that names the schema of *type_*: what an event's `dataschema` says."""
    return f"urn:ripcord:schema:{type_.removeprefix('ripcord.')}:{version}"
