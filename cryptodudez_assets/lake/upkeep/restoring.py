"""Bring back the catalog's database from what the tables' folders say of themselves, and from its newest backup.

The newest metadata file of a table is the truth: a backup of last night may name one that is gone. Only a commit that died before
it reached the catalog leaves a file that is newer and was never true. Such files are told by the backup, if they are older than it;
one that died later is taken for done, as if its process had died a moment later: every writer of ours can bear that.
"""

import json
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

from cryptodudez_assets.lake.iceberg import catalog_database, homes
from cryptodudez_assets.lake.iceberg.catalog_database import Damaged, Named, Pointer, backups, database_file
from cryptodudez_assets.lake.iceberg.tables import open_catalog
from cryptodudez_assets.lake.store.locks import exclusive
from cryptodudez_assets.lake.store.objects import open_store
from cryptodudez_assets.lake.store.places import METADATA, inside
from cryptodudez_assets.lake.store.stored import ObjectStore
from cryptodudez_assets.settings import Settings

NOW = datetime.max.replace(tzinfo=UTC)
A_COMMIT = timedelta(minutes=1)
"""Longer than it takes from a metadata file to its name in the catalog."""

NO_METADATA = (ValueError, KeyError, TypeError, AttributeError)
"""What comes of reading a file that holds something else, or half of it."""

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Metadata:
    """A metadata file in a table's folder: where it lies, what it says of itself and of the files before it."""

    name: str
    version: int
    updated: datetime
    location: str
    before: frozenset[str]


@dataclass(frozen=True)
class Restored:
    """Where the names of how many tables came from, and which tables could not be named again."""

    tables: int
    backup: Path | None
    newer: list[str]
    """Tables that have commits which the backup did not know."""
    older: list[str]
    """Tables of which the newest metadata file is lost: what was committed last is missing."""
    lost: list[str]
    """Tables of which no metadata file is left."""
    set_aside: Path | None
    """The database that was there before."""

    def lines(self) -> Iterator[str]:
        """The same in words."""
        yield f"{self.tables} tables are named again, from {self.backup or 'no backup'} and the tables' own metadata"
        if self.newer:
            yield f"committed since the backup, and kept: {', '.join(self.newer)}"
        if self.older:
            yield f"the newest metadata are lost, and with them what was committed last: {', '.join(self.older)}"
        if self.lost:
            yield f"no metadata are left, so that the table is not there any more: {', '.join(self.lost)}"
        if self.set_aside:
            yield f"what was there before is now {self.set_aside}"


def restore(settings: Settings, at: datetime, progress: Progress = lambda _: None) -> Restored | None:
    """Make the catalog anew, whole or not at all; None where it names every table already and is left as it is."""
    homes.insist_on_sql(
        settings, "restoring a catalog", "restore the server's own backup, or register the tables there"
    )
    store = open_store(settings)
    folders = _metadata_files(store)
    before, backup = _known(settings, folders)
    if backup is None and before.taken_at == NOW and _is_whole(store, before, folders):
        return None
    known = {one.name: one for one in before.pointers}
    chosen: dict[str, Metadata] = {}
    for number, (table, keys) in enumerate(sorted(folders.items()), 1):
        found = newest(_read(store, keys), known.get(table), before.taken_at)
        if found:
            chosen[table] = found
        progress(f"{number} of {len(folders)} tables: {table}")
    pointers = [
        Pointer(*table.rpartition(".")[::2], f"{one.location}/metadata/{one.name}") for table, one in chosen.items()
    ]
    with exclusive(settings, "catalog"):
        aside = _put(settings, pointers, at, progress)
    told = {name: _tell(known.get(name), one) for name, one in chosen.items()}
    return Restored(
        len(pointers),
        backup,
        [name for name, difference in told.items() if difference > 0],
        [name for name, difference in told.items() if difference < 0],
        sorted(set(known) - set(chosen)),
        aside,
    )


def newest(files: Iterable[Metadata], known: Pointer | None, taken_at: datetime | None) -> Metadata | None:
    """The file that describes a table as it was last committed.

    `known` is what the catalog named at `taken_at`. What was written before that and was not named then never came to be.
    """
    ordered = sorted(files, key=lambda one: (one.version, one.updated))
    name = known.metadata_location.rpartition("/")[2] if known else ""
    named = next((one for one in ordered if one.name == name), None)
    since = [one for one in ordered if taken_at is None or one.updated > taken_at - A_COMMIT]
    if named is None:  # old metadata go after some commits, or it was lost: then what came before is all there is
        return next(reversed(ordered if known is None else since or ordered), None)
    # Only what goes on from it: where work went on from a moment of the past, there are others with higher numbers.
    line = {named.name}
    for one in since:
        if one.before & line:
            line.add(one.name)
    return next(one for one in reversed(ordered) if one.name in line)


def _known(settings: Settings, folders: Mapping[str, Sequence[str]]) -> tuple[Named, Path | None]:
    """What is best known of before: what the database names, if it can be read, or what the newest backup does that can be."""
    present: Named | None
    try:
        present = catalog_database.named(settings)
    except Damaged:
        present = None
    if present and present.pointers:
        strange = [one for one in present.pointers if not inside(one.metadata_location, homes.warehouse(settings))]
        if strange:
            raise homes.HomeRefused(homes.foreign(settings, strange[0]))
        behind = any(_behind(one, folders) for one in present.pointers)
        return Named(present.pointers, present.taken_at or (None if behind else NOW)), None
    for path in backups(settings):
        with suppress(Damaged):
            return catalog_database.named_in(path), path
    return Named([]), None


def _behind(one: Pointer, folders: Mapping[str, Sequence[str]]) -> bool:
    """Whether there are two commits more: one could have died before it was named, but another follows only one that was."""
    return any(_version(key) > _version(f"/{one.metadata_location}") + 1 for key in folders.get(one.name, ()))


def _is_whole(store: ObjectStore, present: Named, folders: Mapping[str, Sequence[str]]) -> bool:
    """Whether it names a file that can be read for every table that was ever written to."""
    written = {table for table, keys in folders.items() if any(_version(key) > 0 for key in keys)}
    names = {one.name: one.metadata_location.rpartition("/")[2] for one in present.pointers}
    named = {
        table: [key for key in folders.get(table, ()) if key.endswith(f"/{name}")] for table, name in names.items()
    }
    return written <= set(names) and all(_read(store, keys) for keys in named.values())


def _metadata_files(store: ObjectStore) -> dict[str, list[str]]:
    """Keys of all metadata files, by table."""
    found: dict[str, list[str]] = defaultdict(list)
    for one in store.list("tables"):
        match = METADATA.match(one.key)
        if match:
            found[match["folder"].removeprefix("tables/").replace("/", ".")].append(one.key)
    return found


def _version(key: str) -> int:
    match = METADATA.match(key)
    return int(match["version"]) if match else -1


def _read(store: ObjectStore, keys: Sequence[str]) -> list[Metadata]:
    """What metadata files say; those that cannot be read, since they were never finished or are damaged, are left out."""
    found = []
    for key in keys:
        with suppress(*NO_METADATA), store.open(key) as content:
            told: dict[str, Any] = json.load(content)
            before = frozenset(one["metadata-file"].rpartition("/")[2] for one in told.get("metadata-log", []))
            updated = datetime.fromtimestamp(told["last-updated-ms"] / 1000, UTC)
            found.append(Metadata(key.rpartition("/")[2], _version(key), updated, told["location"], before))
    return found


def _tell(known: Pointer | None, found: Metadata) -> int:
    return found.version - _version(f"/{known.metadata_location}") if known else 0


def _put(settings: Settings, pointers: Sequence[Pointer], at: datetime, progress: Progress) -> Path | None:
    path = database_file(settings)
    if path is None:
        open_catalog(settings)  # makes its tables, where they are not there
        catalog_database.stage(settings, pointers)
        catalog_database.switch(settings)
        return None
    path.parent.mkdir(parents=True, exist_ok=True)
    made = path.with_name(f"{path.name}.restored")
    made.unlink(missing_ok=True)
    anew = settings.model_copy(update={"catalog": f"sqlite:///{quote(str(made))}"})
    open_catalog(anew).engine.dispose()
    catalog_database.stage(anew, pointers)
    catalog_database.switch(anew)
    progress("made anew")
    return _in_place(made, path, at, progress)


def _in_place(made: Path, path: Path, at: datetime, progress: Progress) -> Path | None:
    """Put the new database where the old one is, of which a copy stays."""
    aside = None
    if path.exists():
        aside = path.with_name(f"{path.name}.before-{at:%Y%m%dT%H%M%S}")
        (shutil.move if path.is_dir() else shutil.copy2)(path, aside)
        progress("set aside")
    for left in ("-journal", "-wal", "-shm"):  # SQLite would take them for the new one's
        path.with_name(path.name + left).unlink(missing_ok=True)
    made.replace(path)
    return aside
