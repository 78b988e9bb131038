"""Where events go: a file, a webhook, Slack. A sink says what went wrong in words that hold no secret.

Retrying and remembering belong to `delivery.py`, formats and connections here.
"""

import asyncio
import json
import logging
import os
import time
from contextlib import suppress
from contextvars import ContextVar
from pathlib import Path
from typing import Protocol

import httpx

from cryptodudez_assets.addresses import insist_on_key
from cryptodudez_assets.lake.store.private import make_private, private_file
from cryptodudez_assets.notifications.event import Event, Kind, as_told
from cryptodudez_assets.notifications.signing import signed_headers
from cryptodudez_assets.settings import Settings

TIMEOUT_SECONDS = 10.0
LONGEST_WAIT_SECONDS = 3600.0
"""A receiver that asks for more patience than this is asked again anyway."""
LONGEST_SLACK_TEXT = 3000
SIGNS = {Kind.STARTED: ":warning:", Kind.RECOVERED: ":white_check_mark:"}

_posting: ContextVar[bool] = ContextVar("posting", default=False)


class NotDelivered(Exception):
    """A sink did not take an event. `wait_seconds`: how long it asked to be left alone, if it did."""

    def __init__(self, why: str, wait_seconds: float | None = None) -> None:
        super().__init__(why)
        self.wait_seconds = wait_seconds


class Sink(Protocol):
    """Something that takes events."""

    name: str
    timeout_seconds: float

    def send(self, event: Event) -> None:
        """Hand the event over, within the time. Raises NotDelivered."""


class LogSink:
    """A file with a line of JSON for each event."""

    name = "log"
    timeout_seconds = TIMEOUT_SECONDS

    def __init__(self, path: Path) -> None:
        self._path = path

    def send(self, event: Event) -> None:  # noqa: D102
        line = json.dumps(as_told(event)) + "\n"
        try:
            make_private(self._path.parent)
            with private_file(self._path).open("ab") as file:
                file.write(line.encode())
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise NotDelivered(f"{self._path} cannot be written: {error.strerror}") from None


class WebhookSink:
    """A receiver of signed posts. No redirect is followed: where a secret leads is for the operator to say."""

    name = "webhook"

    def __init__(self, url: str, key: bytes, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        self.timeout_seconds = timeout_seconds
        self._url, self._key = url, key

    def send(self, event: Event) -> None:  # noqa: D102
        body = json.dumps(as_told(event)).encode()
        headers = signed_headers(self._key, event.id, int(time.time()), body)
        _post(self._url, body, headers, self.timeout_seconds)


class SlackSink:
    """An incoming webhook of Slack. It is told by its address alone, and drops no repeats."""

    name = "slack"

    def __init__(self, url: str, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        self.timeout_seconds = timeout_seconds
        self._url = url

    def send(self, event: Event) -> None:  # noqa: D102
        _post(self._url, json.dumps({"text": slack_text(event)}).encode(), {}, self.timeout_seconds)


def sinks_of(settings: Settings) -> list[Sink]:
    """The sinks that are configured; the file is always one."""
    found: list[Sink] = [LogSink(settings.logs / "notifications.log")]
    if settings.notify_webhook is not None and settings.notify_secret is not None:
        key = insist_on_key(settings.notify_secret.get_secret_value())
        found.append(WebhookSink(settings.notify_webhook.get_secret_value(), key))
    if settings.notify_slack is not None:
        found.append(SlackSink(settings.notify_slack.get_secret_value()))
    return found


def slack_text(event: Event) -> str:
    """The event as a message. What it quotes cannot mention people or make links."""
    sign = SIGNS.get(event.kind, ":information_source:")
    text = f"{sign} *{_escaped(event.title)}*\n{_escaped(event.text)}"
    return text if len(text) <= LONGEST_SLACK_TEXT else f"{text[: LONGEST_SLACK_TEXT - 1]}…"


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _post(url: str, body: bytes, headers: dict[str, str], seconds: float) -> None:
    """Post JSON; whatever takes longer, or is answered by anything but a 2xx, is not delivered."""
    token = _posting.set(True)
    try:
        response = asyncio.run(asyncio.wait_for(_answer(url, body, headers, seconds), seconds))
    except (TimeoutError, httpx.TimeoutException):
        raise NotDelivered(f"no answer within {seconds:g} s") from None
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:  # what it says may quote the address
        raise NotDelivered(f"it cannot be reached ({type(error).__name__})") from None
    finally:
        _posting.reset(token)
    if response.is_redirect:
        raise NotDelivered(f"it answers {response.status_code}, a redirect, which is not followed")
    if not response.is_success:
        raise NotDelivered(f"it answers {response.status_code}", _asked_to_wait(response))


async def _answer(url: str, body: bytes, headers: dict[str, str], seconds: float) -> httpx.Response:
    """Status and headers; what follows them is not read."""
    headers = {"content-type": "application/json", "user-agent": "cryptodudez", **headers}
    async with (
        httpx.AsyncClient(timeout=seconds, follow_redirects=False) as client,
        client.stream("POST", url, content=body, headers=headers) as response,
    ):
        return response


def _asked_to_wait(response: httpx.Response) -> float | None:
    with suppress(ValueError):
        return max(0.0, min(float(response.headers.get("retry-after", "")), LONGEST_WAIT_SECONDS))
    return None


def _tells_no_address(_: logging.LogRecord) -> bool:
    return not _posting.get()


# The client's library logs the address of each request, and that of a webhook is a secret.
logging.getLogger("httpx").addFilter(_tells_no_address)
