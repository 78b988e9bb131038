"""Kaggle's downloads as two servers of this machine: the API, and the storage that it redirects to with a signed URL.

The storage answers as Google Cloud Storage does: ETag, ranges, MD5 and CRC32C; credentials of others are an error there.
"""

import hashlib
import hmac
import json
import re
import socket
import struct
import sys
import threading
import time
from base64 import b64encode
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

DOWNLOAD = "/api/v1/datasets/download/"
CASTAGNOLI = 0x82F63B78
LINGER_OFF = struct.pack("ii", 1, 0)


@dataclass(frozen=True)
class Fault:
    """What goes wrong with one answer. A `status` replaces it; the others break it `at` so many bytes into the body.

    `cut` closes the connection, `reset` aborts it, `stall` says nothing for so many seconds, `damage` turns a byte over.
    """

    status: int | None = None
    headers: tuple[tuple[str, str], ...] = ()
    at: int = 0
    cut: bool = False
    reset: bool = False
    stall: float = 0
    damage: bool = False


@dataclass(frozen=True)
class Seen:
    """A request as it came; names of headers in lower case."""

    path: str
    headers: dict[str, str]


@dataclass
class Kaggle:
    """The servers' state: change it between requests, and read what was asked. Faults are used up, one an answer.

    `public`: data sets need no credentials. `hashes`, `tags`, `lengths`, `ranges`, `minds_if_range`: what the storage offers.
    `redirect_to` is sent in place of the signed URL.
    """

    username: str = "trader"
    key: str = "kaggle-key"
    token: str = "kaggle-token"  # noqa: S105
    public: bool = False
    forbidden: bool = False
    hashes: tuple[str, ...] = ("crc32c", "md5")
    tags: bool = True
    lengths: bool = True
    ranges: bool = True
    minds_if_range: bool = True
    content_type: str = "application/zip"
    redirect_to: str | None = None
    api_faults: deque[Fault] = field(default_factory=deque)
    storage_faults: deque[Fault] = field(default_factory=deque)
    api_requests: list[Seen] = field(default_factory=list)
    storage_requests: list[Seen] = field(default_factory=list)
    url: str = ""
    storage_url: str = ""
    _objects: dict[str, tuple[bytes, dict[str, str]]] = field(default_factory=dict)

    def publish(self, handle: str, content: bytes) -> None:
        """Make `content` the archive of the data set `<owner>/<name>`; another time, a new version of it."""
        md5 = hashlib.md5(content, usedforsecurity=False)
        hashes = {"crc32c": b64encode(crc32c(content)).decode(), "md5": b64encode(md5.digest()).decode()}
        self._objects[handle] = (
            content,
            {**hashes, "etag": f'"{md5.hexdigest()}"', "modified": formatdate(usegmt=True)},
        )

    def knows(self, authorization: str | None) -> bool:
        """Whether the credentials are right: Basic with name and key, or the token as a bearer."""
        basic = b64encode(f"{self.username}:{self.key}".encode()).decode()
        return authorization in (f"Basic {basic}", f"Bearer {self.token}")

    def signature(self, handle: str) -> str:
        """What the storage wants to see in the URL."""
        return hmac.new(self.key.encode(), handle.encode(), hashlib.sha256).hexdigest()


def crc32c(content: bytes) -> bytes:
    """CRC-32C (RFC 3720), big-endian as in `x-goog-hash`."""
    register = 0xFFFFFFFF
    for byte in content:
        register = _CRC_TABLE[(register ^ byte) & 0xFF] ^ (register >> 8)
    return (register ^ 0xFFFFFFFF).to_bytes(4)


def _crc_of_byte(byte: int) -> int:
    for _ in range(8):
        byte = (byte >> 1) ^ (CASTAGNOLI if byte & 1 else 0)
    return byte


_CRC_TABLE = [_crc_of_byte(byte) for byte in range(256)]


@contextmanager
def kaggle_server(state: Kaggle) -> Iterator[Kaggle]:
    """Run both servers on free ports of 127.0.0.1 while the context lasts; `state` gets their URLs."""
    servers = [_Server(("127.0.0.1", 0), partial(handler, state)) for handler in (_Api, _Storage)]
    state.url, state.storage_url = (f"http://127.0.0.1:{server.server_port}" for server in servers)
    threads = [threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}) for server in servers]
    for thread in threads:
        thread.start()
    try:
        yield state
    finally:
        for server, thread in zip(servers, threads, strict=True):
            server.shutdown()
            thread.join()
            server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hung up is no error."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, state: Kaggle, *connection: object) -> None:
        self.state = state
        super().__init__(*connection)  # type: ignore[arg-type]

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing; `Kaggle` keeps what was asked."""

    def seen(self) -> Seen:
        return Seen(self.path, {name.lower(): value for name, value in self.headers.items()})

    def answer(self, status: int, headers: list[tuple[str, str]], body: bytes, fault: Fault | None = None) -> None:
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        if not any(name == "Content-Length" for name, _ in headers):
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        self._send(body, fault or Fault())

    def _send(self, body: bytes, fault: Fault) -> None:
        if fault.damage:
            body = body[: fault.at] + bytes([body[fault.at] ^ 0xFF]) + body[fault.at + 1 :]
        if fault.stall or fault.cut or fault.reset:
            self.wfile.write(body[: fault.at])
            self.wfile.flush()
            body = body[fault.at :]
            time.sleep(fault.stall)
        if fault.reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_OFF)
            self.connection.close()
        if fault.cut or fault.reset:
            self.close_connection = True
        else:
            self.wfile.write(body)

    def error(self, status: int, content_type: str, body: str, extra: tuple[tuple[str, str], ...] = ()) -> None:
        headers = [("Content-Type", content_type), ("Content-Length", str(len(body.encode())))]
        self.answer(status, [*headers, *extra], body.encode())


class _Api(_Handler):
    """www.kaggle.com"""

    def do_GET(self) -> None:
        state = self.state
        state.api_requests.append(self.seen())
        fault = state.api_faults.popleft() if state.api_faults else Fault()
        handle = urlsplit(self.path).path.removeprefix(DOWNLOAD)
        given = self.headers.get("Authorization")
        if fault.status:
            self.refuse(fault.status, "Error", fault.headers)
        elif not (state.knows(given) or (state.public and given is None)):
            self.refuse(401, "Unauthorized")
        elif state.forbidden:
            self.refuse(403, "Permission denied")
        elif handle not in state._objects:
            self.refuse(404, "Not found")
        else:
            signed = f"{state.storage_url}/{handle}/bundle/archive.zip?X-Goog-Signature={state.signature(handle)}"
            self.answer(302, [("Location", state.redirect_to or signed), ("Content-Length", "0")], b"")

    def refuse(self, status: int, message: str, headers: tuple[tuple[str, str], ...] = ()) -> None:
        self.error(status, "application/json", json.dumps({"code": status, "message": message}), headers)


class _Storage(_Handler):
    """storage.googleapis.com"""

    def do_GET(self) -> None:
        state, asked = self.state, urlsplit(self.path)
        state.storage_requests.append(self.seen())
        fault = state.storage_faults.popleft() if state.storage_faults else Fault()
        handle = asked.path.strip("/").removesuffix("/bundle/archive.zip")
        if fault.status:
            self.refuse(fault.status, "InternalError", fault.headers)
        elif "Authorization" in self.headers:
            self.refuse(400, "InvalidArgument")
        elif parse_qs(asked.query).get("X-Goog-Signature") != [state.signature(handle)]:
            self.refuse(403, "SignatureDoesNotMatch")
        else:
            self.send_object(*state._objects[handle], fault)

    def refuse(self, status: int, code: str, headers: tuple[tuple[str, str], ...] = ()) -> None:
        xml = f"<?xml version='1.0' encoding='UTF-8'?><Error><Code>{code}</Code></Error>"
        self.error(status, "application/xml; charset=UTF-8", xml, headers)

    def send_object(self, content: bytes, told: dict[str, str], fault: Fault) -> None:
        state, begin = self.state, self.begin_of_range(told["etag"])
        if begin is not None and begin >= len(content):
            self.refuse(416, "InvalidRange", (("Content-Range", f"bytes */{len(content)}"),))
            return
        body = content[begin or 0 :]
        headers = [("Content-Type", state.content_type), ("Last-Modified", told["modified"])]
        # A file of that name would lie outside of any folder; a client must not believe it.
        headers += [("Content-Disposition", 'attachment; filename="../../evil.zip"')]
        headers += [("x-goog-hash", f"{name}={told[name]}") for name in state.hashes]
        headers += [("ETag", told["etag"])] * state.tags + [("Accept-Ranges", "bytes")] * state.ranges
        headers += [("Content-Length", str(len(body)))] * state.lengths
        if begin is not None:
            headers += [("Content-Range", f"bytes {begin}-{len(content) - 1}/{len(content)}")]
        self.answer(200 if begin is None else 206, headers, body, fault)

    def begin_of_range(self, etag: str) -> int | None:
        """The first byte that is asked for, or None for the whole object."""
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if asked is None or not self.state.ranges:
            return None
        if self.state.minds_if_range and self.headers.get("If-Range", etag) != etag:
            return None
        return int(asked[1])
