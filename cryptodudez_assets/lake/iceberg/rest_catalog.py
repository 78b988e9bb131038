"""Iceberg's REST catalog: the same that `recording.py` does with the catalog in a database, asked of a server.

The server writes the metadata of tables and names them. So nothing is done here that needs metadata of our own making, or several tables
at once: making a table again, restoring, moving, erasing. Buckets are asked with the platform's own settings and credentials; what the
server hands out of these is left alone, since Polars and obstore would not know of it.

A commit is the last word of whoever holds locks, and the locks of a bucket can be lost (`store/leases.py`). It is kept from somebody who
lost one in two steps. Right before the server is told, all locks of the process are looked at. And each commit demands of the server that
the table still has the snapshot that it was made from; whoever takes a table's lock from a holder who had not let go first gives the table
another snapshot (`IcebergTables.alone`), so that a commit that passed the look, and is on its way, is refused by the server.
"""

import os
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from uuid import uuid4

from pydantic import SecretStr
from pyiceberg.catalog.rest import RestCatalog
from pyiceberg.exceptions import CommitFailedException, NoSuchTableError
from pyiceberg.io import PY_IO_IMPL, FileIO
from pyiceberg.table import CommitTableResponse, Table, TableRequirement, TableUpdate
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.table.refs import MAIN_BRANCH
from pyiceberg.table.update import AssertRefSnapshotId
from pyiceberg.typedef import EMPTY_DICT, Properties
from requests import Response, Session
from requests.adapters import HTTPAdapter

from cryptodudez_assets.lake.iceberg.hashing import HashingIO
from cryptodudez_assets.lake.iceberg.recording import METADATA, Recording, write_record
from cryptodudez_assets.lake.iceberg.scan import FILE_IO
from cryptodudez_assets.lake.store import endpoints
from cryptodudez_assets.lake.store.leases import insist_on_held
from cryptodudez_assets.settings import Settings

ASKED_AT_ONCE = 8
ANSWER_SECONDS = 60


class RestRecordingCatalog(Recording, RestCatalog):  # type: ignore[misc]
    """The catalog behind an address. Raises what pyiceberg and its HTTP client do."""

    def __init__(self, name: str, settings: Settings) -> None:
        Recording.__init__(self)
        self._settings = settings
        self._io = {PY_IO_IMPL: FILE_IO, **endpoints.for_iceberg(settings)}
        address = urlsplit(settings.catalog)
        secrets = {"token": settings.catalog_token, "credential": settings.catalog_credential}
        told = {name: _secret(value) for name, value in secrets.items() if value is not None}
        uri = address._replace(query="").geturl()
        RestCatalog.__init__(self, name, uri=uri, **dict(parse_qsl(address.query)), **told)

    def _create_session(self) -> Session:
        """As ever, and nobody is waited for without end: who holds a lock meanwhile keeps others waiting."""
        session: Session = super()._create_session()
        for scheme in ("https://", "http://"):
            session.mount(scheme, _Patient())
        return session

    def _load_file_io(self, properties: Properties = EMPTY_DICT, location: str | None = None) -> FileIO:
        return HashingIO(self._io, self._written)

    def create_table(self, *args: Any, **kwargs: Any) -> Table:
        """As ever, by nobody who lost a lock."""
        insist_on_held(self._settings)
        return super().create_table(*args, **kwargs)

    def commit_table(
        self, table: Table, requirements: tuple[TableRequirement, ...], updates: tuple[TableUpdate, ...]
    ) -> CommitTableResponse:
        """As ever, with a record of what was written; raises LeaseLost where somebody has taken a lock from this process."""
        location = table.metadata.location
        if written := self.written_for(location):
            write_record(table.io, f"{location}/metadata/commit-{uuid4()}{METADATA}", location, written)
        if not any(isinstance(one, AssertRefSnapshotId) and one.ref == MAIN_BRANCH for one in requirements):
            from_it = AssertRefSnapshotId(ref=MAIN_BRANCH, snapshot_id=table.metadata.current_snapshot_id)
            requirements = (*requirements, from_it)
        insist_on_held(self._settings)  # the last thing before: what the table was is known by now
        try:
            done = super().commit_table(table, requirements, updates)
        except CommitFailedException:
            insist_on_held(self._settings)  # else it was somebody who does not know our locks, and is tried again
            raise
        self.forget_written(location)
        return done

    def names(self) -> list[str]:
        """All tables, as `namespace.table`."""
        spaces = self.list_namespaces()
        return sorted(".".join(table) for tables in _at_once(self.list_tables, spaces) for table in tables)

    def metadata_location(self, name: str) -> str:
        """Where the metadata of a table lies. Raises NoSuchTableError where there is no table."""
        return str(self.load_table(name).metadata_location)

    def locations(self) -> list[tuple[str, str]]:
        """All tables with where their metadata lies. One request for each, several at once."""
        names = self.names()
        found = zip(names, _at_once(self._location, names), strict=True)
        return [(name, location) for name, location in found if location]

    def _location(self, name: str) -> str:
        try:
            return self.metadata_location(name)
        except NoSuchTableError:
            return ""  # dropped since it was listed

    def point(self, locations: Mapping[str, str], instead_of: Collection[str]) -> None:
        """A REST catalog does not do so."""
        raise NotImplementedError("a REST catalog names no metadata that were written elsewhere")

    def forget(self, names: Collection[str]) -> None:
        """A REST catalog does not do so."""
        raise NotImplementedError("a REST catalog names no tables aside")

    def put(self, table: Table, metadata: TableMetadata, path: str, sums: Mapping[str, str]) -> None:
        """A REST catalog does not do so."""
        raise NotImplementedError("a REST catalog writes metadata by itself")


class _Patient(HTTPAdapter):
    """Gives up on a server that says nothing for so long."""

    def send(self, *args: Any, **kwargs: Any) -> Response:
        """As ever."""
        return super().send(*args, **kwargs | {"timeout": kwargs.get("timeout") or ANSWER_SECONDS})


def opened(settings: Settings, name: str) -> RestRecordingCatalog:
    """The catalog of these settings: one for each process, since its first question is what the server can do."""
    return _opened(os.getpid(), name, _Key(settings))


class _Key:
    """Settings, told apart by what a catalog is opened with."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        secrets = (_secret(one) if one else "" for one in (settings.catalog_token, settings.catalog_credential))
        self._told = (settings.catalog, settings.lake, settings.s3_endpoint, settings.gs_endpoint, *secrets)

    def __hash__(self) -> int:
        return hash(self._told)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and self._told == other._told


@lru_cache(maxsize=8)
def _opened(process: int, name: str, key: _Key) -> RestRecordingCatalog:
    return RestRecordingCatalog(name, key.settings)


def _secret(value: SecretStr) -> str:
    return value.get_secret_value()


def _at_once(ask: Any, these: Collection[Any]) -> list[Any]:
    with ThreadPoolExecutor(ASKED_AT_ONCE) as asked:
        return list(asked.map(ask, these))
