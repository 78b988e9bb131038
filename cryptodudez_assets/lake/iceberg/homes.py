"""Whether a home is whole and its own: looked at whenever it is opened, before anything is written.

A home is refused where its tables lie elsewhere than in its lake (it was moved, or is a copy whose original would be written to),
and where its catalog is gone, broken, emptied or older than the tables. The line that refuses it says how to mend it:
`moving.py` and `restoring.py` do so.
"""

import shlex
from collections.abc import Sequence

from cryptodudez_assets.addresses import place_of
from cryptodudez_assets.lake.iceberg.catalog_database import (
    CATALOG,
    Damaged,
    OutOfReach,
    Pointer,
    backups,
    database_file,
    named,
)
from cryptodudez_assets.lake.store.objects import looks_of, open_store
from cryptodudez_assets.lake.store.places import inside, is_local, lake_of, same, table_folder, version_of
from cryptodudez_assets.lake.store.stored import ObjectStore
from cryptodudez_assets.settings import LAKES, Settings

RESTORE = "cryptodudez restore-catalog"


class HomeRefused(Exception):
    """The home cannot be used as it is: what was found, what was expected, and the command that mends it, in one line."""


def warehouse(settings: Settings) -> str:
    """Root of the tables' files; of a folder the plain path: in a URL, `#` and `?` would end it."""
    return f"{settings.lake}/tables"


def own(settings: Settings) -> Settings:
    """The settings, with the lake spelled as its tables spell it; raises `HomeRefused`. Reads the catalog's list of tables, no more.

    A database server that cannot be reached is not told here: whoever needs it is told by its own error. A lake that is being filled
    from another one is none yet (`HomeMoved`).
    """
    looks_of(settings).insist_on_whole()
    try:
        found = named(settings)
    except Damaged as error:
        raise broken(settings, error) from None
    except OutOfReach:
        return settings
    if found is None or not found.pointers:
        if others := [name for name, at in (found.others if found else []) if inside(at, warehouse(settings))]:
            raise HomeRefused(_of_others(settings, others[0]))
        if holds_tables(open_store(settings)):
            gone = "there is no catalog" if found is None else "no table is named by the catalog"
            raise HomeRefused(f"{gone} at {_where(settings)}, {_beside_tables(settings)}")
        return settings
    if found.taken_at:
        raise HomeRefused(
            f"{_where(settings)} is a backup of {found.taken_at:%Y-%m-%d %H:%M} UTC, put there by hand: what was committed "
            f"since is missing. Run `{RESTORE}`, which brings it up to its tables"
        )
    strange = [one for one in found.pointers if not inside(one.metadata_location, warehouse(settings))]
    if strange:
        # The catalog may be that of a lake which went elsewhere, and the lake the one of now.
        if is_local(lake := lake_of(strange[0].metadata_location, strange[0].name)):
            looks_of(settings.model_copy(update={"lake": lake})).insist_on_staying()
        raise HomeRefused(foreign(settings, strange[0]))
    if unnamed := _unnamed(settings, found.pointers):
        raise HomeRefused(
            f"the catalog at {_where(settings)} does not name {', '.join(unnamed)}, {_beside_tables(settings)}"
        )
    return _as_spelled(settings, found.pointers)


def insist_on_sql(settings: Settings, what: str, instead: str) -> None:
    """Refuse what a REST catalog cannot do: naming metadata of our own making, or several tables at once."""
    if settings.catalog_is_rest:
        raise HomeRefused(
            f"{what} needs a catalog in SQLite or PostgreSQL, and CRYPTODUDEZ_CATALOG is a REST catalog ({_where(settings)}): {instead}"
        )


def _unnamed(settings: Settings, pointers: Sequence[Pointer]) -> list[str]:
    """Tables that were written to, and that the catalog does not name: not when it was read, nor now."""
    store = open_store(settings)
    folders = _folders(store) if settings.lake_is_local else _folders_of_bucket(settings.lake, store)
    unknown = sorted(folders - {one.name for one in pointers})
    if unknown:  # asked after the folders, since a table is named before it is written to
        found = named(settings)
        unknown = [table for table in unknown if table not in {one.name for one in (found.pointers if found else [])}]
    return [table for table in unknown if holds_tables(store, f"tables/{table.replace('.', '/')}")]


def _folders(store: ObjectStore) -> set[str]:
    return {f"{space}.{table}" for space in store.folders("tables") for table in store.folders(f"tables/{space}")}


_LISTED: dict[str, set[str]] = {}


def _folders_of_bucket(lake: str, store: ObjectStore) -> set[str]:
    """Asked once a process: a bucket takes a request for each namespace."""
    if lake not in _LISTED:
        _LISTED[lake] = _folders(store)
    return _LISTED[lake]


def insist_on_own(settings: Settings, table: str, location: str) -> None:
    """Refuse a table that lies outside of the lake, whatever the catalog says."""
    if not inside(location, warehouse(settings)):
        raise HomeRefused(
            f"the table {table} lies in {location}, not in the lake {settings.lake}: it is neither read, written nor "
            f"cleared up. Run `{RESTORE}`, which names what lies in the lake"
        )


def insist_on_new(settings: Settings, store: ObjectStore, table: str) -> None:
    """Refuse to make a table where one has been written to: only its name in the catalog is gone."""
    if holds_tables(store, f"tables/{table.replace('.', '/')}"):
        raise HomeRefused(f"the catalog at {_where(settings)} does not name {table}, {_beside_tables(settings)}")


def holds_tables(store: ObjectStore, below: str = "tables") -> bool:
    """Whether a table lies there that was ever written to. The first metadata of a table is there before its catalog's row."""
    return any((version_of(store.uri(found.key)) or 0) > 0 for found in store.list(below))


def lost(settings: Settings, table: str, why: str) -> HomeRefused:
    """What is said where the metadata file that the catalog names cannot be had: it is gone, or no metadata file."""
    found = named(settings)
    named_for_it = [one.metadata_location for one in (found.pointers if found else []) if one.name == table]
    return HomeRefused(
        f"the catalog names {', '.join(named_for_it)} for {table}, which {why}: run `cryptodudez rebuild {table}` to make the "
        f"table again, or `{RESTORE}` to go back to what was committed to it before"
    )


def foreign(settings: Settings, table: Pointer) -> str:
    """What is said of a home whose tables lie elsewhere."""
    lake = lake_of(table.metadata_location, table.name)
    if lake == table_folder(table.metadata_location) or not lake.startswith(("/", *LAKES)):
        return (
            f"the catalog at {_where(settings)} names {table.name}, which lies in {table_folder(table.metadata_location)}; expected was "
            f"{warehouse(settings)}/{table.name.replace('.', '/')}. Another program made it, with a warehouse of its own: have it make its "
            f"tables there, in {warehouse(settings)}, or give this home a catalog of its own (CRYPTODUDEZ_CATALOG)"
        )
    found = f"the tables of {settings.home} lie in {lake}/tables, not in its lake {settings.lake}"
    if not (is_local(lake) and settings.lake_is_local):
        return f"{found}: set CRYPTODUDEZ_LAKE={shlex.quote(lake)}; tables in a bucket do not move"
    if not holds_tables(open_store(settings)):
        return (
            f"{found}, where there are none: set CRYPTODUDEZ_LAKE={shlex.quote(lake)}, or put the lake where it belongs"
        )
    old, new = of_homes(settings, lake)
    return f"{found}: it was moved or copied. Run `cryptodudez move-home {shlex.quote(old)} {shlex.quote(new)}`"


def _of_others(settings: Settings, name: str) -> str:
    """What is said of a catalog that another program made, under another name, of tables in this lake."""
    return (
        f"the catalog at {_where(settings)} names the tables in {warehouse(settings)} as those of {name!r}; expected was {CATALOG!r}. "
        f"Call it so where they are made (in Spark `spark.sql.catalog.{CATALOG}`), and in `iceberg_tables` and "
        f"`iceberg_namespace_properties`: UPDATE iceberg_tables SET catalog_name = '{CATALOG}' WHERE catalog_name = '{name}'"
    )


def of_homes(settings: Settings, lake: str) -> tuple[str, str]:
    """What was moved from where to where: homes, or lakes that lie outside of one."""
    if same(settings.lake, str(settings.home / "lake")) and lake.endswith("/lake"):
        return lake.removesuffix("/lake"), str(settings.home)
    return lake, settings.lake


def broken(settings: Settings, error: Damaged) -> HomeRefused:
    """What is said of a catalog that cannot be read."""
    return HomeRefused(f"the catalog at {_where(settings)} cannot be read ({error}), {_beside_tables(settings)}")


def _as_spelled(settings: Settings, pointers: Sequence[Pointer]) -> Settings:
    """A link to a home is the home: its tables and what they say of raw files have the spelling with which it was made."""
    lakes = [lake_of(one.metadata_location, one.name) for one in pointers if one.name == "catalog.files"]
    if not lakes or lakes[0] == settings.lake or not same(lakes[0], settings.lake):
        return settings
    return settings.model_copy(update={"lake": lakes[0]})


def _where(settings: Settings) -> str:
    path = database_file(settings)
    if path:
        return str(path)
    return place_of(settings.catalog) if settings.catalog_is_rest else f"PostgreSQL ({place_of(settings.catalog)})"


def _beside_tables(settings: Settings) -> str:
    if settings.catalog_is_rest:
        return f"but there are tables in {warehouse(settings)}: name them there (register), or choose a lake without tables"
    kept = backups(settings)
    newest = f"the newest backup of it is {kept[0]}" if kept else "there is no backup of it"
    advice = f"run `{RESTORE}`" if database_file(settings) else f"restore it with pg_restore, or run `{RESTORE}`"
    return f"but there are tables in {warehouse(settings)}; {newest}: {advice}"
