"""The other place, before anything is copied there: that it is another one, empty or ours, and that we may write to it."""

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from itertools import chain
from urllib.parse import parse_qsl, urlencode, urlsplit

from cryptodudez_assets.lake.iceberg import catalog_database, homes
from cryptodudez_assets.lake.iceberg.catalog_database import database_file
from cryptodudez_assets.lake.iceberg.homes import HomeRefused
from cryptodudez_assets.lake.iceberg.tables import open_catalog
from cryptodudez_assets.lake.store.moved import KEY, Move
from cryptodudez_assets.lake.store.places import inside, same
from cryptodudez_assets.lake.store.private import make_private
from cryptodudez_assets.lake.store.stored import ObjectStore
from cryptodudez_assets.settings import Settings

WHO = {"user", "password"}
"""What of an address's query says who asks."""


def note_of(store: ObjectStore) -> Move | None:
    """What the lake there says of its move, if anything."""
    try:
        return Move.parse(store.read(KEY))
    except (FileNotFoundError, NotADirectoryError):
        return None


def write_note(store: ObjectStore, note: Move) -> None:
    """Have the lake there say this."""
    store.write(KEY, BytesIO(note.as_json))


def catalog_of(settings: Settings) -> str:
    """Where the catalog is, without who asks."""
    if database_file(settings):
        return settings.catalog
    parts = urlsplit(settings.catalog)
    asked = [(name, value) for name, value in parse_qsl(parts.query) if name not in WHO]
    query = f"?{urlencode(asked, safe='/')}" if asked else ""
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}{query}"


def insist_on_two_places(source: Settings, target: Settings) -> None:
    """Refuse a place that is the same, or one in the other."""
    for one in (target.lake, target.raw_zone):
        for other in (source.lake, source.raw_zone):
            if same(one, other) or inside(one, other) or inside(other, one):
                raise HomeRefused(f"{one} is where {source.lake} lies already, or in it: name another place")
    if source.catalog == target.catalog:
        raise HomeRefused(
            "the catalog is to be another one than it is now: tables of two lakes would have the same names"
        )


def claim(store: ObjectStore, settings: Settings, mark: Move) -> Move:
    """Have an empty place say `mark`, or see what it says already. `HomeRefused` where another lake is there, or no right to write."""
    with _usable(settings.lake):
        found = note_of(store)
        if found is None:
            _insist_on_empty(store, settings)
    with _usable(f"the catalog {catalog_of(settings)}"):
        _make_catalog(settings)
    with _usable(settings.lake):
        if found is None:
            try:
                store.create(KEY, mark.as_json)
            except FileExistsError:  # somebody else was faster
                found = note_of(store)
    return found or mark


def _insist_on_empty(store: ObjectStore, settings: Settings) -> None:
    raw = (found.key for found in store.list("raw") if not found.oddity)
    if there := next(chain((one for one in store.folders("") if one != "raw"), raw), None):
        raise HomeRefused(f"{settings.lake} is not empty, there is {store.uri(there)}: name a place where nothing is")


def _make_catalog(settings: Settings) -> None:
    """What it names is put aside in the end, so that nothing may be named but what lies in this lake."""
    found = catalog_database.named(settings)
    others = [
        one for one in (found.pointers if found else []) if not inside(one.metadata_location, homes.warehouse(settings))
    ]
    if others:
        raise HomeRefused(
            f"the catalog {catalog_of(settings)} names {len(others)} tables of another lake: name an empty database"
        )
    if file := database_file(settings):
        make_private(file.parent)
    open_catalog(settings).engine.dispose()


@contextmanager
def _usable(place: str) -> Iterator[None]:
    """Tell in a line what the other place refuses. Not in its own words, which may name who asked, and how."""
    from obstore.exceptions import BaseError
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (BaseError, OSError, SQLAlchemyError) as error:
        why = type(getattr(error, "orig", None) or error).__name__
        raise HomeRefused(
            f"{place} cannot be used ({why}): is it there, and may whoever runs this read and write it? Nothing was copied"
        ) from None
