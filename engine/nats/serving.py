"""From settings to a bridge that publishes, and a person who hears where it cannot."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from actors.lookout import Lookout
from actors.system import ALERTS, LOOKOUT
from engine.app import Engine
from engine.domain.errors import BadInputError
from engine.events.envelope import source_of
from engine.messages.alerts import ResolveAlerts

if TYPE_CHECKING:
    from engine.nats.bridge import Bridge

_LOOKOUT = f"{LOOKOUT}:nats"


@contextmanager
def bridged(engine: Engine, _lifecycle: object = None) -> Iterator[Bridge | None]:
    """Publish the events of *engine* as its settings say; yield the bridge, or None where nothing is to be published.

    The engine runs already, and is stopped before this ends, so that its last events are published as well.

    Raises:
        BadInputError: the client of NATS is not installed.
    """
    settings = engine.settings.nats
    if settings.url is None:
        yield None
        return
    try:
        from engine.nats.bridge import TROUBLE, Bridge
    except ModuleNotFoundError as error:
        if error.name != "nats":
            raise
        raise BadInputError(
            "nats.url is set, but the client of NATS is not installed: run pip install ripcord[nats]"
        ) from None
    source = source_of(str(engine.settings.profile), engine.ports.signer.address)
    with Bridge(engine.ports.bus, engine.ports.store, settings, source) as bridge:
        # What an earlier run was told of is over, or is found again.
        engine.system.tell(ALERTS, ResolveAlerts(dedupe_key=TROUBLE))
        engine.metrics.observe_publishing(lambda: bridge.counts)
        engine.system.spawn(_LOOKOUT, Lookout, connections=bridge)
        try:
            yield bridge
        finally:
            engine.system.stop(_LOOKOUT)
