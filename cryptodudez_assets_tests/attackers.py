"""Clients that mean harm, or are only slow: for tests and a benchmark of what others notice of them."""

import contextlib
import itertools
import socket
import threading
import time
from collections.abc import Iterator

HOST = "127.0.0.1"
LOOKS_ON_SECONDS = 0.3
SENDERS, DAWDLERS, SIEGE_SECONDS = 4, 60, 10
ALIVE = b"GET /health/live HTTP/1.1\r\nHost: a\r\n"
END = b"\r\n"
SENDS = b"POST /models/eth_signal/predict HTTP/1.1\r\nHost: a\r\n"

ENDLESS = {
    "a request line": (b"GET /", b"a" * 65_536),
    "a header": (ALIVE + b"X: ", b"a" * 65_536),
    "a header's name": (ALIVE, b"a" * 65_536),
    "header lines": (ALIVE, b"a:b\r\n" * 13_000),
    "a chunk's size": (SENDS + b"Transfer-Encoding: chunked\r\n\r\n1;", b"a" * 65_536),
    "a trailer": (SENDS + b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX: ", b"a" * 65_536),
    "trailer lines": (SENDS + b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n", b"a:b\r\n" * 13_000),
    "empty lines": (b"", b"\r\n" * 32_768),
    "a body that nobody reads": (ALIVE + b"Transfer-Encoding: chunked\r\n\r\n", b"ffff\r\n" + b"a" * 65_535 + END),
    "a body that is too large": (SENDS + b"Transfer-Encoding: chunked\r\n\r\n", b"ffff\r\n" + b"a" * 65_535 + END),
    "requests at once": (b"", (ALIVE + END) * 1_000),
    "no HTTP": (b"", b"\x16\x03\x01" * 20_000),
}
"""What somebody may begin, and never end: the beginning, and what is then sent again and again."""

SLOW = {
    "nothing": b"",
    "a head": ALIVE + b"X: ",
    "a second head": ALIVE + END + ALIVE + b"X: ",
    "a body": SENDS + b"Content-Length: 1000\r\n\r\n",
    "a body that nobody reads": ALIVE + b"Content-Length: 1000\r\n\r\n",
}
"""What somebody may begin, and then go on with by a byte now and then, or not at all."""


def connected(port: int, timeout: float = 10) -> socket.socket:
    """A connection."""
    return socket.create_connection((HOST, port), timeout=timeout)


def flood(port: int, begin: bytes, again: bytes, seconds: float) -> int:
    """Send until the connection ends or the time is over; how many bytes were taken."""
    sent, end = 0, time.monotonic() + seconds
    with connected(port) as one, contextlib.suppress(OSError):
        one.sendall(begin)
        while time.monotonic() < end:
            one.sendall(again)
            sent += len(again)
    return sent


def seconds_open(port: int, begin: bytes, drop: bytes, most: float) -> float:
    """How long a connection lasts that a byte is sent on five times a second (or none)."""
    with connected(port) as one:
        one.sendall(begin)
        one.settimeout(0.2)
        began = time.monotonic()
        while (passed := time.monotonic() - began) < most:
            try:
                if one.recv(65_536) == b"":
                    break
            except TimeoutError:
                with contextlib.suppress(OSError):
                    one.sendall(drop)
            except OSError:
                break
    return passed


@contextlib.contextmanager
def held(port: int, number: int, begin: bytes) -> Iterator[list[socket.socket]]:
    """So many connections at once, on each of which something was begun."""
    held: list[socket.socket] = []
    try:
        for _ in range(number):
            with contextlib.suppress(OSError):
                held.append(connected(port, timeout=1))
                held[-1].sendall(begin)
        yield held
    finally:
        for one in held:
            one.close()


def besiege(port: int) -> None:
    """Do all of it for ever: slow connections of every kind, and a few that send without an end, one after another."""
    for number in range(SENDERS):
        threading.Thread(target=_send_endlessly, args=(port, number), daemon=True).start()
    while True:
        with contextlib.ExitStack() as opened:
            slow = [one for begin in SLOW.values() for one in opened.enter_context(held(port, DAWDLERS, begin))]
            for _ in range(SIEGE_SECONDS):
                time.sleep(1)
                for one in slow:
                    with contextlib.suppress(OSError):
                        one.sendall(b"a")


def _send_endlessly(port: int, number: int) -> None:
    ways = list(ENDLESS.values())
    for turn in itertools.count(number):
        with contextlib.suppress(OSError):
            flood(port, *ways[turn % len(ways)], seconds=1)
        time.sleep(0.1)


class Witness:
    """Somebody who asks all the time whether the API lives, over a connection of its own each time."""

    def __init__(self, port: int) -> None:
        self._port, self._stop = port, threading.Event()
        self._thread = threading.Thread(target=self._ask)
        self.waits: list[float] = []
        self.wrong: list[str] = []

    def __enter__(self) -> "Witness":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.wait(LOOKS_ON_SECONDS)  # what was begun may be felt a moment later
        self._stop.set()
        self._thread.join()

    def _ask(self) -> None:
        while not self._stop.wait(0.02):
            began = time.monotonic()
            try:
                with connected(self._port) as one:
                    one.sendall(ALIVE + b"Connection: close\r\n" + END)
                    answer = one.recv(1000)
            except OSError as error:
                answer = repr(error).encode()
            self.waits.append(time.monotonic() - began)
            if not answer.startswith(b"HTTP/1.1 200"):
                self.wrong.append(answer.decode())
