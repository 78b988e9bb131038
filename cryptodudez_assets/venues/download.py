"""A large file over HTTP: resumed where it broke off, verified before it gets its name, never more than was agreed to.

An unfinished file is `<name>.part`, and `<name>.part.json` beside it says which version of the remote file it is part of.
"""

import hashlib
import os
import shutil
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

import httpx
from filelock import FileLock, Timeout
from pydantic import BaseModel, ValidationError

from cryptodudez_assets.venues.http import LATER, USER_AGENT, Failed, Later, is_loopback, retry_after, shown
from cryptodudez_assets.venues.pages import Patience

__all__ = ["Download", "Failed", "Patience", "Progress"]

MAX_BYTES = 20 << 30
SPARE_BYTES = 256 << 20
READ_BYTES = 1 << 20
ENOUGH_BYTES = 1 << 20
MAX_REDIRECTS = 5
OK, PARTIAL, RANGE_NOT_SATISFIABLE = 200, 206, 416

Progress = Callable[[int, int | None], None]


class Remote(BaseModel, frozen=True):
    """What the server says of a file: its version, its size in bytes, base64 of its checksums."""

    etag: str | None
    size: int | None
    checksums: dict[str, str]

    @classmethod
    def of(cls, answer: httpx.Response) -> Self:
        """What the headers of a whole answer tell. Checksums as Google Cloud Storage gives them in `x-goog-hash`."""
        length = answer.headers.get("content-length")
        named = (one.strip().partition("=") for one in answer.headers.get("x-goog-hash", "").split(","))
        checksums = {name: value for name, _, value in named if name in CHECKSUMS}
        return cls(etag=answer.headers.get("etag"), size=int(length) if length else None, checksums=checksums)

    def difference(self, path: Path) -> str | None:
        """How the file's bytes differ from what the server announced, or None if they are those."""
        size = path.stat().st_size
        if self.size is not None and size != self.size:
            return f"expected {self.size} bytes, found {size}"
        for name in sorted(self.checksums, key=list(CHECKSUMS).index)[:1]:
            found = b64encode(CHECKSUMS[name](path)).decode()
            if found != self.checksums[name]:
                return f"expected the {name} {self.checksums[name]}, found {found}"
        return None


def _md5(path: Path) -> bytes:
    with path.open("rb") as content:
        return hashlib.file_digest(content, lambda: hashlib.md5(usedforsecurity=False)).digest()


def _crc32c(path: Path) -> bytes:
    import google_crc32c  # needed only for files that were uploaded in pieces: they have no MD5

    checksum = google_crc32c.Checksum()
    with path.open("rb") as content:
        while block := content.read(READ_BYTES):
            checksum.update(block)
    return bytes(checksum.digest())


CHECKSUMS = {"md5": _md5, "crc32c": _crc32c}  # the better ones first


class _Part:
    """The unfinished file, and what it is part of."""

    def __init__(self, target: Path) -> None:
        self.path = target.with_name(f"{target.name}.part")
        self._note = target.with_name(f"{target.name}.part.json")
        self.remote = self._read_note()

    def _read_note(self) -> Remote | None:
        try:
            return Remote.model_validate_json(self._note.read_bytes())
        except (FileNotFoundError, ValidationError):
            return None

    @property
    def length(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    @property
    def is_whole(self) -> bool:
        return self.remote is not None and self.path.exists() and self.remote.size == self.length

    def headers(self) -> dict[str, str]:
        """Ask for the rest. Only of the same bytes, so a weak tag will not do."""
        etag = self.remote and self.remote.etag
        if not etag or etag.startswith("W/") or not self.length:
            return {}
        return {"Range": f"bytes={self.length}-", "If-Range": etag}

    def is_continued_by(self, answer: httpx.Response) -> bool:
        """Whether the partial answer is what is missing. Not every server honours If-Range, so the tag is compared, too."""
        if self.remote is None or answer.headers.get("etag") != self.remote.etag:
            return False
        begin = f"bytes {self.length}-"
        stated: str = answer.headers.get("content-range", "")
        return stated.startswith(begin) and stated.endswith(f"/{'*' if self.remote.size is None else self.remote.size}")

    def begin(self, remote: Remote) -> None:
        self.discard()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._note.write_text(remote.model_dump_json())
        self.remote = remote

    def discard(self) -> None:
        # The note goes first: a part without a note is never continued.
        self._note.unlink(missing_ok=True)
        self.path.unlink(missing_ok=True)
        self.remote = None

    def become(self, target: Path) -> None:
        with self.path.open("rb") as content:
            os.fsync(content.fileno())
        self.path.replace(target)
        self._note.unlink()


@dataclass(frozen=True)
class Download:
    """One file to fetch. `authorization` is sent to the URL's own origin only; nothing beyond `max_bytes` is accepted."""

    url: str
    target: Path
    on_progress: Progress
    authorization: str | None = field(default=None, repr=False)
    patience: Patience = field(default_factory=Patience)
    max_bytes: int = MAX_BYTES

    def run(self) -> Path:
        """Fetch the file, or see that it is there already, and return where it is.

        Raises `Failed`, which leaves what came so far to be resumed.
        """
        self._insist_on_safe(httpx.URL(self.url))
        self.target.parent.mkdir(parents=True, exist_ok=True)
        with self._alone(), self._client() as client:
            part = _Part(self.target)
            for _ in range(2):
                if not self._fill(client, part):
                    return self.target
                difference = part.remote and part.remote.difference(part.path)
                if not difference:
                    part.become(self.target)
                    return self.target
                part.discard()
        raise Failed(f"{shown(self.url)} twice came damaged: {difference}")

    @contextmanager
    def _alone(self) -> Iterator[None]:
        try:
            with FileLock(self.target.with_name(f".{self.target.name}.lock"), timeout=0, is_singleton=False):
                yield
        except Timeout:
            raise Failed(f"{self.target} is being downloaded by another process") from None

    def _client(self) -> httpx.Client:
        patience = self.patience
        return httpx.Client(
            timeout=httpx.Timeout(patience.read_timeout, connect=patience.connect_timeout),
            follow_redirects=True,
            max_redirects=MAX_REDIRECTS,
            headers={"Accept-Encoding": "identity", "User-Agent": USER_AGENT},
            event_hooks={"request": [lambda request: self._insist_on_safe(request.url)]},
        )

    def _insist_on_safe(self, url: httpx.URL) -> None:
        """HTTPS; or plain HTTP within this machine, if that is where it began."""
        within = is_loopback(url.host) and is_loopback(httpx.URL(self.url).host)
        if not (url.scheme == "https" or (url.scheme == "http" and within)):
            raise Failed(f"{shown(url)} is neither https nor on this machine")

    def _fill(self, client: httpx.Client, part: _Part) -> bool:
        """Bring what is missing of the part, in as many attempts as it takes. False: the target is up to date as it is."""
        failures = 0
        while not part.is_whole:
            before = part.length
            try:
                return self._attempt(client, part)
            except (Later, httpx.TransportError) as error:
                reason, asked = str(error) or type(error).__name__, getattr(error, "after", None)
            except httpx.HTTPError as error:
                raise Failed(f"{shown(self.url)}: {error}") from None
            failures = 1 if part.length - before >= ENOUGH_BYTES else failures + 1
            if failures >= self.patience.attempts:
                raise Failed(f"{shown(self.url)}: gave up after {failures} attempts: {reason}")
            if asked and asked > self.patience.longest_wait:
                raise Failed(f"{shown(self.url)}: {reason}; it asks to come back in {asked:.0f} seconds")
            time.sleep(self.patience.wait(failures, asked))
        return True

    def _attempt(self, client: httpx.Client, part: _Part) -> bool:
        headers = part.headers()
        if self.authorization:
            headers["Authorization"] = self.authorization
        with client.stream("GET", self.url, headers=headers) as answer:
            if answer.status_code == RANGE_NOT_SATISFIABLE or (
                answer.status_code == PARTIAL and not part.is_continued_by(answer)
            ):
                part.discard()
                raise Later("the remote file has changed")
            _insist_on_file(answer)
            if answer.status_code == OK:
                remote = Remote.of(answer)
                self._insist_on_verifiable(remote)
                if remote.checksums and self.target.exists() and not remote.difference(self.target):
                    part.discard()
                    return False
                part.begin(remote)
            self._insist_on_room(part)
            self._receive(answer, part)
        return True

    def _receive(self, answer: httpx.Response, part: _Part) -> None:
        total = part.remote.size if part.remote else None
        arrived = part.length
        self.on_progress(arrived, total)
        with part.path.open("ab") as out:
            for block in answer.iter_raw():
                arrived += len(block)
                if arrived > self.max_bytes:
                    raise Failed(f"{shown(self.url)} goes on beyond the {self.max_bytes} bytes that are allowed")
                out.write(block)
                self.on_progress(arrived, total)

    def _insist_on_verifiable(self, remote: Remote) -> None:
        if remote.size is None and not remote.checksums:
            raise Failed(f"{shown(self.url)} comes with neither a size nor a checksum, so it could not be verified")
        if remote.size is not None and remote.size > self.max_bytes:
            raise Failed(f"{shown(self.url)} has {remote.size} bytes; {self.max_bytes} are allowed")

    def _insist_on_room(self, part: _Part) -> None:
        missing = ((part.remote and part.remote.size) or 0) - part.length
        free = shutil.disk_usage(self.target.parent).free
        if free < missing + SPARE_BYTES:
            raise Failed(f"{self.target.parent} has {free} bytes free, {missing + SPARE_BYTES} are needed")


def _insist_on_file(answer: httpx.Response) -> None:
    status, said = answer.status_code, f"{answer.url.host} answered {answer.status_code} {answer.reason_phrase}".strip()
    if status in LATER:
        raise Later(said, retry_after(answer.headers.get("retry-after", ""), datetime.now(UTC)))
    if status not in (OK, PARTIAL):
        raise Failed(said, status)
    if answer.headers.get("content-encoding", "identity") != "identity":
        raise Failed(f"{answer.url.host} sends the file compressed, which cannot be resumed or verified")
    if answer.headers.get("content-type", "").startswith("text/html"):
        raise Failed(f"{answer.url.host} answered with a web page instead of the file")
