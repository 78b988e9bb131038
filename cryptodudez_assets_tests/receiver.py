"""A receiver of webhooks, over real HTTP: it checks signatures by itself, drops repeated ids, and fails as often as it is told to.

Written from docs/notifications.md alone: nothing of the sender is used here.
"""

import base64
import hashlib
import hmac
import json
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOLERANCE_SECONDS = 300


class Receiver:
    """What came: every post, and of each id the first that was taken."""

    def __init__(self, secret: str = "", fails: float = 0.0, seed: int = 0, status: int = 500) -> None:
        self.key = base64.b64decode(secret[6:]) if secret.startswith("whsec_") else secret.encode()
        self.fails, self.status = fails, status
        self.headers: dict[str, str] = {}
        self.posts: list[dict[str, Any]] = []
        self.requests: list[dict[str, str]] = []
        self.taken: dict[str, dict[str, Any]] = {}
        self.times: dict[str, int] = {}
        self.order: list[str] = []
        self.refused: list[str] = []
        self.delay_seconds = 0.0
        self.url = ""
        self._dice, self._lock = random.Random(seed), threading.Lock()

    def take(self, path: str, headers: dict[str, str], body: bytes) -> int | None:
        """The status of the answer; None to say nothing and hang up."""
        with self._lock:
            time.sleep(self.delay_seconds)
            self.requests.append(headers)
            told = json.loads(body)
            self.posts.append(told)
            name = headers.get("webhook-id", "")
            if self.key and not self.is_genuine(headers, body):
                self.refused.append(name)
                return 401
            fate = self._dice.random()
            if fate < self.fails / 2:
                return self.status  # it was not taken
            if name not in self.taken:
                self.order.append(name)
                self.taken[name] = told
            self.times[name] = self.times.get(name, 0) + 1
            # Taken, but the sender does not get to know: the next is a repeat.
            return None if fate < self.fails else 204

    def is_genuine(self, headers: dict[str, str], body: bytes) -> bool:
        """Whether it is signed with the secret, and new."""
        stamp = headers.get("webhook-timestamp", "")
        if not stamp.isdigit() or abs(time.time() - int(stamp)) > TOLERANCE_SECONDS:
            return False
        content = f"{headers['webhook-id']}.{stamp}.".encode() + body
        expected = base64.b64encode(hmac.new(self.key, content, hashlib.sha256).digest()).decode()
        return any(
            hmac.compare_digest(one, f"v1,{expected}") for one in headers.get("webhook-signature", "").split(" ")
        )


@contextmanager
def receiving(receiver: Receiver) -> Iterator[Receiver]:
    """Have it listen on a port of loopback."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["content-length"])
            body = self.rfile.read(length)
            if len(body) < length:  # who sent it died
                self.close_connection = True
                return
            status = receiver.take(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
            if status is None:
                self.close_connection = True
                return
            self.send_response(status)
            for name, value in receiver.headers.items():
                self.send_header(name, value)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    receiver.url = f"http://127.0.0.1:{server.server_port}/hook"
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
