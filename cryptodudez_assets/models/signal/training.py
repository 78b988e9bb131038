"""One training run: judge the recipes, write the trials down, register the best as a candidate."""

import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import polars as pl

import cryptodudez_assets.models as models_package
from cryptodudez_assets.code_hash import hash_of_code
from cryptodudez_assets.declared_models.signal import SignalModel, SignalOptions
from cryptodudez_assets.lake.lake import Lake, now
from cryptodudez_assets.models import ledger
from cryptodudez_assets.models.dataset import Dataset
from cryptodudez_assets.models.findings import Findings, Judgement
from cryptodudez_assets.models.learned_from import LearnedFrom, kept_for_training
from cryptodudez_assets.models.manifest import Draft, Manifest, SelfTest, TrainedOn
from cryptodudez_assets.models.onnx_file import OnnxModel, to_onnx
from cryptodudez_assets.models.predictor import MODEL, as_rows
from cryptodudez_assets.models.registry import Registry, registry_of
from cryptodudez_assets.models.signal import training_set
from cryptodudez_assets.models.signal.fit import fit
from cryptodudez_assets.models.signal.inputs import inputs_of
from cryptodudez_assets.models.signal.judge import JudgedSignal, TrialSharpe, judge
from cryptodudez_assets.models.signal.recipes import SignalRecipe, base_rates, configuration_hash, recipe
from cryptodudez_assets.models.signal.training_set import TrainingSet
from cryptodudez_assets.models.skops_file import dumps

SELF_TEST_ROWS = 5
FINDINGS, LOG, ARTIFACT = "findings.json", "training.log", "model.skops"
PREDICTIONS, MOMENTUM = "predictions.parquet", "momentum.parquet"


@dataclass(frozen=True)
class TrainedSignal:
    """What a run registered, and what it found."""

    manifest: Manifest
    findings: Findings


def train(
    lake: Lake,
    model: SignalModel,
    options: SignalOptions | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> TrainedSignal:
    """Train on the newest training set. Raises `TooFewDays` where there is too little to judge anything by.

    `options`: other than the declared ones.

    Trials are in the ledger before a model is in the registry: what was tried counts, whatever becomes of it. The first
    run also registers the base rates, so that there is something honest to serve before any model has shown skill.
    """
    options, registry = options or model.options, registry_of(lake.settings, model)
    training = training_set.read(lake, model)
    learned_from = kept_for_training(lake, model.training_set, training.snapshot_id, training.inputs)
    dataset = training_set.dataset_of(model, training.rows)
    champion, tried = registry.champion(), ledger.trials_of(lake, model.name)
    older = [recipe(champion.recipe, champion.parameters)] if champion else []
    judged = judge(
        dataset,
        options,
        tweet_features=inputs_of(model).tweet_names,
        other_trials=[TrialSharpe(*row) for row in tried.select("configuration", "sharpe_daily").iter_rows()],
        first_days=cast("int | None", tried.filter(pl.col("n_days") > 0)["n_days"].min()),
        extra=older,
        progress=progress,
    )
    _write_trials(lake, model, judged, training, options)
    make = _Registration(registry, model, dataset, learned_from, options, judged)
    if champion is None and not registry.versions():
        make.register(base_rates())
    best = judged.findings.best
    manifest = make.register(recipe(best.name, best.parameters))
    progress(f"{manifest.label}: {best.verdict.words}")
    return TrainedSignal(manifest, judged.findings)


def code_hash(model: SignalModel) -> str:
    """A hash of the code that trains and judges, and of what a training set depends on."""
    return hash_of_code(train, within=(models_package.__name__,), more=training_set.code_hash(model))


@dataclass(frozen=True)
class _Registration:
    """Fits recipes to everything that is labelled, and registers them with what was found."""

    registry: Registry
    model: SignalModel
    dataset: Dataset
    learned_from: LearnedFrom
    options: SignalOptions
    judged: JudgedSignal

    def register(self, chosen: SignalRecipe) -> Manifest:
        estimator = fit(self.dataset, chosen)
        onnx = to_onnx(estimator, len(self.dataset.names))
        judgement = self.judged.of(chosen.name)
        draft = Draft(
            recipe=chosen.name,
            parameters=dict(chosen.parameters),
            classes=list(self.dataset.classes),
            rule=self.judged.rules[chosen.name],
            features=list(self.dataset.names),
            typical=_typical(self.dataset),
            trained_on=self._trained_on(),
            code_version=code_hash(self.model),
            metrics=_metrics(judgement, self.options),
            verdict=judgement.verdict,
            self_test=_self_test(self.dataset, onnx),
        )
        return self.registry.register(draft, {MODEL: onnx, ARTIFACT: dumps(estimator), **self._evidence(chosen.name)})

    def _trained_on(self) -> TrainedOn:
        labelled = np.flatnonzero(self.dataset.labels >= 0)
        return self.learned_from.trained_on(
            rows=len(labelled),
            first_day=self.dataset.days[labelled[0]],
            last_day=self.dataset.days[labelled[-1]],
        )

    def _evidence(self, name: str) -> Mapping[str, bytes]:
        losses = [one for one in self.judged.losses if one["recipe"] == name]
        return {
            FINDINGS: self.judged.findings.model_dump_json(indent=1).encode(),
            PREDICTIONS: _parquet(self.judged.predictions[name]),
            MOMENTUM: _parquet(self.judged.predictions["momentum"]),
            LOG: "".join(f"{json.dumps(one)}\n" for one in losses).encode(),
        }


def _parquet(rows: pl.DataFrame) -> bytes:
    content = io.BytesIO()
    rows.write_parquet(content)
    return content.getvalue()


def _typical(dataset: Dataset) -> list[float | None]:
    known = [column[np.isfinite(column)] for column in dataset.features.T]
    return [float(np.median(values)) if len(values) else None for values in known]


def _self_test(dataset: Dataset, onnx: bytes) -> SelfTest:
    """Days spread over the whole period, with what the file itself says about them."""
    rows = dataset.features[np.linspace(0, len(dataset) - 1, SELF_TEST_ROWS).astype(int)]
    return SelfTest(inputs=as_rows(rows), probabilities=OnnxModel(onnx).predict(rows).tolist())


def _metrics(judgement: Judgement, options: SignalOptions) -> dict[str, float]:
    scores = judgement.scores.model_dump(exclude={"confusion"}) if judgement.scores else {}
    money = judgement.backtest(options.judged_cost_bps)
    return {**scores, "sharpe": money.sharpe, "net_return": money.total_return, "max_drawdown": money.max_drawdown}


def _write_trials(
    lake: Lake, model: SignalModel, judged: JudgedSignal, training: TrainingSet, options: SignalOptions
) -> None:
    at = now()
    rows: list[dict[str, Any]] = [
        {
            "trained_at": at,
            "run": at.isoformat(),
            "model": model.name,
            "recipe": one.name,
            "parameters": json.dumps(one.parameters, sort_keys=True),
            "options": options.model_dump_json(),
            "configuration": configuration_hash(recipe(one.name, one.parameters), options, judged.findings.features),
            "training_snapshot": training.snapshot_id,
            "n_days": one.scores.n if one.scores else 0,
            "sharpe_daily": judged.daily_sharpe[one.name],
            "log_loss": one.scores.log_loss if one.scores else None,
            "balanced_accuracy": one.scores.balanced_accuracy if one.scores else None,
            "skill": one.verdict.skill,
        }
        for one in judged.findings.candidates
    ]
    ledger.append(lake, pl.DataFrame(rows))
