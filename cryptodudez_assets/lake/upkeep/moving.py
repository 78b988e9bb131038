"""Move a home, or make a copy of one a home of its own: its tables' paths are written anew, whole or not at all.

Whatever is written is new: metadata files beside the old ones, and rows of a catalog that nobody reads yet. One transaction
then puts these rows in the place of the others. A process may die anywhere before or after: the same command does it again.
"""

import errno
import os
import shlex
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from urllib.parse import quote

import polars as pl
from pyiceberg.expressions import AlwaysTrue

from cryptodudez_assets.contracts.base import places_of
from cryptodudez_assets.lake.iceberg import catalog_database, homes
from cryptodudez_assets.lake.iceberg.catalog_database import STAGED, Damaged, Pointer, database_file
from cryptodudez_assets.lake.iceberg.change import TableTransaction, committed
from cryptodudez_assets.lake.iceberg.checksums import Records
from cryptodudez_assets.lake.iceberg.hashing import HashingIO
from cryptodudez_assets.lake.iceberg.homes import HomeRefused
from cryptodudez_assets.lake.iceberg.paths import Immovable, Mapped, Rewriting
from cryptodudez_assets.lake.iceberg.recording import write_record
from cryptodudez_assets.lake.iceberg.tables import open_catalog
from cryptodudez_assets.lake.metastore.file_entries import FILES, SCHEMAS
from cryptodudez_assets.lake.metastore.inventory import TABLES
from cryptodudez_assets.lake.quarantine.quarantine import FILES as FILES_SET_ASIDE
from cryptodudez_assets.lake.quarantine.quarantine import ROWS as ROWS_SET_ASIDE
from cryptodudez_assets.lake.store.locks import BATCHES, SOURCES, WRITING, alive, all_exclusive, exclusive
from cryptodudez_assets.lake.store.objects import open_store
from cryptodudez_assets.lake.store.places import inside, is_local, lake_of, path_of, same, table_folder
from cryptodudez_assets.lake.upkeep.same_bytes import Generations
from cryptodudez_assets.settings import Settings

NAMING_PLACES = [FILES, SCHEMAS, TABLES, ROWS_SET_ASIDE, FILES_SET_ASIDE]
"""Tables of ours with columns that name places in the lake."""
PATIENCE_SECONDS = 5.0

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Moved:
    """How many tables were brought to the new place, and what their snapshots name that was not there before, either."""

    tables: int
    missing: list[str]


def move(
    old: str, new: str, settings: Settings, sources: Collection[str], progress: Progress = lambda _: None
) -> Moved:
    """Bring what lies in the folder `old` to `new`: a home, or a lake that lies outside of one.

    `settings` are those of the home as it will be. Where only `old` is there, it is renamed; where `new` is there already, it was
    moved or copied by hand, and `old`, if it is still there, is left as it is. Raises `HomeRefused`.
    """
    homes.insist_on_sql(settings, "moving tables", "a home whose lake is a bucket moves by `mv`")
    lake = _lake_in(old, new, settings)
    if not os.path.lexists(new):
        _rename(old, new, lake, settings, sources)
        progress(f"renamed {old}")
    if not Path(settings.lake).is_dir():
        empty = ", but an empty folder: remove it first" if Path(new).is_dir() and not any(Path(new).iterdir()) else ""
        raise HomeRefused(f"{new} is no home{empty}: there is no lake at {settings.lake}")
    _insist_on_own_catalog(old, new, settings)
    with at_rest(settings, sources):
        return _bring(lake, settings, progress)


def _lake_in(old: str, new: str, settings: Settings) -> str:
    """The lake as it was, of the home or lake that moves."""
    if not settings.lake_is_local:
        raise HomeRefused(
            f"the lake {settings.lake} is a bucket, which does not move with its home: `mv` moves the rest"
        )
    if same(new, settings.lake):
        return old
    if same(settings.lake, f"{new}/lake"):
        return f"{old}/lake"
    raise HomeRefused(
        f"the lake is {settings.lake} (CRYPTODUDEZ_LAKE), which lies neither in {new} nor is it: where the lake stays, "
        f"`mv` is enough for the home; where it moves, name the lakes: `cryptodudez move-home OLD_LAKE {settings.lake}`"
    )


def _rename(old: str, new: str, lake: str, settings: Settings, sources: Collection[str]) -> None:
    if not Path(old).is_dir():
        raise HomeRefused(f"neither {old} nor {new} is there")
    before = settings.model_copy(update=_before(old, new, lake, settings))
    if not Path(lake).is_dir():
        raise HomeRefused(f"{old} is no home: there is no lake at {lake}")
    homes.own(before)  # what is not whole is not moved
    with at_rest(before, sources):
        try:
            Path(old).rename(new)
        except OSError as error:
            raise HomeRefused(_why_not(error, old, new)) from None


def _before(old: str, new: str, lake: str, settings: Settings) -> dict[str, object]:
    """What was different of the settings before the move."""
    changed: dict[str, object] = {"lake": lake}
    if same(settings.home.as_posix(), new):
        changed["home"] = Path(old)
    database = database_file(settings)
    if database and inside(str(database), new):
        changed["catalog"] = settings.catalog.replace(quote(new), quote(old), 1)
    elif database and inside(str(database), old):
        raise HomeRefused(
            f"CRYPTODUDEZ_CATALOG names {database}, which is about to move: unset it, or name its new place"
        )
    return changed


def _why_not(error: OSError, old: str, new: str) -> str:
    if error.errno == errno.EXDEV:
        copied = f"cp -a {shlex.quote(old)} {shlex.quote(new)}"
        return f"{new} is on another file system: copy first (`{copied}`), then run the same command again"
    return f"{old} cannot be renamed to {new}: {error.strerror}"


def _insist_on_own_catalog(old: str, new: str, settings: Settings) -> None:
    """Two homes that share a catalog cannot both have the tables."""
    database = database_file(settings)
    outside = database is None or not (inside(str(database), new) or inside(str(database), str(settings.home)))
    if outside and Path(old, "lake", "tables").is_dir() | Path(old, "tables").is_dir():
        raise HomeRefused(
            f"{old} is still there, and its catalog is not a file in it, but one that {new} shares: to move, take {old} away first; "
            f"a copy needs a catalog of its own (CRYPTODUDEZ_CATALOG)"
        )


@contextmanager
def at_rest(settings: Settings, sources: Collection[str], others: Collection[str] = ()) -> Iterator[None]:
    """Hold every lock, and these others, so that nothing is under way, and no batch is being read.

    Tables are made under the catalog's lock, which is taken first: those that there are then are all.
    """
    at_work = HomeRefused(f"something is at work in {settings.home}: stop it, then run the same command again")
    with ExitStack() as held:
        try:
            held.enter_context(exclusive(settings, "catalog", PATIENCE_SECONDS))
            try:
                found = catalog_database.named(settings)
            except Damaged as error:
                raise homes.broken(settings, error) from None
            tables = [one.name for one in (found.pointers if found else [])]
            of_tables = [f"{of}{table}" for of in (WRITING, "table.") for table in tables]
            names = [*(f"{SOURCES}{source}" for source in sources), *of_tables, *others]
            held.enter_context(all_exclusive(settings, names, PATIENCE_SECONDS))
        except TimeoutError as error:
            raise at_work from error
        if any(alive(settings, BATCHES)):
            raise at_work
        yield


def _bring(lake: str, settings: Settings, progress: Progress) -> Moved:
    found = catalog_database.named(settings)
    if found is None or not found.pointers or found.taken_at:
        homes.own(settings)  # says what is missing, if something is
        return Moved(0, [])
    foreign = [one for one in found.pointers if not inside(one.metadata_location, homes.warehouse(settings))]
    if not foreign:
        return Moved(0, [])
    mapped = _mapping(lake, settings, foreign)
    moved: dict[str, Pointer] = {}
    missing: list[str] = []
    for number, one in enumerate(foreign, 1):
        moved[one.name], gone = _rewritten(one, mapped)
        missing += gone
        progress(f"{number} of {len(foreign)} tables: {one.name}")
    _insist_on_whole_copy(missing, lake, settings)
    catalog_database.stage(settings, [moved.get(one.name, one) for one in found.pointers])
    progress("staged")
    name_new_places(mapped, settings, lambda files: Generations.of(files, settings, progress), progress)
    catalog_database.switch(settings)
    progress("switched")
    return Moved(len(foreign), missing)


def _mapping(lake: str, settings: Settings, foreign: Sequence[Pointer]) -> Mapped:
    """From places in the old lake, however they are spelled, to those in the new one."""
    roots = {lake_of(one.metadata_location, one.name) for one in foreign}
    for root in roots:
        if not is_local(root) or not same(root, lake):
            old, new = homes.of_homes(settings, root)
            raise HomeRefused(
                f"the tables lie in {root}/tables, not in {lake}/tables: "
                f"run `cryptodudez move-home {shlex.quote(old)} {shlex.quote(new)}`"
            )

    def mapped(location: str) -> str:
        path = path_of(location)
        root = next((root for root in (*roots, lake) if path.startswith(f"{root}/")), None)
        return location if root is None else f"{settings.lake}/{path.removeprefix(f'{root}/')}"

    return mapped


def metadata_anew(rewriting: Rewriting, one: Pointer, looked_for: str) -> str:
    """Write a table's metadata with other paths; returns where they are. Raises `HomeRefused`, which names where they were looked for."""
    try:
        return rewriting.table(one.metadata_location)
    except FileNotFoundError:
        raise HomeRefused(f"{looked_for} is gone, the metadata of {one.name}: run `{homes.RESTORE}`") from None
    except Immovable as error:
        raise HomeRefused(f"{one.name} has {error}") from None


def _rewritten(one: Pointer, mapped: Mapped) -> tuple[Pointer, list[str]]:
    written: dict[str, str] = {}
    io = HashingIO({}, written)
    rewriting = Rewriting(io, mapped)
    location = metadata_anew(rewriting, one, mapped(one.metadata_location))
    write_record(io, location, table_folder(location), written)
    return replace(one, metadata_location=location), rewriting.gone


def _insist_on_whole_copy(missing: Sequence[str], lake: str, settings: Settings) -> None:
    """What is gone in both places was so before; what only the copy lacks was not copied."""
    uncopied = [path for path in missing if Path(lake, path.removeprefix(f"{settings.lake}/")).exists()]
    if uncopied:
        raise HomeRefused(
            f"{settings.lake} is no whole copy of {lake}: {len(uncopied)} files are missing, the first is {uncopied[0]}; copy it again"
        )


def name_new_places(
    mapped: Mapped, settings: Settings, generations: Callable[[pl.LazyFrame], Generations], progress: Progress
) -> dict[str, Callable[[pl.DataFrame], pl.DataFrame]]:
    """Our own tables name raw files by their places: these become those of now, in one more commit of each staged table.

    `generations`: those that the raw files of `catalog.files` have now. Returns what was made of the rows of each table.
    """
    done: dict[str, Callable[[pl.DataFrame], pl.DataFrame]] = {}
    catalog, records = open_catalog(settings, STAGED), Records(open_store(settings), settings.lake)
    for spec in NAMING_PLACES:
        if not catalog.table_exists(spec.name):
            continue
        table = catalog.load_table(spec.name)
        places = [name for name in places_of(spec.contract) if name in table.schema().column_names]
        of_now = [pl.col(name).map_elements(mapped, return_dtype=pl.String) for name in places]
        with committed(TableTransaction(table, records)) as change:
            known = generations(change.rows().with_columns(of_now)) if spec is FILES else None
            done[spec.name] = partial(_renamed, of_now=of_now, known=known)
            change.rewrite(change.paths(AlwaysTrue()), done[spec.name])
        progress(f"{spec.name} names the new places")
    return done


def _renamed(rows: pl.DataFrame, of_now: Sequence[pl.Expr], known: Generations | None) -> pl.DataFrame:
    rows = rows.with_columns(of_now)
    return known.renewed(rows) if known else rows
