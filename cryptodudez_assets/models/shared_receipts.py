"""Receipts that every home of a lake finds: in `ml.receipts`, where each home brings those that it served.

A receipt is in its home's database before its answer is given (`receipts.py`), and here some seconds later, at least once: what was
brought is noted after the commit, so that whoever is killed between brings it again. Readers tell receipts apart by their id.
"""

import logging
from datetime import datetime, timedelta

import msgspec
import polars as pl
from pyiceberg.expressions import LessThan

from cryptodudez_assets.contracts.base import polars_schema
from cryptodudez_assets.contracts.served_receipts import ServedReceipts
from cryptodudez_assets.lake.compaction import compact_if_due
from cryptodudez_assets.lake.iceberg.spec import TableSpec
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.metastore.inventory import RECEIPTS
from cryptodudez_assets.models.receipts import Receipt, Receipts, decoded

SPEC = TableSpec(RECEIPTS, ServedReceipts, (("made_at", "day"),), ("made_at",))
KEPT = timedelta(days=90)
"""So long they are kept here."""
MOST, MOST_BYTES = 5_000, 16 << 20
"""Of one commit: so many receipts, and of these so many bytes (or a single one)."""

log = logging.getLogger(__name__)


def bring(lake: Lake, receipts: Receipts) -> int:
    """Bring what was not brought yet into the lake; returns how many receipts that were."""
    n = 0
    while some := receipts.after(receipts.brought(lake.settings.lake), MOST, MOST_BYTES):
        rows = [_row(one) for _, one in some if one]
        if rows:
            with lake.tables.changing(SPEC) as change:
                change.add(pl.DataFrame(rows, schema=polars_schema(ServedReceipts)))
        receipts.note_brought(lake.settings.lake, some[-1][0])
        n += len(rows)
    if n:
        compact_if_due(lake, [SPEC.name])
    return n


def find(lake: Lake, receipt_id: str) -> Receipt | None:
    """The receipt with this id: of this home, or of another one that brought it; None where there is none."""
    if (here := open_here(lake)) is not None:
        try:
            if found := here.get(receipt_id):
                return found
        finally:
            here.close()
    rows = lake.tables.scan(SPEC.name)
    if rows is None:
        return None
    told = rows.filter(pl.col("id") == receipt_id).select("receipt").head(1).collect()["receipt"].to_list()
    return decoded(told[0].encode()) if told else None


def recent(lake: Lake, endpoint: str, model: str, version: int, rows: int) -> list[Receipt]:
    """The newest receipts of a version of a model, of all homes, newest first: as many as it takes to have so many rows."""
    by_id: dict[str, Receipt] = {}
    if (here := open_here(lake)) is not None:
        try:
            by_id = {one.id: one for one in here.recent(endpoint, model, version, rows)}
        finally:
            here.close()
    brought = lake.tables.scan(SPEC.name)
    if brought is not None:
        of_version = brought.filter(endpoint=endpoint, model=model, version=version)
        newest = of_version.unique("id").sort("made_at", descending=True).select("receipt").head(rows)
        found = [decoded(text.encode()) for text in newest.collect()["receipt"]]
        by_id = {one.id: one for one in found} | by_id
    taken: list[Receipt] = []
    for one in sorted(by_id.values(), key=lambda one: one.made_at, reverse=True):
        if rows <= 0:
            break
        taken.append(one)
        rows -= len(one.inputs)
    return taken


def of_model(lake: Lake, endpoint: str, model: str, since: datetime | None = None) -> pl.DataFrame:
    """Rows of all receipts that homes brought of a model's endpoint, of answers given `since` then, oldest first; each id once.

    Of one that several homes answered with, the first counts.
    """
    brought = lake.tables.scan(SPEC.name)
    if brought is None:
        return pl.DataFrame(schema=polars_schema(ServedReceipts))
    rows = brought.filter(endpoint=endpoint, model=model)
    rows = rows if since is None else rows.filter(pl.col("made_at") >= since)
    return rows.sort("made_at", "id").unique("id", keep="first", maintain_order=True).collect()


def forget(lake: Lake, at: datetime) -> int:
    """Remove receipts that are older than `KEPT`; returns how many."""
    rows = lake.tables.scan(SPEC.name)
    before = at - KEPT
    n = 0 if rows is None else rows.filter(pl.col("made_at") < before).select(pl.len()).collect().item()
    if n:
        with lake.tables.changing(SPEC) as change:
            change.delete(LessThan("made_at", before.isoformat()))
    return int(n)


def open_here(lake: Lake) -> Receipts | None:
    """Those of this home; None where it served nothing, which a mere look must not change."""
    path = lake.settings.receipts
    return Receipts(path) if path.is_file() else None


def _row(receipt: Receipt) -> dict[str, object]:
    return {
        "id": receipt.id,
        "made_at": receipt.made_at,
        "endpoint": receipt.endpoint,
        "model": receipt.model,
        "version": receipt.version,
        "receipt": msgspec.json.encode(receipt).decode(),
    }
