"""The envelope that events leave the process in: CloudEvents 1.0 in JSON.

https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md
"""

from __future__ import annotations

from typing import Any

from engine.domain.events import Event, StoredEvent
from engine.events.catalogue import schema_name
from engine.events.fields import rfc3339

MEDIA_TYPE = "application/cloudevents+json"


def source_of(profile: str, wallet: str) -> str:
    """Return the URI reference of the engine that events come from."""
    return f"ripcord/{profile}/{wallet}"


def cloud_event(event: Event, source: str) -> dict[str, Any]:
    """Return *event* as a CloudEvent from *source*; see `source_of`.

    A durable one has its number in the extension attribute `sequence`, padded so that the numbers of two events
    compare as text: https://github.com/cloudevents/spec/blob/main/cloudevents/extensions/sequence.md
    """
    envelope: dict[str, Any] = {
        "specversion": "1.0",
        "id": event.id,
        "source": source,
        "type": event.type,
        "subject": event.subject,
        "time": rfc3339(event.time),
        "datacontenttype": "application/json",
        "dataschema": schema_name(event.type, event.version),
        "data": dict(event.data),
    }
    if isinstance(event, StoredEvent):
        envelope["sequence"] = f"{event.seq:020}"
    return envelope
