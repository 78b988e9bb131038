"""`catalog.erasures`: who was erased, told by pseudonyms, and the key by which they are known again.

Nothing here says who it was. What lands later is recognised with the key alone, which is in the environment and nowhere else.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import polars as pl
from pyiceberg.expressions import In

from cryptodudez_assets.contracts.base import polars_schema
from cryptodudez_assets.contracts.erasures import Erasures, Stage
from cryptodudez_assets.lake.erasing.identity import Identity, Mode, key_id, shape_of
from cryptodudez_assets.lake.iceberg.spec import TableSpec
from cryptodudez_assets.lake.iceberg.tables import IcebergTables
from cryptodudez_assets.settings import Settings

ERASURES = TableSpec("catalog.erasures", Erasures, (), ("kind", "pseudonym"))
ERASING = "erasing"
"""The lock that an erasure holds from its beginning to its end. A run that begins meanwhile waits for it."""
VARIABLE = "CRYPTODUDEZ_ERASURE_KEY"


class NoKey(Exception):
    """The key by which erased identities are known again is missing, or is another one; the message says what to do."""


@dataclass(frozen=True)
class Erased:
    """What is known of an erasure."""

    pseudonym: str
    kind: str
    mode: Mode
    shape: str


def erasure_key(settings: Settings) -> bytes:
    """The key. Raises `NoKey` where there is none."""
    if settings.erasure_key is None:
        raise NoKey(
            f"{VARIABLE} is not set: without that key nobody who was erased could be recognised when more of them lands. Make one "
            "once (`openssl rand -hex 32`), keep it with your other secrets, and set it wherever cryptodudez runs"
        )
    return settings.erasure_key.get_secret_value().encode()


def erased(tables: IcebergTables, kind: str) -> list[Erased]:
    """Everybody of this kind who was erased, or is about to be."""
    rows = tables.scan(ERASURES.name)
    if rows is None:
        return []
    found = rows.filter(pl.col("kind") == kind).select("pseudonym", "kind", "mode", "shape").collect()
    return [Erased(pseudonym, of, Mode(mode), shape) for pseudonym, of, mode, shape in found.iter_rows()]


def insist_on_same_key(tables: IcebergTables, key: bytes) -> None:
    """Raise `NoKey` where somebody was erased with another key."""
    rows = tables.scan(ERASURES.name)
    others = [] if rows is None else rows.select(pl.col("key_id").unique()).collect().to_series().to_list()
    if any(one != key_id(key) for one in others):
        raise NoKey(
            f"{VARIABLE} is another key than the one with which identities were erased here: with it nobody of them is recognised. "
            "Set the key that was used"
        )


def begin(tables: IcebergTables, identities: Iterable[Identity], mode: Mode, key: bytes, at: datetime) -> None:
    """Note identities, before anything is done: from now on they are recognised where they land."""
    by_pseudonym = {one.pseudonym(key): one for one in identities}
    known = _rows(tables, by_pseudonym)
    rows = [
        {
            "kind": identity.kind,
            "places": 0,
            "begun_at": at,
            **known.get(pseudonym, {}),
            "pseudonym": pseudonym,
            "key_id": key_id(key),
            "shape": shape_of(identity.value),
            "mode": mode,
            "stage": Stage.BEGUN,
            "receipt": None,
            "done_at": None,
        }
        for pseudonym, identity in by_pseudonym.items()
    ]
    _put(tables, rows)


def finish(tables: IcebergTables, pseudonyms: Collection[str], places: int, receipt: str, at: datetime) -> None:
    """Note that the erasure of these is done. `places`, `receipt`: of all of them together."""
    done = {"stage": Stage.DONE, "places": places, "receipt": receipt, "done_at": at}
    _put(tables, [row | done for row in _rows(tables, pseudonyms).values()])


def _rows(tables: IcebergTables, pseudonyms: Collection[str]) -> dict[str, dict[str, object]]:
    rows = tables.scan(ERASURES.name, In("pseudonym", list(pseudonyms)))
    found = [] if rows is None else rows.filter(pl.col("pseudonym").is_in(list(pseudonyms))).collect().to_dicts()
    return {row["pseudonym"]: row for row in found}


def _put(tables: IcebergTables, rows: Sequence[dict[str, object]]) -> None:
    with tables.changing(ERASURES) as change:
        change.delete(In("pseudonym", [row["pseudonym"] for row in rows]))
        change.add(pl.DataFrame(rows, schema=polars_schema(Erasures)))
