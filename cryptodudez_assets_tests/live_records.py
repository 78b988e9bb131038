"""A lake whose Ethereum was served: days that come one after the other, answers as the service writes them down, receipts in the lake."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np

from cryptodudez_assets.contracts.base import polars_schema
from cryptodudez_assets.feature_store.online import open_online_store
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.models.dataset import Dataset
from cryptodudez_assets.models.manifest import Manifest
from cryptodudez_assets.models.receipts import SIGNALS, Receipt, Receipts, receipt_id
from cryptodudez_assets.models.shared_receipts import bring
from cryptodudez_assets.models.signal import training_set
from cryptodudez_assets_tests.datasets import noise
from cryptodudez_assets_tests.ether import CHOSEN, ETHER, INPUTS, NAMES, SIGNAL, VIEWS
from cryptodudez_assets_tests.signal_lake import DAY, fill, volatility

FIRST = datetime(2024, 1, 1, tzinfo=UTC)
"""The first day; all are long over, whatever the clock says."""
MARKET = noise(seed=1, days=160, features=len(NAMES))
HORIZON, COST = ETHER.options.horizon_days, ETHER.options.judged_cost_bps
Row = list[float | None]
COUNTS = [polars_schema(view.contract)[name].is_integer() for view in VIEWS for name in CHOSEN[view.name]]


def landed(lake: Lake, n: int, market: Dataset = MARKET) -> None:
    """The lake has the first `n` days of the market, and what is made of them."""
    parts = {
        name: getattr(market, name)[:n] for name in ("days", "features", "labels", "label_row", "uniqueness", "closes")
    }
    fill(lake, replace(market, **parts), FIRST + n * DAY)
    assert training_set.update(lake, ETHER)


def with_close(row: int, factor: float, market: Dataset = MARKET) -> Dataset:
    """The market with the close of a day corrected."""
    closes = market.closes.copy()
    closes[row] *= factor
    return replace(market, closes=closes)


def snapshots_online(lake: Lake) -> dict[str, int]:
    """What a receipt notes of where its features came from."""
    store = open_online_store(lake.settings.online)
    found = {view.history: store.bookmark(view) for view in INPUTS.views}
    store.close()
    return {name: one.snapshot_id for name, one in found.items() if one and one.snapshot_id is not None}


def row_of(day: int, market: Dataset = MARKET) -> Row:
    """The features of a day, as the market was invented; counts are whole numbers, as their tables have them."""
    said = market.features[day].astype(float)
    said[NAMES.index("crypto_daily__volatility_30d")] = volatility(market)[day]  # as `fill` writes it
    values = zip(said, COUNTS, strict=True)
    return [None if np.isnan(value) else float(int(value) if is_count else value) for value, is_count in values]


def answered(
    manifest: Manifest,
    day: int,
    made_at: datetime,
    decision: str = "BUY",
    *,
    inputs: Row | None = None,
    snapshots: dict[str, int],
    why: str = "",
) -> Receipt:
    """The receipt of an answer that stood on the features of a day."""
    as_of, reasons = FIRST + (day + 1) * DAY, [why] if why else []
    rows = [row_of(day) if inputs is None else inputs]
    sha256 = manifest.files["model.onnx"]
    told = {"decision": decision, "model_decision": decision, "confidence": "low", "probabilities": {}}
    return Receipt(
        id=receipt_id(sha256, rows, as_of, SIGNALS, decision, reasons),
        made_at=made_at,
        endpoint=SIGNALS,
        request={},
        model=SIGNAL,
        version=manifest.version,
        sha256=sha256,
        inputs=rows,
        probabilities=[[0.4, 0.3, 0.3]],
        answer=told | {"reasons": reasons},
        as_of=as_of,
        feature_snapshots=snapshots,
    )


def brought(lake: Lake, receipts: Sequence[Receipt]) -> None:
    """These are in the lake."""
    kept = Receipts(lake.settings.receipts)
    kept.record(receipts)
    bring(lake, kept)
    kept.close()


def served(lake: Lake, manifest: Manifest, n: int, decision: str = "BUY", hour: int = 9) -> Receipt:
    """An answer given at this hour of the day behind the first `n` ones, of which the lake has all; its receipt is in the lake."""
    made_at = FIRST + n * DAY + timedelta(hours=hour)
    one = answered(manifest, n - 1, made_at, decision, snapshots=snapshots_online(lake))
    brought(lake, [one])
    return one
