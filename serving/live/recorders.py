"""Recorders of this home: where their streams are, and what they say. What is said is believed only as far as it makes sense."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

import httpx
import msgspec

from cryptodudez_assets.recorder.telling import About, Told
from serving.elsewhere import is_loopback

INSTANCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")
BOOK = re.compile(r"[a-z0-9]{1,16}_[a-z0-9]{1,16}")
ADDRESS = re.compile(r"(?P<host>[a-z0-9.]+|\[[0-9a-f:]+\]):(?P<port>[0-9]{1,5})")
LONGEST_ADDRESS = 64
MOST_RECORDERS = 16
MOST_ABOUT, MOST_SECOND, MOST_RECENT = 16 * 1024, 256 * 1024, 32 * 1024 * 1024
"""Bytes of what it says of itself, of a second of 54 books, of all that it told lately."""
SILENT_SECONDS = 5.0
"""A recorder tells something each second; one that is silent for so long is down."""

EVENT_END = b"\n\n"

T = TypeVar("T")


class NoRecorder(Exception):
    """What answers there is no recorder, or says what none would say."""


def addresses(folder: Path) -> dict[str, str]:
    """Of each recorder that left an address which can be one: `host:port` on this machine. By their names."""
    found: dict[str, str] = {}
    for path in sorted(folder.glob("*/address"))[:MOST_RECORDERS]:
        if INSTANCE.fullmatch(path.parent.name) and path.is_file() and (address := _address(path)):
            found[path.parent.name] = address
    return found


def _address(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            said = file.read(LONGEST_ADDRESS).decode("ascii").strip()
    except (OSError, UnicodeDecodeError):  # it goes when its recorder does
        return None
    match = ADDRESS.fullmatch(said)
    if match is None or not is_loopback(match["host"].strip("[]")) or not 0 < int(match["port"]) < 1 << 16:
        return None
    return said


async def follow(
    address: str,
    on_about: Callable[[About], None],
    on_seconds: Callable[[list[Told]], Awaitable[None]],
) -> None:
    """Hear of a recorder until it is down: what it is, what it told lately, then each second. Raises NoRecorder, httpx.HTTPError."""
    async with (
        httpx.AsyncClient(
            base_url=f"http://{address}", trust_env=False, timeout=httpx.Timeout(SILENT_SECONDS, connect=2.0)
        ) as client,
        _asked(client, "/stream") as stream,
    ):
        on_about(_read(await _all(client, "/about", MOST_ABOUT), About))
        for second in _read(await _all(client, "/recent", MOST_RECENT), list[list[Told]]):
            await on_seconds(_sensible(second))
        async for event in _events(stream.aiter_raw()):
            await on_seconds(_sensible(_read(event, list[Told])))


@asynccontextmanager
async def _asked(client: httpx.AsyncClient, path: str) -> AsyncIterator[httpx.Response]:
    async with client.stream("GET", path, headers={"Accept-Encoding": "identity"}) as answer:
        if answer.status_code != httpx.codes.OK:
            raise NoRecorder(f"{path} is answered with {answer.status_code}")
        yield answer


async def _all(client: httpx.AsyncClient, path: str, most: int) -> bytes:
    said = bytearray()
    async with _asked(client, path) as answer:
        async for part in answer.aiter_raw():
            said += part
            if len(said) > most:
                raise NoRecorder(f"{path} says more than {most:,} bytes")
    return bytes(said)


async def _events(parts: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The data of server-sent events that have one line each."""
    waiting = b""
    async for part in parts:
        *events, waiting = (waiting + part).split(EVENT_END)
        if len(waiting) > MOST_SECOND:
            raise NoRecorder(f"a second of more than {MOST_SECOND:,} bytes")
        for event in events:
            yield event.removeprefix(b"data: ")


def _read(said: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(said, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise NoRecorder(f"it says what no recorder would: {error}") from None


def _sensible(second: list[Told]) -> list[Told]:
    if wrong := next((one.book for one in second if not BOOK.fullmatch(one.book)), None):
        raise NoRecorder(f"a book of the name {wrong[:40]!r}")
    return second
