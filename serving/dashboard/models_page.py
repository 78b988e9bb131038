"""The page of the models: every version with its verdict and the tests behind it, what became of served signals, and what was tried.

What a model of a signal would have earned stands on the signal's own page.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import polars as pl

from cryptodudez_assets.declared_models import Model
from cryptodudez_assets.declared_models.signal import SignalModel
from cryptodudez_assets.lake.lake import Lake, now
from cryptodudez_assets.lake.samples import is_planted
from cryptodudez_assets.models.findings import Verdict
from cryptodudez_assets.models.manifest import Stage
from cryptodudez_assets.models.registry import Damaged, Registry, Tampered, registry_of
from cryptodudez_assets.models.signal.record.summary import LiveRecord, record_of
from cryptodudez_assets.models.signal.signal import OF_PLANTED
from serving.dashboard.frame import render as made
from serving.dashboard.tables import Table, ask, has

TRIALS = "ml.trials"
TRIED = f"""SELECT trained_at, model, recipe, n_days AS days, balanced_accuracy, log_loss, sharpe_daily, skill
FROM {TRIALS} WHERE $model IN ('', model) ORDER BY trained_at DESC, model, recipe"""


@dataclass(frozen=True)
class Version:
    """One version of a model."""

    label: str
    model: str
    recipe: str
    stage: Stage
    created_at: datetime
    rows: int
    until: date
    verdict: Verdict


@dataclass(frozen=True)
class Models:
    """One look at the registry. `model`: whose versions are told; empty for all."""

    gathered_at: datetime
    model: str
    names: Sequence[str]
    versions: Sequence[Version]
    distrusted: Sequence[str]
    """Versions whose files are not what was registered; each with the reason."""
    trials: Table | None
    planted: bool
    """Whether a signal was planted in the data."""
    records: Mapping[str, LiveRecord]
    """What became of the signals that were served, by the model's title."""

    @property
    def tables(self) -> Mapping[str, Table]:
        """What can be had as files."""
        return {one.name: one for one in (_table(self.versions), self.trials) if one}


def gather(lake: Lake, models: Iterable[Model], model: str) -> Models:
    """Look at all models that are declared, or at one of them. Works where nothing was trained, too."""
    models = list(models)
    versions, distrusted = [], []
    for one in models:
        if model in ("", one.name):
            found, others = _versions(registry_of(lake.settings, one))
            versions += found
            distrusted += others
    trials = ask(lake, "trials", "What was tried", TRIED, [TRIALS], {"model": model}) if has(lake, TRIALS) else None
    signals = [one for one in models if isinstance(one, SignalModel) and model in ("", one.name)]
    records = {one.title: record_of(lake, one) for one in signals}
    return Models(
        now(), model, [one.name for one in models], versions, distrusted, trials, is_planted(lake.settings), records
    )


def render(models: Models) -> str:
    """The whole page."""
    return made("models.html", models=models, of_planted=OF_PLANTED)


def _versions(registry: Registry) -> tuple[list[Version], list[str]]:
    """Those whose files are what was registered, newest first, and why each other one's are not."""
    found, distrusted = [], []
    for number in reversed(registry.versions()):
        try:
            found.append(_version(registry, number))
        except (LookupError, Tampered, Damaged) as error:
            distrusted.append(f"{registry.name}-{number}: {error}")
    return found, distrusted


def _version(registry: Registry, number: int) -> Version:
    manifest = registry.manifest(number)
    return Version(
        label=manifest.label,
        model=manifest.name,
        recipe=manifest.recipe,
        stage=registry.stage(number),
        created_at=manifest.created_at,
        rows=manifest.trained_on.rows,
        until=manifest.trained_on.last_day.date(),
        verdict=registry.verdict(number),
    )


def _table(versions: Sequence[Version]) -> Table:
    rows = [
        {
            "version": one.label,
            "recipe": one.recipe,
            "stage": one.stage,
            "verdict": one.verdict.label,
            "made": one.created_at,
            "learned_from": one.rows,
            "until": one.until,
            "words": one.verdict.words,
            "tests": json.dumps([{"name": test.name, "passed": test.passed} for test in one.verdict.tests]),
        }
        for one in versions
    ]
    columns = ["version", "recipe", "stage", "verdict", "made", "learned_from", "until", "words", "tests"]
    frame = pl.DataFrame(rows) if rows else pl.DataFrame(schema=dict.fromkeys(columns, pl.String))
    return Table("versions", "Versions", frame, "GET /models/NAME")
