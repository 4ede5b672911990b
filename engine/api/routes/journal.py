"""The durable events that happened, a page at a time."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query

from engine.api.context import Api, Limit, Pattern, Since
from engine.api.schemas import View
from engine.bus.subscription import check_known
from engine.domain.errors import BadInputError
from engine.events.envelope import cloud_event, source_of

router = APIRouter(tags=["events"])

Newest = Annotated[int | None, Query(ge=1, le=1000, description="In place of `since` and `limit`: how many.")]


class JournalPage(View):
    """Durable events, oldest first, each as a CloudEvents 1.0 document."""

    events: list[dict[str, Any]]
    last: int
    """Number of the newest durable event, whatever its subject; 0 where there is none."""
    next: int
    """The `since` of the page after this one, which may not have been written yet."""


@router.get("/journal")
def read_journal(
    api: Api, subjects: Pattern = ">", since: Since = None, newest: Newest = None, limit: Limit = 100
) -> JournalPage:
    """Return the first `limit` durable events after number `since`, or the `newest` ones, as the stream sends them.

    `subjects` is a pattern as NATS has them. What is streamed after `next` follows without a gap.
    """
    if since is not None and newest is not None:
        raise BadInputError("since and newest go without each other: give one of them")
    store = api.engine.ports.store
    # Read before the page is: what comes meanwhile is on this page or on the next.
    last = store.last_event()
    if newest is not None:
        events, full = store.newest_events(subjects, newest), False
    else:
        check_known(since or 0, last)
        events = store.events(since or 0, subjects, limit)
        full = len(events) == limit
    last = max([last, *(event.seq for event in events)])
    source = source_of(str(api.engine.settings.profile), api.engine.ports.signer.address)
    return JournalPage(
        events=[cloud_event(event, source) for event in events], last=last, next=events[-1].seq if full else last
    )
