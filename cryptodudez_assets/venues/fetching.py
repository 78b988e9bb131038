"""One HTTP client for what is fetched: governed, patient, bounded. What an answer means is its venue's.

It asks one venue: redirects are not followed, so that a token never goes elsewhere.
"""

import asyncio
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from urllib.parse import urlsplit

import httpx
import stamina
from stamina.instrumentation import set_on_retry_hooks

from cryptodudez_assets.venues.governor import Governor, TooLong
from cryptodudez_assets.venues.http import (
    LATER,
    PACKED,
    USER_AGENT,
    Failed,
    Later,
    http_date,
    is_bounded,
    is_safe,
    retry_after,
)
from cryptodudez_assets.venues.pages import Answer, Patience, Request

MAX_BYTES = 32 << 20
SECRET_HEADERS = frozenset({"set-cookie", "set-cookie2", "authorization", "proxy-authenticate", "www-authenticate"})
SHOWN_BYTES = 200
TOLD_CHARACTERS = 500
"""So much of a venue's words is repeated."""
SECRET_LENGTH = 6
"""A shorter header is no secret, but a word that stands anywhere."""
MOST_APART = timedelta(days=2)
"""Of the clocks of a venue and this machine: by the venue's it is judged what is final and which month's money is spent."""

set_on_retry_hooks([])  # they would write into whatever terminal there is; `tell` is told of retries


@dataclass(frozen=True)
class Trouble:
    """What is wrong with an answer.

    `again`: it may be otherwise soon, in `after` seconds where the venue says so. `locks`: until then nobody is to ask.
    `for_all`: any other request would be refused, too.
    """

    reason: str
    again: bool = False
    after: float | None = None
    locks: bool = False
    for_all: bool = False


Judge = Callable[[Answer], Trouble | None]


def by_status(answer: Answer) -> Trouble | None:
    """What is wrong by the status alone, for venues that have no more to say."""
    if answer.status == httpx.codes.OK:
        return None
    reason = f"status {answer.status} {httpx.codes.get_reason_phrase(answer.status)}".rstrip()
    now = answer.server_time or answer.received_at  # a date is told by the server's clock
    after = retry_after(answer.headers.get("retry-after", ""), now)
    return Trouble(reason, again=answer.status in LATER, after=after, locks=after is not None)


class Http:
    """Requests to one venue.

    `name`: what the venue is called in messages. `headers`: sent with each request, such as a token. `judge`: what is wrong with an
    answer, if something is; only what nothing is wrong with is given. `tell`: is told a line when something has to be waited for.
    `is_live`: no answer comes out of a cache, which tells of when it was put there, so that an old `Date` is a wrong one.
    Raises Failed where `url` is neither HTTPS nor on this machine.
    """

    def __init__(
        self,
        name: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        judge: Judge = by_status,
        patience: Patience = Patience(),
        max_bytes: int = MAX_BYTES,
        tell: Callable[[str], None] = lambda _: None,
        is_live: bool = False,
    ) -> None:
        if not is_safe(httpx.URL(url)):
            raise Failed(f"{name}: its address is neither https nor on this machine", for_all=True)
        self._name, self._url = name, url.rstrip("/")
        self._judge, self._patience, self._max_bytes, self._tell = judge, patience, max_bytes, tell
        self._is_live = is_live
        self._refused: Failed | None = None
        self._secrets = [value.rpartition(" ")[2] for value in (headers or {}).values()]
        self._client = httpx.AsyncClient(
            timeout=httpx.Timeout(patience.read_timeout, connect=patience.connect_timeout),
            follow_redirects=False,
            headers={"User-Agent": USER_AGENT, "Accept-Encoding": ", ".join(PACKED), **(headers or {})},
        )

    async def close(self) -> None:
        """Hang up."""
        await self._client.aclose()

    async def ask(self, request: Request, governor: Governor, weight: int = 1, until: datetime | None = None) -> Answer:
        """The answer, after as many attempts as patience allows; each waits for its turn and counts. None but the first is made
        behind `until`.

        Raises Failed: the venue refuses for good, does not answer, or wants to be left alone for longer than patience lasts.
        """
        try:
            return await self._ask(request, governor, weight, until)
        except Failed as error:
            if error.for_all:  # whoever waits for a turn need not ask any more
                self._refused = error
            raise

    async def _ask(self, request: Request, governor: Governor, weight: int, until: datetime | None) -> Answer:
        patience = self._patience
        try:
            async for attempt in stamina.retry_context(
                on=partial(self._wait_after, request),
                attempts=patience.attempts,
                timeout=None,
                wait_initial=patience.first_wait,
                wait_max=patience.longest_wait,
                wait_jitter=patience.first_wait,
            ):
                with attempt:
                    return await self._attempt(request, governor, weight, until if attempt.num > 1 else None)
        except Later as error:
            raise Failed(
                f"{self._at(request)}: gave up after {patience.attempts} attempts: {error}", for_all=error.for_all
            ) from None
        raise AssertionError("an attempt gives an answer or raises")

    def _wait_after(self, request: Request, error: Exception) -> bool | float:
        """Whether what happened is worth another attempt; a number says when."""
        if not isinstance(error, Later):
            return False
        if error.after is None:
            self._tell(f"{self._at(request)}: {error}; asking again")
            return True
        self._tell(f"{self._at(request)}: {error}; asking again in {error.after:.0f} s")
        return error.after + random.uniform(0, self._patience.first_wait)

    async def _attempt(self, request: Request, governor: Governor, weight: int, until: datetime | None) -> Answer:
        await self._turn(request, governor, weight)
        if self._refused:
            raise self._refused
        if until is not None and datetime.now(UTC) >= until:
            raise Failed(f"{self._at(request)}: not asked once more, since that would be paid for twice")
        answer = await self._answer(request)
        self._insist_on_clock(answer)
        trouble = self._judge(answer)
        if trouble is None:
            return answer
        if trouble.locks and trouble.after:
            governor.lock(trouble.after)
        reason = _short(self.masked(trouble.reason))
        told = f"{self._at(request)}: {reason}"
        if not trouble.again:
            raise Failed(told, answer.status, for_all=trouble.for_all)
        if trouble.after is not None and trouble.after > self._patience.longest_wait:
            told = f"{told}; it asks to come back in {trouble.after:.0f} seconds"
            raise Failed(told, answer.status, for_all=trouble.locks)
        raise Later(reason, trouble.after)

    async def _turn(self, request: Request, governor: Governor, weight: int) -> None:
        try:
            await governor.turn(weight, self._patience.longest_wait, partial(self._tell_pause, request))
        except TooLong as error:
            told = f"{self._at(request)}: nobody may ask for {error.seconds:.0f} seconds: its limit is reached, or it said so"
            raise Failed(told, for_all=True) from None
        except OSError as error:
            told = f"requests cannot be counted, so none is made: {error.strerror or error}"
            raise Failed(f"{self._at(request)}: {told}", for_all=True) from None

    def _tell_pause(self, request: Request, seconds: float) -> None:
        self._tell(f"{self._at(request)}: its limit is reached, or it said so; asking in {seconds:.0f} s")

    def _insist_on_clock(self, answer: Answer) -> None:
        """Refuse an answer of a time that cannot be. Raises Failed."""
        if answer.server_time is None:
            return
        ahead = answer.server_time - answer.received_at
        if ahead > MOST_APART or (self._is_live and ahead < -MOST_APART):
            theirs, ours = (f"{at:%Y-%m-%d %H:%M} UTC" for at in (answer.server_time, answer.received_at))
            raise Failed(
                f"{self._at(answer.request)}: its clock says {theirs}, this machine's {ours}: expected less than "
                f"{MOST_APART.days} days between. Set this machine's clock, if that is the wrong one; nothing of the answer is used",
                for_all=True,
            )

    async def _answer(self, request: Request) -> Answer:
        seconds = self._patience.whole_answer
        try:
            async with asyncio.timeout(seconds):
                return await self._receive(request)
        except TimeoutError:
            raise Later(f"no whole answer within {seconds:g} s") from None
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            where = urlsplit(self._url).netloc
            raise Later(f"no connection to {where}: {error or type(error).__name__}", for_all=True) from None
        except httpx.LocalProtocolError:  # its text has the header that is wrong, such as a token
            told = "what is asked cannot be sent: a header or the address has signs that HTTP does not know"
            raise Failed(f"{self._at(request)}: {told}", for_all=True) from None
        except (httpx.TransportError, httpx.DecodingError) as error:
            raise Later(self.masked(f"{type(error).__name__}: {error}".rstrip(": "))) from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise Failed(f"{self._at(request)}: {type(error).__name__}: {error}") from None

    async def _receive(self, request: Request) -> Answer:
        asked_at, blocks, length = datetime.now(UTC), [], 0
        url = f"{self._url}/{request.path.lstrip('/')}"
        told = {"Content-Type": request.content_type} if request.content_type else {}
        asking = self._client.stream(
            request.method, url, params=dict(request.parameters), content=request.body or None, headers=told
        )
        async with asking as answer:
            if not is_bounded(answer.headers):
                packed = self.masked(answer.headers["content-encoding"])[:SHOWN_BYTES]
                raise Failed(f"{self._at(request)}: an answer packed as {packed!r}, expected {' or '.join(PACKED)}")
            async for block in answer.aiter_bytes():
                blocks.append(block)
                length += len(block)
                if length > self._max_bytes:
                    raise Failed(f"{self._at(request)}: an answer of more than {self._max_bytes} bytes")
        headers = {name: self.masked(value) for name, value in answer.headers.items() if name not in SECRET_HEADERS}
        return Answer(
            request=request,
            url=_without_user(answer.url),
            status=answer.status_code,
            headers=headers,
            body=b"".join(blocks),
            asked_at=asked_at,
            received_at=datetime.now(UTC),
            server_time=http_date(headers.get("date", "")),
        )

    def _at(self, request: Request) -> str:
        return f"{self._name}, {request.path}"

    def masked(self, text: str) -> str:
        """What a venue says, without the token that it may repeat."""
        for secret in self._secrets:
            text = text.replace(secret, "…") if len(secret) >= SECRET_LENGTH else text
        return text


def _without_user(url: httpx.URL) -> str:
    """The URL with its query, which holds no secret, but nothing that would stand before the host."""
    return str(url.copy_with(username=None, password=None))


def _short(told: str) -> str:
    return told if len(told) <= TOLD_CHARACTERS else f"{told[:TOLD_CHARACTERS]}…"


def beginning_of(body: bytes) -> str:
    """What an answer that is not understood begins with, for messages."""
    return repr(body[:SHOWN_BYTES].decode(errors="replace"))
