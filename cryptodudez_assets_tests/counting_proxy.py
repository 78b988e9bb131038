"""A proxy before an S3 store that counts what it is asked, by kind; it is asked for its counts at `/_requests`, which begins them anew.

A process of its own: pyarrow waits for an answer with Python's lock in its hands. The stand-in of Google's bucket counts by itself.
"""

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import httpx

COUNTS = "/_requests"
PATIENCE_SECONDS = 60
OF_A_CONNECTION = {"transfer-encoding", "connection", "keep-alive", "content-length"}


def kind_of(method: str, target: str) -> str:
    """What a request is billed as: write and list (class A, tier 1), read (class B, tier 2), delete (free)."""
    url = urlsplit(target)
    of_bucket = len(url.path.strip("/").split("/")) == 1 or (
        url.path.startswith("/storage/") and url.path.endswith("/o")
    )
    if method == "DELETE":
        return "delete"
    if method in {"PUT", "POST"}:
        return "delete" if "delete" in parse_qs(url.query, keep_blank_values=True) else "write"
    return "list" if of_bucket else "read"


def body_of(asked: BaseHTTPRequestHandler) -> bytes:
    """The body of a request, in chunks or not; raises ConnectionError where its sender is gone before the end of it."""
    if asked.headers.get("Transfer-Encoding", "").lower() != "chunked":
        return _exactly(asked, int(asked.headers.get("Content-Length") or 0))
    body = b""
    while size := int(asked.rfile.readline().split(b";")[0] or b"0", 16):
        body += _exactly(asked, size)
        asked.rfile.readline()
    if not asked.rfile.readline():
        raise ConnectionError("gone before the last chunk")
    return body


def _exactly(asked: BaseHTTPRequestHandler, size: int) -> bytes:
    content = asked.rfile.read(size)
    if len(content) < size:
        raise ConnectionError(f"gone after {len(content)} of {size} bytes")
    return content


def counts(endpoint: str) -> Counter[str]:
    """What was asked since this was asked last."""
    return Counter(httpx.get(f"{endpoint}{COUNTS}", timeout=PATIENCE_SECONDS).json())


@contextmanager
def counting_proxy(behind: str, port: int) -> Iterator[str]:
    """Run it before this endpoint; gives its own."""
    process = subprocess.Popen([sys.executable, "-m", __name__, behind, str(port)])
    endpoint = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                counts(endpoint)
                break
            except httpx.TransportError:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
        yield endpoint
    finally:
        process.kill()
        process.wait()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    behind: httpx.Client
    counted: ClassVar[Counter[str]] = Counter()

    def do_GET(self) -> None:
        if self.path == COUNTS:
            content = json.dumps(self.counted).encode()
            self.counted.clear()
            self._say(200, {}, content, len(content))
            return
        self.counted[kind_of(self.command, self.path)] += 1
        headers = {name: value for name, value in self.headers.items() if name.lower() not in OF_A_CONNECTION}
        answer = self.behind.request(self.command, self.path, content=body_of(self), headers=headers)
        kept = {name: value for name, value in answer.headers.items() if name.lower() not in OF_A_CONNECTION}
        length = int(answer.headers.get("Content-Length", 0)) if self.command == "HEAD" else len(answer.content)
        self._say(answer.status_code, kept, answer.content, length)

    do_HEAD = do_PUT = do_POST = do_DELETE = do_GET  # noqa: N815

    def _say(self, status: int, headers: dict[str, str], content: bytes, length: int) -> None:
        self.send_response_only(status)
        for name, value in {**headers, "Content-Length": str(length)}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: counts are asked for."""


if __name__ == "__main__":
    # Signatures are of the Host header, which is passed on, and so is the encoding that clients ask for.
    with httpx.Client(base_url=sys.argv[1], timeout=PATIENCE_SECONDS) as client:
        _Handler.behind = client
        server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[2])), _Handler)
        server.daemon_threads = True
        server.serve_forever()
