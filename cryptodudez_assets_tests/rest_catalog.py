"""A small Iceberg REST catalog: the part of Iceberg's REST protocol that pyiceberg's client speaks, over pyiceberg's own SQL catalog.

It is a process of its own. Of other people's servers it says nothing; SeaweedFS's own is asked in a test, too. What is demanded of a
table is compared, and its name changed, by the SQL catalog in one statement. The next commit can be held back (`holding_back`).
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socket import create_connection
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from pyiceberg.catalog.rest import CreateTableRequest, TableResponse
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.exceptions import (
    CommitFailedException,
    NamespaceAlreadyExistsError,
    NoSuchNamespaceError,
    NoSuchTableError,
    TableAlreadyExistsError,
)
from pyiceberg.table import CommitTableRequest, Table

PATIENCE_SECONDS = 60
TOKEN, CREDENTIAL = "a-bearer-token", "someone:a-client-secret"
CONFLICTS = (CommitFailedException, NamespaceAlreadyExistsError, TableAlreadyExistsError)
MISSING = (NoSuchNamespaceError, NoSuchTableError)
HELD, ARRIVED = "held", "arrived"

Answer = tuple[int, Any]


@dataclass(frozen=True)
class RestServer:
    """A running catalog: its address, and the folder in which it holds commits back."""

    address: str
    folder: Path

    @contextmanager
    def holding_back(self) -> Iterator[Callable[[], None]]:
        """The next commit that arrives waits until this is over; what is given waits for its coming."""
        (self.folder / HELD).touch()
        try:
            yield self._wait_for_it
        finally:
            for name in (HELD, ARRIVED):
                (self.folder / name).unlink(missing_ok=True)

    def _wait_for_it(self) -> None:
        until = time.monotonic() + PATIENCE_SECONDS
        while not (self.folder / ARRIVED).exists():
            assert time.monotonic() < until, "no commit came"
            time.sleep(0.05)


@contextmanager
def rest_catalog(port: int, folder: Path, warehouse: str, options: dict[str, str]) -> Iterator[RestServer]:
    """Run it; it writes metadata with these options of pyiceberg's."""
    told = json.dumps({"uri": f"sqlite:///{folder}/catalog.db", "warehouse": warehouse, **options})
    with (folder / "log").open("wb") as log:
        command = [sys.executable, "-m", __name__, str(port), str(folder), told]
        process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
    try:
        until = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                if process.poll() is not None or time.monotonic() > until:
                    raise RuntimeError(f"no catalog came up:\n{(folder / 'log').read_text()}") from None
                time.sleep(0.1)
        yield RestServer(f"http://127.0.0.1:{port}", folder)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, port: int, folder: Path, catalog: SqlCatalog) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.folder, self.catalog = folder, catalog


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        steps = [unquote(step) for step in urlsplit(self.path).path.removeprefix("/v1/").split("/")]
        try:
            status, told = self._route(steps, body)
        except MISSING as error:
            status, told = 404, _error(404, error)
        except CONFLICTS as error:
            status, told = 409, _error(409, error)
        content = b"" if told is None else (told if isinstance(told, bytes) else json.dumps(told).encode())
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    do_HEAD = do_POST = do_GET  # noqa: N815

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: tests tell what failed."""

    def _route(self, steps: list[str], body: bytes) -> Answer:
        if steps == ["oauth", "tokens"]:
            asked = parse_qs(body.decode())
            is_known = ":".join(asked.get(name, [""])[0] for name in ("client_id", "client_secret")) == CREDENTIAL
            return (200, {"access_token": TOKEN, "token_type": "bearer", "expires_in": 3600}) if is_known else NOBODY
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return NOBODY
        match steps:
            case ["config"]:
                return 200, {"defaults": {}, "overrides": {}}
            case ["namespaces"]:
                return self._namespaces(body)
            case ["namespaces", space, "tables"]:
                return self._tables(space, body)
            case ["namespaces", space, "tables", name]:
                return self._table((space, name), body)
        return 404, _error(404, LookupError(f"there is no {self.path}"))

    def _namespaces(self, body: bytes) -> Answer:
        if self.command == "GET":
            return 200, {"namespaces": [list(one) for one in self.server.catalog.list_namespaces()]}
        told = json.loads(body)
        self.server.catalog.create_namespace(tuple(told["namespace"]), told["properties"])
        return 200, told

    def _tables(self, space: str, body: bytes) -> Answer:
        if self.command == "GET":
            found = self.server.catalog.list_tables(space)
            return 200, {"identifiers": [{"namespace": list(one[:-1]), "name": one[-1]} for one in found]}
        new = CreateTableRequest.model_validate_json(body)
        made = self.server.catalog.create_table(
            (space, new.name), new.table_schema, new.location, new.partition_spec, new.write_order, new.properties
        )
        return 200, _told(made)

    def _table(self, name: tuple[str, str], body: bytes) -> Answer:
        if self.command == "POST":
            wanted = CommitTableRequest.model_validate_json(body)
            self._wait()
            self.server.catalog.commit_table(self.server.catalog.load_table(name), wanted.requirements, wanted.updates)
        return 200, _told(self.server.catalog.load_table(name))

    def _wait(self) -> None:
        arrived = self.server.folder / ARRIVED
        try:
            (self.server.folder / HELD).rename(arrived)
        except FileNotFoundError:
            return  # this one is not waited for
        while arrived.exists():
            time.sleep(0.05)


def _told(table: Table) -> bytes:
    told = TableResponse(metadata_location=table.metadata_location, metadata=table.metadata)
    return str(told.model_dump_json(by_alias=True)).encode()


def _error(status: int, error: Exception) -> dict[str, Any]:
    return {"error": {"message": str(error), "type": type(error).__name__, "code": status}}


NOBODY = 401, _error(401, PermissionError("who is this?"))

if __name__ == "__main__":
    port, folder, told = sys.argv[1:]
    _Server(int(port), Path(folder), SqlCatalog("lake", **json.loads(told))).serve_forever()
