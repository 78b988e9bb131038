"""Looks for drift of a signal's features and predictions: what the champion was judged on, against what came since.

The reference are the days on which the champion's recipe was tried out of sample, with the probabilities that it gave there:
those of days that it learned from would be too sure. Two samples are held against it: the newest days of the training set,
and the rows that people sent to be predicted.
"""

import io
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import polars as pl

from cryptodudez_assets.contracts.base import polars_schema
from cryptodudez_assets.contracts.drift import DriftLooks
from cryptodudez_assets.declared_models.signal import CLASSES, SignalModel
from cryptodudez_assets.lake import pages
from cryptodudez_assets.lake.iceberg.provenance import MadeFrom, content_of
from cryptodudez_assets.lake.iceberg.spec import TableSpec
from cryptodudez_assets.lake.lake import Lake, now
from cryptodudez_assets.models import shared_receipts
from cryptodudez_assets.models.dataset import Dataset, Float32s, Floats
from cryptodudez_assets.models.drift import Drift, detect
from cryptodudez_assets.models.drift_report import page
from cryptodudez_assets.models.predictor import Predictor, as_array, load
from cryptodudez_assets.models.registry import Registry, registry_of
from cryptodudez_assets.models.signal import training_set
from cryptodudez_assets.models.signal.inputs import inputs_of
from cryptodudez_assets.models.signal.training import PREDICTIONS

REQUESTS = 2000
COLUMNS = tuple(f"prediction: {name}" for name in CLASSES)

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Looks:
    """The looks that were taken, by sample, and the pages about them."""

    model_version: str
    found: dict[str, Drift]
    pages: dict[str, str]

    @property
    def alarms(self) -> list[str]:
        """The samples that are unlike the reference."""
        return [sample for sample, drift in self.found.items() if drift.alarm]


def spec_of(model: SignalModel) -> TableSpec:
    """The table with the looks at a signal."""
    return TableSpec(model.drift, DriftLooks, (), ("looked_at", "sample", "column"))


def sent_to(model: SignalModel, sample: str) -> str:
    """Where the rows of a sample were sent that are somebody's; empty for the others, which are days."""
    return f"POST /models/{model.name}/predict" if sample == "requests" else ""


def look(lake: Lake, model: SignalModel) -> Looks | None:
    """Compare, write the table and the pages. None before there is a champion that takes the features of this version."""
    registry = registry_of(lake.settings, model)
    champion = registry.champion()
    if champion is None:
        return None
    if champion.features != list(inputs_of(model).names):
        log.warning(
            "%s was trained on other features than this version has: drift is looked for once another serves",
            champion.label,
        )
        return None
    predictor = load(registry, champion.version)
    training = training_set.read(lake, model)
    dataset = training_set.dataset_of(model, training.rows)
    names = [*dataset.names, *COLUMNS]
    reference = _reference(registry, predictor, dataset)
    samples = {
        "days": _since(predictor, dataset, champion.trained_on.last_day),
        "requests": _requested(lake, model, predictor),
    }
    found = {sample: detect(reference, rows, names) for sample, rows in samples.items()}
    at = now()
    rows = [row for sample, drift in found.items() for row in _rows(at, sample, champion.label, drift)]
    pages = {sample: _write_page(lake, model, sample, drift) for sample, drift in found.items()}
    content = content_of(lake.tables.table(model.training_set), training.snapshot_id)
    made = MadeFrom("", {model.training_set: content or 0, model.champion: champion.version})
    with lake.tables.changing(spec_of(model)) as change:  # last, since it says what pages and table were made from
        change.add(pl.DataFrame(rows, schema=polars_schema(DriftLooks))).note(made.note).remember(made.note).as_result()
    return Looks(champion.label, found, pages)


def latest_look(lake: Lake, model: SignalModel) -> pl.DataFrame:
    """What the latest look wrote down; empty before the first."""
    rows = lake.tables.scan(model.drift)
    if rows is None:
        return pl.DataFrame(schema=polars_schema(DriftLooks))
    return rows.filter(pl.col("looked_at") == pl.col("looked_at").max()).collect()


def _reference(registry: Registry, predictor: Predictor, dataset: Dataset) -> Floats:
    """Features and probabilities of the days on which the recipe was tried."""
    told = pl.read_parquet(io.BytesIO(registry.read(predictor.manifest.version, PREDICTIONS)))
    position = {day: row for row, day in enumerate(dataset.days)}
    told = told.filter(pl.col("event_ts").is_in(dataset.days)).sort("event_ts")
    rows = [position[day] for day in told["event_ts"].to_list()]
    said = told.select(f"probability_{name.lower()}" for name in CLASSES).to_numpy()
    return np.hstack([dataset.features[rows], said])


def _since(predictor: Predictor, dataset: Dataset, last_day: datetime) -> Floats:
    """The days that the champion has not learned from."""
    rows = [row for row, day in enumerate(dataset.days) if day > last_day]
    return _with_predictions(predictor, dataset.features[rows])


def _requested(lake: Lake, model: SignalModel, predictor: Predictor) -> Floats:
    """What the champion was asked lately, oldest first."""
    recent = shared_receipts.recent(lake, "predict", model.name, predictor.manifest.version, REQUESTS)
    # Versions are counted anew where a registry is made anew; the model's file tells them apart.
    sent = [row for one in reversed(recent) if one.sha256 == predictor.sha256 for row in one.inputs]
    none = np.empty((0, len(predictor.manifest.features)), np.float32)
    return _with_predictions(predictor, as_array(sent[-REQUESTS:]) if sent else none)


def _with_predictions(predictor: Predictor, features: Float32s) -> Floats:
    said = predictor.predict(features) if len(features) else np.empty((0, len(CLASSES)))
    return np.hstack([features.astype(np.float64), said])


def _rows(at: datetime, sample: str, model: str, drift: Drift) -> Iterator[dict[str, object]]:
    for column in drift.columns:
        yield {
            "looked_at": at,
            "sample": sample,
            "model_version": model,
            "column": column.name,
            "distance": column.distance,
            "threshold": column.threshold,
            "missing_reference": column.missing_reference,
            "missing_current": column.missing_current,
            "drifted": column.drifted,
            "n_reference": drift.n_reference,
            "n_current": drift.n_current,
        }


def _write_page(lake: Lake, model: SignalModel, sample: str, drift: Drift) -> str:
    text = page(drift, f"Drift of the {model.title}: {sample}", sent_to(model, sample))
    return pages.write(lake, model.drift_page(sample), text)
