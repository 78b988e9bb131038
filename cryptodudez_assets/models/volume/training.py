"""One training run of the volume model: fit all recipes, choose by what they say of later days, register what was tested."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any, Protocol

import numpy as np
import polars as pl

from cryptodudez_assets.code_hash import hash_of_code
from cryptodudez_assets.declared_models.volume import FEATURES, VolumeModel, VolumeOptions
from cryptodudez_assets.models.dataset import Float32s
from cryptodudez_assets.models.learned_from import LearnedFrom
from cryptodudez_assets.models.manifest import Draft, Manifest, SelfTest
from cryptodudez_assets.models.onnx_file import OnnxModel
from cryptodudez_assets.models.predictor import MODEL, as_rows
from cryptodudez_assets.models.registry import Registry, registry_of
from cryptodudez_assets.models.volume.data import Split, usable
from cryptodudez_assets.models.volume.found import CHAMPION, REFERENCE, Found, Scored, VolumeFindings
from cryptodudez_assets.models.volume.judging import Judge
from cryptodudez_assets.models.volume.model_file import says
from cryptodudez_assets.models.volume.recipes import ONE_NUMBER, VolumeRecipe
from cryptodudez_assets.settings import Settings

SELF_TEST_ROWS = 5
FINDINGS, LOG = "findings.json", "training.log"

Progress = Callable[[str], None]


@dataclass(frozen=True)
class TrainedVolume:
    """What a run registered, and what it found."""

    manifest: Manifest
    findings: VolumeFindings


def train(
    rows: pl.LazyFrame,
    learned_from: LearnedFrom,
    settings: Settings,
    model: VolumeModel,
    options: VolumeOptions | None = None,
    progress: Progress = lambda _: None,
) -> TrainedVolume:
    """Train on rows of symbol, date, volume and both features, and register a candidate. Raises `TooFewRows`.

    `options`: other than the declared ones.

    All rows are used and few are held: recipes learn from counts of them, and are tested on the last part. The
    file that was tested is the one that is registered, so its numbers are its own.
    """
    options, registry = options or model.options, registry_of(settings, model)
    champion = registry.champion()
    judge = Judge(usable(rows), options, progress)
    chosen = judge.choose()
    files = judge.test({CHAMPION: says(registry.read(champion.version, MODEL))} if champion else {})
    judge.compare_with_reference(files)
    judge.split_at_random()
    if not settings.rolling_days:  # in a window of days, the share of today is not known
        judge.leave_out_today(chosen)
    findings = VolumeFindings(options=options, **what_was_found(judge, chosen, files, champion))
    made = Made(chosen, files[chosen.name], list(FEATURES), metrics(findings), code_hash())
    manifest = register(registry, made, findings, judge, learned_from)
    progress(f"{manifest.label}: {findings.verdict.words}")
    return TrainedVolume(manifest, findings)


def findings_of(registry: Registry, version: int) -> VolumeFindings:
    """What the run that registered a version found out."""
    return VolumeFindings.model_validate_json(registry.read(version, FINDINGS))


def code_hash() -> str:
    """A hash of the code that a volume model depends on."""
    return hash_of_code(train, within=(__name__.rpartition(".")[0],))


class Tried(Protocol):
    """What a judge of volumes has when it is done, whatever its recipes see."""

    split: Split
    probes: Float32s
    scores: list[Scored]

    @property
    def learned(self) -> int:
        """How many rows were learned from."""

    def log(self) -> list[dict[str, Any]]:
        """Every loss value, then every score."""


@dataclass(frozen=True)
class Made:
    """The recipe that was chosen, with its file, what it sees, its numbers and the code that it comes from."""

    recipe: VolumeRecipe
    file: bytes
    features: list[str]
    metrics: dict[str, float]
    code: str


def what_was_found(
    judge: Tried, chosen: VolumeRecipe, files: Mapping[str, bytes], champion: Manifest | None
) -> dict[str, Any]:
    """The fields of `Found`."""
    return {
        **{name: getattr(judge.split, name) for name in ("rows", "first_day", "choose_from", "test_from", "last_day")},
        "chosen": chosen.name,
        "size_bytes": len(files[chosen.name]),
        "champion": champion.label if champion else None,
        "scores": judge.scores,
    }


def register(registry: Registry, made: Made, findings: Found, judge: Tried, learned_from: LearnedFrom) -> Manifest:
    """Register what was tested, with what was found beside it."""
    first_day, last_day = _days_before(findings)
    draft = Draft(
        recipe=made.recipe.name,
        parameters=dict(made.recipe.parameters),
        classes=[],
        features=made.features,
        typical=np.median(judge.probes, axis=0).astype(float).tolist(),
        trained_on=learned_from.trained_on(rows=judge.learned, first_day=first_day, last_day=last_day),
        code_version=made.code,
        metrics=made.metrics,
        verdict=findings.verdict,
        self_test=_self_test(judge.probes, made.file),
    )
    log = "".join(f"{json.dumps(one)}\n" for one in judge.log())
    return registry.register(
        draft, {MODEL: made.file, FINDINGS: findings.model_dump_json(indent=1).encode(), LOG: log.encode()}
    )


def metrics(findings: VolumeFindings) -> dict[str, float]:
    """The numbers to show first. Without a suffix: of the shipped file on all rows of the test."""
    ours = findings.errors(findings.chosen)
    at_random, in_time = (findings.errors(REFERENCE, split, rows="sample") for split in ("random", "time"))
    named = {
        "mae": ours.mae,
        "mse": ours.mse,
        "r2": ours.r2,
        "mae_one_number": findings.errors(ONE_NUMBER).mae,
        "mae_without_today": findings.without_today.mae if findings.without_today else None,
        "mae_sample": findings.errors(findings.chosen, rows="sample").mae,
        "mae_reference_sample": in_time.mae,
        "r2_reference_sample": in_time.r2,
        "mae_reference_random_split": at_random.mae,
        "r2_reference_random_split": at_random.r2,
        "size_bytes": findings.size_bytes,
    }
    return {name: float(value) for name, value in named.items() if value is not None}


def _self_test(probes: Float32s, file: bytes) -> SelfTest:
    """Rows from the smallest average to the largest, with what the file itself says about them."""
    by_average = probes[np.argsort(probes[:, 0], kind="stable")]
    rows = by_average[np.linspace(0, len(by_average) - 1, SELF_TEST_ROWS).astype(int)]
    return SelfTest(inputs=as_rows(rows), values=OnnxModel(file).predict(rows).tolist())


def _days_before(findings: Found) -> tuple[datetime, datetime]:
    """The first and the last day before the test."""
    first, last = findings.first_day, findings.test_from - timedelta(days=1)
    return datetime.combine(first, time(), UTC), datetime.combine(last, time(), UTC)
