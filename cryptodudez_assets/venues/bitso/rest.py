"""Bitso's public REST interface, asked within its limit. What the answers mean for a book is not known here."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import httpx

from cryptodudez_assets.venues.bitso.protocol import (
    LOCKED_SECONDS,
    LONGEST_MESSAGE,
    REQUESTS_PER_MINUTE,
    error_of,
)
from cryptodudez_assets.venues.governor import Governor
from cryptodudez_assets.venues.http import PACKED, is_bounded

PATIENCE_SECONDS = 10.0
WHOLE_ANSWER_SECONDS = 20.0
"""For an answer from its first byte to its last: one that only drips is none."""
LIMITS = ((10, 10.0), (REQUESTS_PER_MINUTE - 2, 60.0))
"""A few at once, and a little below what is allowed in a minute: the venue's minutes begin when it likes."""
THROTTLED = 420


class Refused(RuntimeError):
    """The venue does not answer as it should; what it said is told."""


class Throttled(Refused):
    """Too many requests: nobody asks for a minute."""


class Told(NamedTuple):
    """An answer's body, and when it was asked for and came (microseconds of Unix time)."""

    body: bytes
    requested_us: int
    received_us: int


def limited_by(folder: Path) -> Governor:
    """The governor of a home's requests."""
    return Governor(folder / "bitso_requests.json", LIMITS)


class BitsoRest:
    """A client. Raises Refused where there is no answer; reading one is `protocol.py`."""

    def __init__(
        self,
        url: str,
        governor: Governor,
        now_us: Callable[[], int],
        whole_answer_seconds: float = WHOLE_ANSWER_SECONDS,
    ) -> None:
        self._whole_answer_seconds = whole_answer_seconds
        self._now_us = now_us
        self._governor = governor
        self._url = url.rstrip("/")
        self._client = httpx.AsyncClient(
            timeout=PATIENCE_SECONDS, follow_redirects=False, headers={"Accept-Encoding": ", ".join(PACKED)}
        )

    async def order_book(self, book: str) -> Told:
        """A whole book, order by order: `read_order_book` reads it."""
        return await self._ask("order_book", {"book": book, "aggregate": "false"})

    async def tickers(self) -> Told:
        """The best prices of all books: `read_tickers` reads it."""
        return await self._ask("ticker", {})

    async def close(self) -> None:
        """Hang up."""
        await self._client.aclose()

    async def _ask(self, what: str, parameters: dict[str, str]) -> Told:
        try:
            await self._governor.turn()
            requested_us = self._now_us()
            async with asyncio.timeout(self._whole_answer_seconds):
                answer, body = await self._answer(what, parameters)
            if answer.status_code == THROTTLED:
                self._governor.lock(LOCKED_SECONDS)
        except httpx.HTTPError as error:
            raise Refused(f"{what}: {type(error).__name__}: {error}") from None
        except TimeoutError:
            raise Refused(f"{what}: no whole answer within {self._whole_answer_seconds:.0f} s") from None
        except OSError as error:  # of a disk: not a word of it may end a recorder
            raise Refused(f"{what}: requests cannot be counted, so none is made: {error.strerror or error}") from None
        if answer.status_code == THROTTLED:
            raise Throttled(f"{what}: too many requests ({error_of(body)}), none is made for {LOCKED_SECONDS:.0f} s")
        if answer.status_code != httpx.codes.OK:
            raise Refused(f"{what}: status {answer.status_code} {error_of(body)}".rstrip())
        return Told(body, requested_us, self._now_us())

    async def _answer(self, what: str, parameters: dict[str, str]) -> tuple[httpx.Response, bytes]:
        blocks, length = [], 0
        async with self._client.stream("GET", f"{self._url}/{what}/", params=parameters) as answer:
            if not is_bounded(answer.headers):
                raise Refused(f"{what}: an answer that is packed in a way that was not asked for")
            async for block in answer.aiter_bytes():
                blocks.append(block)
                length += len(block)
                if length > LONGEST_MESSAGE:
                    raise Refused(f"{what}: an answer of more than {LONGEST_MESSAGE} bytes")
        return answer, b"".join(blocks)
