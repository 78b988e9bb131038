"""A stand-in for Google Cloud Storage: fake-gcs-server behind a gateway that speaks the XML API.

fake-gcs-server keeps the objects and speaks JSON, as pyiceberg does; obstore and Polars speak XML, which it does not take.
The gateway turns one into the other; beside that it refuses a write whose condition on the generation does not hold,
which fake-gcs-server ignores, and counts what it is asked. No permissions, no quotas, no retention: nothing here says how
Google's own service behaves.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit
from uuid import uuid4
from xml.sax.saxutils import escape

import httpx

from cryptodudez_assets_tests.counting_proxy import COUNTS, body_of, counts, kind_of

PATIENCE_SECONDS = 30
CONFLICT = 409
JSON_API = ("storage", "upload", "download", "batch", "_internal")
HOP_BY_HOP = {"transfer-encoding", "connection", "content-encoding", "content-length", "keep-alive", "date", "server"}
TOLD = {"pubsub-project-id": "tests", "pubsub-topic": "landed", "list": "finalize,delete"}
NAMESPACE = "http://doc.s3.amazonaws.com/2006-03-01"

Answer = tuple[int, dict[str, str], bytes]
Query = dict[str, str]


class GoogleStandIn:
    """Both processes, with these buckets, reached at `endpoint`.

    `pubsub`: where a Pub/Sub is that is told of the first bucket's objects, of all or of those below `told_of`. `kept`: a folder for
    the objects, which outlive a kill there; without it they are in memory, which is quicker.
    """

    def __init__(
        self,
        binary: Path,
        ports: tuple[int, int],
        folder: Path,
        pubsub: str = "",
        told_of: str = "",
        kept: Path | None = None,
        buckets: Sequence[str] = ("lake",),
    ) -> None:
        self._buckets = buckets
        ours, theirs = ports
        self.endpoint = f"http://127.0.0.1:{ours}"
        self.running: list[subprocess.Popen[bytes]] = []
        command = [str(binary), "-scheme=http", "-host=127.0.0.1", f"-port={theirs}"]
        command += ["-backend=filesystem", f"-filesystem-root={kept}"] if kept else ["-backend=memory"]
        command += [f"-public-host=127.0.0.1:{ours}", f"-external-url={self.endpoint}", "-log-level=warn"]
        told = TOLD | {"bucket": buckets[0]} | ({"object-prefix": told_of} if told_of else {})
        command += [f"-event.{name}={value}" for name, value in told.items()] if pubsub else []
        # The gateway is a process of its own: pyarrow waits for an answer with Python's lock in its hands.
        self._commands = [command, [sys.executable, "-m", __name__, str(ours), str(theirs)]]
        self._environment = os.environ | ({"PUBSUB_EMULATOR_HOST": pubsub} if pubsub else {})
        self._log = folder / "log"

    def start(self) -> None:
        """Start both; gives back once the buckets are there."""
        with self._log.open("ab") as log:
            for one in self._commands:
                self.running.append(
                    subprocess.Popen(one, stdout=log, stderr=log, env=self._environment, start_new_session=True)
                )
        for bucket in self._buckets:
            self._make_bucket(bucket)

    def kill(self) -> None:
        """As a loss of power does."""
        for process in self.running:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        self.running.clear()

    def counted(self) -> Counter[str]:
        """How many requests there were since this was asked last, by what they ask: read, list, write or delete."""
        return counts(self.endpoint)

    def _make_bucket(self, name: str) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                url = f"{self.endpoint}/storage/v1/b?project=tests"
                answer = httpx.post(url, json={"name": name}, timeout=PATIENCE_SECONDS)
                if answer.status_code != CONFLICT:  # of one that was kept
                    answer.raise_for_status()
                return
            except httpx.HTTPError as error:
                if any(process.poll() is not None for process in self.running) or time.monotonic() > deadline:
                    said = self._log.read_text(errors="replace")
                    raise RuntimeError(f"the stand-in did not come up:\n{said}") from error
                time.sleep(0.1)


@contextmanager
def google_stand_in(binary: Path, ports: tuple[int, int], folder: Path, pubsub: str = "") -> Iterator[str]:
    """Run it while the context lasts; gives the endpoint."""
    stand_in = GoogleStandIn(binary, ports, folder, pubsub)
    try:
        stand_in.start()
        yield stand_in.endpoint
    finally:
        stand_in.kill()


class _Gateway(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], behind: httpx.Client) -> None:
        super().__init__(address, _Handler)
        self.behind = behind
        self.parts: dict[str, dict[int, bytes]] = {}
        self.writing = Lock()  # between the look at a generation and the write
        self._counted: Counter[str] = Counter()
        self._counting = Lock()

    def count(self, kind: str) -> None:
        """One more of this kind."""
        with self._counting:
            self._counted[kind] += 1

    def counted(self) -> dict[str, int]:
        """How many there were of each kind since this was asked last."""
        with self._counting:
            told = dict(self._counted)
            self._counted.clear()
            return told


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Gateway

    def do_GET(self) -> None:
        self._answer()

    do_HEAD = do_PUT = do_POST = do_DELETE = do_PATCH = do_GET  # noqa: N815

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: tests tell what failed."""

    def _answer(self) -> None:
        try:
            body = body_of(self)
        except ConnectionError:  # who began to send is gone: there is no object
            self.close_connection = True
            return
        status, headers, content = self._route(body)
        self.send_response(status)
        length = headers.pop("Content-Length", str(len(content)))
        for name, value in {**headers, "Content-Length": length}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def _route(self, body: bytes) -> Answer:
        if self.path == COUNTS:
            return 200, {"Content-Type": "application/json"}, json.dumps(self.server.counted()).encode()
        url = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(url.query, keep_blank_values=True).items()}
        bucket, _, name = url.path.lstrip("/").partition("/")
        bucket, name = unquote(bucket), unquote(name)
        self.server.count(kind_of(self.command, self.path))
        if bucket in JSON_API:
            return self._pass_through(body)
        if not name:
            return self._list(bucket, query)
        match self.command, "uploadId" in query:
            case "POST", False:
                return self._begin(query)
            case "PUT", True:
                self.server.parts[query["uploadId"]][int(query["partNumber"])] = body
                return 200, {"ETag": f'"{query["partNumber"]}"'}, b""
            case "POST", True:
                parts = self.server.parts.pop(query["uploadId"])
                return self._end(bucket, name, b"".join(parts[number] for number in sorted(parts)))
            case "DELETE", True:
                self.server.parts.pop(query["uploadId"], None)
                return 204, {}, b""
            case "PUT", False:
                return self._write(bucket, name, body)
            case "DELETE", False:
                return self._behind("DELETE", _object(bucket, name)).status_code, {}, b""
            case _:
                return self._read(bucket, name)

    def _behind(self, method: str, path: str, **more: Any) -> httpx.Response:
        return self.server.behind.request(method, path, **more)

    def _pass_through(self, body: bytes) -> Answer:
        headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP_BY_HOP}
        path = self.path.replace("versions=True", "versions=true")  # so Google's client asks, and Google reads both
        answer = self._behind(self.command, path, content=body, headers=headers)
        kept = {name: value for name, value in answer.headers.items() if name.lower() not in HOP_BY_HOP}
        return answer.status_code, kept, answer.content

    def _list(self, bucket: str, query: Query) -> Answer:
        after = query.get("start-after", "")
        asked = {
            "prefix": query.get("prefix"),
            "delimiter": query.get("delimiter"),
            "maxResults": query.get("max-keys", "1000"),
            "startOffset": after,
            "pageToken": query.get("continuation-token"),
        }
        told = self._behind(
            "GET", f"/storage/v1/b/{quote(bucket)}/o", params={name: value for name, value in asked.items() if value}
        ).json()
        objects = "".join(
            f"<Contents><Key>{escape(one['name'])}</Key><Size>{one['size']}</Size>"
            f"<LastModified>{one['updated']}</LastModified><ETag>{escape(_headers(one)['ETag'])}</ETag></Contents>"
            for one in told.get("items", [])
            if one["name"] != after  # an offset begins at the name, a key to start after behind it
        )
        folders = "".join(
            f"<CommonPrefixes><Prefix>{escape(one)}</Prefix></CommonPrefixes>" for one in told.get("prefixes", [])
        )
        more = told.get("nextPageToken", "")
        goes_on = f"<IsTruncated>{str(bool(more)).lower()}</IsTruncated>"
        goes_on += f"<NextContinuationToken>{escape(more)}</NextContinuationToken>" if more else ""
        return _xml(f'<ListBucketResult xmlns="{NAMESPACE}">{goes_on}{objects}{folders}</ListBucketResult>')

    def _begin(self, query: Query) -> Answer:
        if "uploads" not in query:
            return 400, {}, b"what kind of upload?"
        number = uuid4().hex
        self.server.parts[number] = {}
        return _xml(f"<InitiateMultipartUploadResult><UploadId>{number}</UploadId></InitiateMultipartUploadResult>")

    def _end(self, bucket: str, name: str, content: bytes) -> Answer:
        status, headers, body = self._write(bucket, name, content)
        if status != 200:
            return status, headers, body
        tag = escape(headers["ETag"])
        _, kind, told = _xml(f"<CompleteMultipartUploadResult><ETag>{tag}</ETag></CompleteMultipartUploadResult>")
        return status, kind | headers, told

    def _write(self, bucket: str, name: str, content: bytes) -> Answer:
        wanted = self.headers.get("x-goog-if-generation-match")
        with self.server.writing:
            there = self._metadata(bucket, name)
            if wanted is not None and wanted != (str(there["generation"]) if there else "0"):
                return 412, {}, b""
            answer = self._behind(
                "POST",
                f"/upload/storage/v1/b/{quote(bucket)}/o",
                params={"uploadType": "media", "name": name},
                content=content,
            )
        return answer.status_code, _headers(answer.json()) if answer.is_success else {}, b""

    def _read(self, bucket: str, name: str) -> Answer:
        there = self._metadata(bucket, name)
        if there is None:
            return 404, {}, b""
        headers = _headers(there)
        if self.command == "HEAD":
            return 200, {**headers, "Content-Length": str(there["size"])}, b""
        part = {"Range": self.headers["Range"]} if "Range" in self.headers else {}
        answer = self._behind("GET", f"/download{_object(bucket, name)}", params={"alt": "media"}, headers=part)
        told = {"Content-Range": answer.headers["Content-Range"]} if "Content-Range" in answer.headers else {}
        return answer.status_code, headers | told, answer.content

    def _metadata(self, bucket: str, name: str) -> dict[str, Any] | None:
        answer = self._behind("GET", _object(bucket, name))
        return answer.json() if answer.is_success else None


def _object(bucket: str, name: str) -> str:
    return f"/storage/v1/b/{quote(bucket)}/o/{quote(name, safe='')}"


def _headers(told: dict[str, Any]) -> dict[str, str]:
    tag = (told.get("etag") or told["md5Hash"]).strip('"')
    at = datetime.fromisoformat(told["updated"].replace("Z", "+00:00"))
    return {
        "ETag": f'"{tag}"',
        "x-goog-generation": str(told["generation"]),
        "Last-Modified": format_datetime(at, usegmt=True),
    }


def _xml(text: str) -> Answer:
    return 200, {"Content-Type": "application/xml"}, text.encode()


if __name__ == "__main__":
    front, back = map(int, sys.argv[1:])
    with httpx.Client(base_url=f"http://127.0.0.1:{back}", timeout=PATIENCE_SECONDS) as client:
        _Gateway(("127.0.0.1", front), client).serve_forever()
