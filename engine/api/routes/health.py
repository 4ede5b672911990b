"""What a supervisor of processes and a monitoring system ask."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from actors.system import ROUTER, SUPERVISOR
from engine.api.context import Api
from engine.api.problems import Problem
from engine.api.schemas import View

router = APIRouter(tags=["health"])
metering = APIRouter(tags=["health"])


class Alive(View):
    """The process answers."""

    alive: bool = True


class Ready(View):
    """The engine works."""

    ready: bool = True


@router.get("/livez")
async def livez() -> Alive:
    """Return whether the process answers."""
    return Alive()


@router.get("/readyz", responses={503: {"description": "It starts, drains, or has stopped."}})
async def readyz(api: Api) -> Ready:
    """Return whether the engine takes commands."""
    system = api.engine.system
    if api.lifecycle.draining or not (system.alive(SUPERVISOR) and system.alive(ROUTER)):
        raise Problem(503, "the engine is draining" if api.lifecycle.draining else "the engine does not run")
    return Ready()


@metering.get("/metrics", response_class=Response)
def metrics(api: Api) -> Response:
    """Return the metrics, as Prometheus reads them."""
    assert api.metrics is not None, "the route is there only where metrics are kept"  # noqa: S101
    exposition, media_type = api.metrics()
    return Response(exposition, headers={"content-type": media_type})
