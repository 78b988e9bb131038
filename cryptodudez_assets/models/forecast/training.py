"""One training run of the forecast: fit all recipes, choose by what they say of later days, register what was tested."""

from dataclasses import dataclass

import polars as pl

from cryptodudez_assets.code_hash import hash_of_code
from cryptodudez_assets.declared_models.forecast import KNOWN_BEFORE, ForecastOptions, VolumeForecast
from cryptodudez_assets.models.forecast.found import WITH_THE_DAY, ForecastFindings
from cryptodudez_assets.models.forecast.judging import Judge
from cryptodudez_assets.models.forecast.recipes import HAR_NAME, MONTH, YESTERDAY
from cryptodudez_assets.models.learned_from import LearnedFrom
from cryptodudez_assets.models.manifest import Manifest
from cryptodudez_assets.models.predictor import MODEL
from cryptodudez_assets.models.registry import Registry, registry_of
from cryptodudez_assets.models.volume.found import CHAMPION, REFERENCE
from cryptodudez_assets.models.volume.model_file import says
from cryptodudez_assets.models.volume.training import FINDINGS, LOG, Made, Progress, register, what_was_found
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
    findings = ForecastFindings(options=options, **what_was_found(judge, chosen, files, champion))
    made = Made(chosen, files[chosen.name], list(KNOWN_BEFORE), metrics(findings), code_hash())
    manifest = register(registry, made, findings, judge, learned_from)
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
