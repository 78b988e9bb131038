"""`catalog.erasures`: who was erased, told by pseudonyms, and the key by which they are known again.

Nothing here says who it was. What lands later is recognised with the key alone, which is in the environment and nowhere else.
"""

from dataclasses import dataclass
from datetime import datetime

import polars as pl
from pyiceberg.expressions import EqualTo

from cryptodudez_assets.contracts.base import polars_schema
from cryptodudez_assets.contracts.erasures import Erasures, Stage
from cryptodudez_assets.lake.erasing.identity import Identity, Mode, key_id, shape_of
from cryptodudez_assets.lake.iceberg.spec import TableSpec
from cryptodudez_assets.lake.iceberg.tables import IcebergTables
from cryptodudez_assets.settings import Settings

ERASURES = TableSpec("catalog.erasures", Erasures, (), ("kind", "pseudonym"))
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


def begin(tables: IcebergTables, identity: Identity, mode: Mode, key: bytes, at: datetime) -> None:
    """Note an identity, before anything is done: from now on it is recognised where it lands."""
    pseudonym = identity.pseudonym(key)
    row = _row(tables, pseudonym) or {
        "pseudonym": pseudonym,
        "kind": identity.kind,
        "mode": mode,
        "key_id": key_id(key),
        "shape": shape_of(identity.value),
        "places": 0,
        "begun_at": at,
    }
    _put(tables, pseudonym, {**row, "mode": mode, "stage": Stage.BEGUN, "receipt": None, "done_at": None})


def finish(tables: IcebergTables, pseudonym: str, places: int, receipt: str, at: datetime) -> None:
    """Note that an erasure is done."""
    row = _row(tables, pseudonym)
    if row is None:
        raise LookupError(f"{pseudonym} was never begun")
    _put(tables, pseudonym, {**row, "stage": Stage.DONE, "places": places, "receipt": receipt, "done_at": at})


def _row(tables: IcebergTables, pseudonym: str) -> dict[str, object] | None:
    rows = tables.scan(ERASURES.name, EqualTo("pseudonym", pseudonym))
    found = [] if rows is None else rows.filter(pl.col("pseudonym") == pseudonym).collect().to_dicts()
    return found[0] if found else None


def _put(tables: IcebergTables, pseudonym: str, row: dict[str, object]) -> None:
    with tables.changing(ERASURES) as change:
        change.delete(EqualTo("pseudonym", pseudonym)).add(pl.DataFrame([row], schema=polars_schema(Erasures)))
