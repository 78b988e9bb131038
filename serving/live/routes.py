"""`/live`: the page; `/live/hour`: what it shows, as JSON, and `/tables/live/hour.csv`, as a file; `/live/stream`: what becomes known
after that, as server-sent events.
"""

import asyncio
from typing import Any

from litestar import MediaType, Request, Response, asgi, get
from litestar.enums import ScopeType
from litestar.exceptions import MethodNotAllowedException
from litestar.types import Receive, Scope, Send

from cryptodudez_assets.declared_rules import declared_thresholds
from serving.crowd import client_of
from serving.dashboard.frame import HEADERS, html, render
from serving.errors import Unavailable
from serving.live.listeners import Events
from serving.live.table import BEHIND
from serving.services import of_app, services_of

RETRY_SECONDS = 5
STREAM_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),  # nginx would keep events until it has enough of them
]


@get("/live", media_type=MediaType.HTML, include_in_schema=False, sync_to_thread=True)
def show_live() -> Response[str]:
    """The page: it fills itself."""
    return html(
        render("live.html", thresholds=declared_thresholds(), command=f"cryptodudez sql '{BEHIND}' --format csv")
    )


@get("/live/hour", media_type=MediaType.JSON, include_in_schema=False)
async def live_hour(request: Request[Any, Any, Any]) -> Response[bytes]:
    """The last hour of each book, and where it is from."""
    return Response(await services_of(request).live.whole(), media_type=MediaType.JSON)


@get("/tables/live/hour.csv", media_type="text/csv", include_in_schema=False)
async def live_file(request: Request[Any, Any, Any]) -> Response[str]:
    """The same as a file."""
    headers = {"Content-Disposition": 'attachment; filename="hour.csv"', **HEADERS}
    return Response(await services_of(request).live.csv(), media_type="text/csv", headers=headers)


@asgi("/live/stream", copy_scope=False)
async def live_stream(scope: Scope, receive: Receive, send: Send) -> None:
    """Events until the client goes, reads too slowly, or the server stops."""
    if scope["type"] != ScopeType.HTTP or scope["method"] != "GET":
        raise MethodNotAllowedException("events are only to be read: GET")
    hub, client = of_app(scope["litestar_app"]).live, client_of(scope["client"])
    if not hub.listeners.has_room(client):
        raise Unavailable("too many listen already, or the server is about to stop", RETRY_SECONDS)
    with hub.listeners.listening(client) as events:
        gone = asyncio.create_task(_gone(receive))
        try:
            await send({"type": "http.response.start", "status": 200, "headers": STREAM_HEADERS})
            await send({"type": "http.response.body", "body": hub.greeting(), "more_body": True})
            while (event := await _next(events, gone)) is not None:
                await send({"type": "http.response.body", "body": event, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            gone.cancel()


async def _next(events: Events, gone: "asyncio.Task[None]") -> bytes | None:
    """The next event; None at the end, or when the client is gone."""
    event = asyncio.create_task(events.get())
    try:
        await asyncio.wait({event, gone}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        event.cancel()  # which does nothing to one that is done
    return event.result() if event.done() else None


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
