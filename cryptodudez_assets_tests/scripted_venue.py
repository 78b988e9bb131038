"""A venue over real HTTP that answers by a script, one entry a request, and keeps what it was asked."""

import json
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Reply:
    """What to answer. `cut`: hang up after so many bytes of the body. `seconds`: before it is answered."""

    body: bytes = b"[]"
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None
    seconds: float = 0.0


OK = Reply()


@dataclass
class Asked:
    """A request that came, and when (monotonic)."""

    path: str
    parameters: dict[str, str]
    headers: dict[str, str]
    at: float


class Venue:
    """Answers by its script; once that is used up, as `always` says."""

    def __init__(self, *script: Reply, always: Reply = OK) -> None:
        self.script, self.always = deque(script), always
        self.asked: list[Asked] = []
        self.url = ""
        self._lock = threading.Lock()

    def answer(self, asked: Asked) -> Reply:
        """The next entry of the script."""
        with self._lock:
            self.asked.append(asked)
            return self.script.popleft() if self.script else self.always


@contextmanager
def listening(venue: Any) -> Iterator[Any]:
    """Have what has `answer` and `url` listen on a port of loopback."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            told = {name: values[0] for name, values in parse_qs(parts.query).items()}
            headers = {name.lower(): value for name, value in self.headers.items()}
            reply = venue.answer(Asked(parts.path, told, headers, time.monotonic()))
            time.sleep(reply.seconds)
            self.send_response_only(reply.status)
            dated = any(name.lower() == "date" for name in reply.headers)
            for name, value in {**({} if dated else {"Date": self.date_time_string()}), **reply.headers}.items():
                if value:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body if reply.cut is None else reply.body[: reply.cut])
            self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    venue.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield venue
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def rows(*numbers: int) -> bytes:
    """A body: these numbers as JSON."""
    return json.dumps(list(numbers)).encode()
