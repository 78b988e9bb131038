"""The signals that were served, from their receipts in the lake: each as a row of the record that has no score yet.

Everything that a row says of its answer is taken from the receipt. What was served is not asked of a model again, which may be
another by now.
"""

from collections.abc import Iterator
from datetime import datetime, time
from typing import Any, get_args

import polars as pl

from cryptodudez_assets.contracts.scored_signals import Unscored
from cryptodudez_assets.declared_models.signal import CLASSES, SignalModel
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.models import shared_receipts
from cryptodudez_assets.models.receipts import EARLIEST, LATEST, SIGNALS, DamagedReceipt, Receipt, decoded, receipt_id
from cryptodudez_assets.models.signal.record.stored import SCHEMA
from cryptodudez_assets.models.signal.training_set import DAY

OPEN, NO_FIRST_PRICE, NO_LAST_PRICE, DAMAGED = get_args(Unscored)
ById = dict[str, Receipt | None]
"""By id; None for one that is none, or not what was written under this id."""


def receipts_of(rows: pl.DataFrame) -> ById:
    """The receipts in rows of `ml.receipts`."""
    return {name: _receipt(name, at, told) for name, at, told in rows.select("id", "made_at", "receipt").iter_rows()}


def told(lake: Lake, model: SignalModel, since: datetime | None = None) -> pl.DataFrame:
    """Rows of `ml.receipts` about answers of the signal (given `since` then), each receipt once."""
    return shared_receipts.of_model(lake, SIGNALS, model.name, since)


def as_record(model: SignalModel, rows: pl.DataFrame, receipts: ById) -> pl.DataFrame:
    """Rows of `ml.receipts` as rows of the record."""
    return pl.DataFrame(list(_rows(model, rows, receipts)), schema=SCHEMA)


def _rows(model: SignalModel, rows: pl.DataFrame, receipts: ById) -> Iterator[dict[str, Any]]:
    options = model.options
    for name, at, version in rows.select("id", "made_at", "version").iter_rows():
        receipt = receipts[name]
        day = min(max(at, EARLIEST), LATEST)  # of a damaged one it may be any
        first_close = datetime.combine(day, time(), at.tzinfo) + DAY
        yield {
            "receipt_id": name,
            "made_at": at,
            "model_version": f"{model.name}-{version}",
            "decision": receipt and receipt.answer["decision"],
            "model_decision": receipt and receipt.answer["model_decision"],
            "horizon_days": options.horizon_days,
            "barrier_width": options.barrier_width,
            "cost_bps": options.judged_cost_bps,
            "first_close": first_close,
            "last_close": first_close + options.horizon_days * DAY,
            "unscored": OPEN if receipt else DAMAGED,
        }


def _receipt(name: str, at: datetime, text: str) -> Receipt | None:
    try:
        found = decoded(text.encode())
    except DamagedReceipt:
        return None
    return found if found.made_at == at and _is_whole(name, found) else None


def _is_whole(name: str, receipt: Receipt) -> bool:
    """Whether it can be what was written under this id, which is made of decision, reasons, inputs, model file and their time.

    Nobody answers by features that are not known yet. What else it says, such as when the answer was given, the id does not tell.
    """
    if receipt.as_of and receipt.as_of > receipt.made_at:
        return False
    answer = receipt.answer
    if not isinstance(answer, dict) or any(answer.get(name) not in CLASSES for name in ("decision", "model_decision")):
        return False
    seen = (receipt.sha256, receipt.inputs, receipt.as_of)
    return name == receipt.id == receipt_id(*seen, SIGNALS, answer["decision"], answer.get("reasons"))
