"""Bring tables to a place where their data files are already: metadata with the paths of there, a record of checksums, and the names that
the catalog there is to have, which nobody reads until the switch.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from pyiceberg.io import PY_IO_IMPL

from cryptodudez_assets.lake.iceberg.catalog_database import STAGED, Pointer
from cryptodudez_assets.lake.iceberg.checksums import ASIDE, Records
from cryptodudez_assets.lake.iceberg.hashing import HashingIO
from cryptodudez_assets.lake.iceberg.homes import HomeRefused
from cryptodudez_assets.lake.iceberg.paths import Mapped, Rewriting
from cryptodudez_assets.lake.iceberg.recording import write_record
from cryptodudez_assets.lake.iceberg.scan import FILE_IO
from cryptodudez_assets.lake.iceberg.tables import open_catalog
from cryptodudez_assets.lake.moving.comparing import Changed, Compared, compare
from cryptodudez_assets.lake.store import endpoints
from cryptodudez_assets.lake.store.objects import open_store_that_moves
from cryptodudez_assets.lake.store.places import is_local, key_within, path_of, table_folder
from cryptodudez_assets.lake.upkeep.moving import metadata_anew
from cryptodudez_assets.settings import Settings


def mapping(source: Settings, target: Settings) -> Mapped:
    """From places in one lake, or its raw zone, to those in the other; what lies elsewhere stays where it is."""
    roots = [(f"{source.raw_zone}/", f"{target.raw_zone}/"), (f"{source.lake}/", f"{target.lake}/")]

    def mapped(location: str) -> str:
        path = path_of(location)
        for old, new in roots:
            if path.startswith(old):
                return f"{new}{path.removeprefix(old)}"
        return location

    return mapped


class ExpectedSums:
    """The SHA-256 that commits recorded of data files, by their keys in the lake. Each table's records are read when they are needed."""

    def __init__(self, settings: Settings, tables: list[Pointer]) -> None:
        self._records = Records(open_store_that_moves(settings), settings.lake)
        self._by_key: dict[str, str] = {}
        for one in tables:
            folder = table_folder(one.metadata_location)
            within = key_within(folder, settings.lake)
            told = self._records.of(folder).by_name
            self._by_key |= {f"{within}/{name}": digest for name, digest in told.items() if _is_data(name)}

    def of(self, key: str) -> str | None:
        """What was recorded of it, if anything."""
        return self._by_key.get(key)

    def of_table(self, folder: str) -> dict[str, str]:
        """All that was recorded of a table's data files, by their names in its folder (a key)."""
        begin = f"{folder}/"
        return {key.removeprefix(begin): told for key, told in self._by_key.items() if key.startswith(begin)}


class Incomplete(HomeRefused):
    """A file is missing that a table names."""


class Arriving:
    """Tables on their way from one lake to another."""

    def __init__(self, source: Settings, target: Settings, expected: ExpectedSums) -> None:
        self._source, self._target, self._expected = source, target, expected
        self._mapped = mapping(source, target)
        reached = endpoints.for_iceberg(source) | endpoints.for_iceberg(target)  # metadata are read here, written there
        self._properties = {PY_IO_IMPL: FILE_IO, **reached}

    def write(self, one: Pointer, there: Mapping[str, object]) -> Pointer:
        """Write a table's metadata in the other place, where objects with these keys are; returns how it is named.

        Raises `HomeRefused` where it cannot be brought, and `Incomplete` where a file of it is missing.
        """
        written: dict[str, str] = {}
        io = HashingIO(self._properties, written)
        rewriting = Rewriting(io, self._mapped, lies=path_of)
        location = metadata_anew(rewriting, one, one.metadata_location)
        folder = table_folder(location)
        key = key_within(folder, self._target.lake)
        sums = {f"{folder}/{name}": digest for name, digest in self._expected.of_table(key).items()}
        write_record(io, location, folder, {**sums, **written})
        absent = sorted(path for path in rewriting.data_files if key_within(path, self._target.lake) not in there)
        if absent:
            self._insist_on_all(one.name, absent)
        return Pointer(one.namespace, one.table, location)

    def _insist_on_all(self, table: str, absent: list[str]) -> None:
        """Tell what is missing, or is there and was not copied."""
        before = f"{self._source.lake}/{key_within(absent[0], self._target.lake)}"
        if is_local(before) and Path(before).is_file():
            raise HomeRefused(
                f"{before} is reached by a link, which is not followed: put the folder in its place, then migrate again"
            )
        raise Incomplete(
            f"{len(absent)} files that {table} names are missing, such as {before}: `cryptodudez rebuild {table}`, then migrate again. "
            "Nothing was switched, and the lake may be written to again"
        )

    def compare(self, tables: list[Pointer], changed: Mapping[str, Changed]) -> Iterator[Compared]:
        """Read every version of every table in both places. `changed`: what was made of the rows of some of them on the way."""
        before, after = open_catalog(self._source), open_catalog(self._target, STAGED)
        for one in tables:
            yield compare(one.name, before.load_table(one.name), after.load_table(one.name), changed.get(one.name))


def _is_data(name: str) -> bool:
    return not name.startswith(("metadata/", f"{ASIDE}/"))
