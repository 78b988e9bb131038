"""Before every request: where it comes from, the key, the rate limits; behind it: the metrics, and what answers tell a browser.

One layer around the whole app rather than Litestar's several around each route: unknown paths are guarded as well, and its rate
limit keeps its history as JSON in an asynchronous store, which costs more than a prediction.
"""

import hmac
from math import ceil
from time import monotonic, perf_counter

import msgspec
from litestar.enums import ScopeType
from litestar.response.base import ASGIResponse
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from cryptodudez_assets.api_key import sent_key
from cryptodudez_assets.settings import Settings
from serving.crowd import client_of
from serving.elsewhere import refusal
from serving.errors import Problem
from serving.headers import protected
from serving.metrics import Metrics

OPEN = "/health/"  # whoever asks whether it lives has no key, and must not be told to wait
MINUTE = 60.0
BASIC = 'Basic realm="cryptodudez: any name, the API key as password"'
EVERYBODY = ""


class Guard:
    """ASGI: lets through who may, answers 401, 403, 421 or 429 to others, and counts all."""

    def __init__(self, app: ASGIApp, settings: Settings, metrics: Metrics, only_here: bool = False) -> None:
        self._app, self._metrics, self._only_here = app, metrics, only_here
        self._key = settings.api_key.get_secret_value().encode() if settings.api_key else None
        self._limit, self._guesses = RateLimit(settings.requests_per_minute), RateLimit(settings.requests_per_minute)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Guard HTTP requests; pass on what else there is (lifespan)."""
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        began, status = perf_counter(), 500

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = protected(message["headers"])
            await send(message)

        try:
            app = None if scope["path"].startswith(OPEN) else self._refusal(scope)
            await (app or self._app)(scope, receive, noting)
        finally:
            route = scope.get("path_template") or "-"
            version = scope["state"].get("model_version", "")
            self._metrics.observe(route, status, version, perf_counter() - began)

    def _refusal(self, scope: HTTPScope) -> ASGIApp | None:
        headers = dict(scope["headers"])
        if elsewhere := refusal(scope["method"], headers, self._only_here):
            return _answer(*elsewhere, {})
        right = self._key is None or hmac.compare_digest(sent_key(headers), self._key)
        # Who has the key is known by it, and does not share a minute with those who guess, whatever address they share. Guesses
        # are limited, so that a flood of them is cheap; what makes a key hard to guess is its length.
        limit = self._limit if right else self._guesses
        client = EVERYBODY if right and self._key is not None else client_of(scope["client"])
        if wait := limit.wait(client, monotonic()):
            self._metrics.limited.inc()
            return _answer(429, f"too many requests: again in {ceil(wait)} s", {"Retry-After": str(ceil(wait))})
        if not right:
            # A browser asks its user then, for the dashboard.
            return _answer(401, "send the API's key as X-API-Key, or as the password", {"WWW-Authenticate": BASIC})
        return None


class RateLimit:
    """So many requests of one client in a minute, at once or spread over it; 0: any number."""

    def __init__(self, per_minute: int) -> None:
        self._cost = MINUTE / per_minute if per_minute else 0.0
        # For each client the time at which it has its whole minute again: every request puts it off by its cost.
        self._whole: dict[str | bytes, float] = {}
        self._forgot = 0.0

    def wait(self, client: str | bytes, now: float) -> float:
        """Seconds until the client may send another; 0 if it may now, which is counted."""
        if not self._cost:
            return 0.0
        if now - self._forgot > MINUTE:
            self._forgot = now
            self._whole = {one: whole for one, whole in self._whole.items() if whole > now}
        whole = max(self._whole.get(client, now), now) + self._cost
        if whole - now > MINUTE * (1 + 1e-9):  # sums of costs are not exact
            return whole - now - MINUTE
        self._whole[client] = whole
        return 0.0


def _answer(status: int, detail: str, headers: dict[str, str]) -> ASGIApp:
    body = msgspec.json.encode(Problem(status, detail))
    return ASGIResponse(body=body, status_code=status, headers=headers)
