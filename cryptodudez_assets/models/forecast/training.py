"""One training run of the forecast: fit all recipes, choose by what they say of later days, register what was tested."""

import json
from dataclasses import dataclass

import numpy as np
import polars as pl

from cryptodudez_assets.code_hash import hash_of_code
from cryptodudez_assets.declared_models.forecast import KNOWN_BEFORE, ForecastOptions, VolumeForecast
from cryptodudez_assets.models.forecast.found import WITH_THE_DAY, ForecastFindings
from cryptodudez_assets.models.forecast.judging import Judge
from cryptodudez_assets.models.forecast.recipes import HAR_NAME, MONTH, YESTERDAY
from cryptodudez_assets.models.learned_from import LearnedFrom
from cryptodudez_assets.models.manifest import Draft, Manifest
from cryptodudez_assets.models.predictor import MODEL
from cryptodudez_assets.models.registry import Registry, registry_of
from cryptodudez_assets.models.volume.found import CHAMPION, REFERENCE
from cryptodudez_assets.models.volume.model_file import says
from cryptodudez_assets.models.volume.recipes import VolumeRecipe
from cryptodudez_assets.models.volume.training import FINDINGS, LOG, Progress, days_before, self_test
from cryptodudez_assets.settings import Settings

__all__ = ["LOG", "findings_of", "train"]


@dataclass(frozen=True)
class TrainedForecast:
    """What a run registered, and what it found."""

    manifest: Manifest
    findings: ForecastFindings


def train(
    rows: pl.LazyFrame,
    learned_from: LearnedFrom,
    settings: Settings,
    model: VolumeForecast,
    options: ForecastOptions | None = None,
    progress: Progress = lambda _: None,
) -> TrainedForecast:
    """Train on rows of the table that the model reads, and register a candidate. Raises `TooFewRows`.

    `options`: other than the declared ones.

    The file that was tested is the one that is registered, so its numbers are its own.
    """
    options, registry = options or model.options, registry_of(settings, model)
    champion = registry.champion()
    judge = Judge(rows, options, progress)
    chosen = judge.choose()
    files = judge.test({CHAMPION: says(registry.read(champion.version, MODEL))} if champion else {})
    judge.compare_with_the_day_inside()
    findings = ForecastFindings(
        options=options,
        rows=judge.split.rows,
        first_day=judge.split.first_day,
        choose_from=judge.split.choose_from,
        test_from=judge.split.test_from,
        last_day=judge.split.last_day,
        chosen=chosen.name,
        size_bytes=len(files[chosen.name]),
        champion=champion.label if champion else None,
        scores=judge.scores,
    )
    log = "".join(f"{json.dumps(one)}\n" for one in judge.log())
    manifest = registry.register(
        _draft(chosen, files[chosen.name], findings, judge, learned_from),
        {MODEL: files[chosen.name], FINDINGS: findings.model_dump_json(indent=1).encode(), LOG: log.encode()},
    )
    progress(f"{manifest.label}: {findings.verdict.words}")
    return TrainedForecast(manifest, findings)


def findings_of(registry: Registry, version: int) -> ForecastFindings:
    """What the run that registered a version found out."""
    return ForecastFindings.model_validate_json(registry.read(version, FINDINGS))


def code_hash() -> str:
    """A hash of the code that a forecast depends on."""
    return hash_of_code(train, within=(__name__.rpartition(".")[0],))


def metrics(findings: ForecastFindings) -> dict[str, float]:
    """The numbers to show first, all of the same days. Without a suffix: of the shipped file."""
    named = {
        "": findings.chosen,
        "_yesterday": YESTERDAY,
        "_month": MONTH,
        "_har": HAR_NAME,
        **{f"_{name}_with_the_day": WITH_THE_DAY + name for name in (REFERENCE, "boosted", "linear")},
    }
    told = {
        f"{which}{suffix}": getattr(findings.errors(name), which)
        for suffix, name in named.items()
        for which in ("mae", "r2")
    }
    told["size_bytes"] = findings.size_bytes
    return {name: float(value) for name, value in told.items() if value is not None}


def _draft(
    recipe: VolumeRecipe, file: bytes, findings: ForecastFindings, judge: Judge, learned_from: LearnedFrom
) -> Draft:
    first_day, last_day = days_before(findings)
    return Draft(
        recipe=recipe.name,
        parameters=dict(recipe.parameters),
        classes=[],
        features=list(KNOWN_BEFORE),
        typical=np.median(judge.probes, axis=0).astype(float).tolist(),
        trained_on=learned_from.trained_on(rows=judge.learned, first_day=first_day, last_day=last_day),
        code_version=code_hash(),
        metrics=metrics(findings),
        verdict=findings.verdict,
        self_test=self_test(judge.probes, file),
    )
