"""`/health/…` for whoever starts and stops the app, `/metrics` for Prometheus."""

from math import isnan, nan
from typing import Any

import msgspec
from litestar import MediaType, Request, Response, get
from litestar.openapi.datastructures import ResponseSpec
from prometheus_client import CONTENT_TYPE_LATEST

from serving.errors import Problem, Unavailable
from serving.model_slot import RETRY_SECONDS
from serving.services import services_of

Asked = Request[Any, Any, Any]
TEXT_FORMAT = CONTENT_TYPE_LATEST.removesuffix("; charset=utf-8")
"""Without the charset, which Litestar adds: Prometheus takes no type that names it twice."""


class Health(msgspec.Struct):
    """How it is; for readiness the versions that serve."""

    status: str
    models: dict[str, int] = {}


@get("/health/live", tags=["health"], sync_to_thread=False)
def live() -> Health:
    """Say that the process answers."""
    return Health("live")


@get(
    "/health/ready",
    tags=["health"],
    responses={503: ResponseSpec(Problem, description="Not ready, or no more; the words say why.")},
    sync_to_thread=False,
)
def ready(request: Asked) -> Health:
    """Say whether every champion was loaded, its hash compared and its self-test passed, and that there is one at all."""
    services = services_of(request)
    if services.draining:
        raise Unavailable("stopping", RETRY_SECONDS)
    slots = services.slots.values()
    loaded = [slot for slot in slots if slot.current or slot.failed] or slots
    return Health("ready", {slot.registry.name: slot.require().version for slot in loaded})


@get("/metrics", tags=["health"], media_type=MediaType.TEXT, sync_to_thread=True)
def metrics(request: Asked) -> Response[str]:
    """Tell the metrics, in Prometheus' text format."""
    services = services_of(request)
    ages = [desk.features_age() for desk in services.desks.values()]
    known = [age for age in ages if not isnan(age)]
    services.metrics.features_age.set(max(known, default=nan))
    return Response(services.metrics.text().decode(), media_type=TEXT_FORMAT)
