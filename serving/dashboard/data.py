"""What the dashboard shows, as plain data: gathered from the lake and the registry.

Nothing here knows how it is drawn.
"""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import polars as pl

from cryptodudez_assets.declared_models.signal import Decision, SignalModel
from cryptodudez_assets.features import left_out
from cryptodudez_assets.lake import pages
from cryptodudez_assets.lake.freshness import Freshness, freshness
from cryptodudez_assets.lake.lake import Lake, now
from cryptodudez_assets.lake.samples import last_day_of
from cryptodudez_assets.models.findings import Findings, Verdict
from cryptodudez_assets.models.manifest import Manifest, Stage
from cryptodudez_assets.models.registry import Damaged, Registry, Tampered, registry_of
from cryptodudez_assets.models.signal.inputs import inputs_of
from cryptodudez_assets.models.signal.signal import Confidence
from serving.dashboard.prices import DEFAULT_RANGE, days_of, is_known
from serving.dashboard.tables import Table

BASE_RATES = "base_rates"  # as training calls it, which a server need not load
FINDINGS, PREDICTIONS = "findings.json", "predictions.parquet"


@dataclass(frozen=True)
class Today:
    """The decision that is served now, and what it stands on: features as of the newest, of the age of the oldest."""

    decision: Decision
    model_decision: Decision
    probabilities: dict[str, float]
    confidence: Confidence
    reasons: list[str]
    notes: list[str]
    as_of: datetime
    age: timedelta
    stale: bool
    model_version: str
    skill: bool
    verdict: str
    moved: list[tuple[str, float]]
    receipt_id: str


@dataclass(frozen=True)
class NoDecision:
    """Why nothing can be said today, and what to do."""

    words: str


@dataclass(frozen=True)
class TrackRecord:
    """How a model did on days that it had not seen. `days` has the columns of `Prediction`, in order of time."""

    manifest: Manifest
    stage: Stage
    verdict: Verdict
    findings: Findings
    days: pl.DataFrame

    @property
    def in_use(self) -> bool:
        """Whether it is what is served."""
        return self.stage == "champion"


@dataclass(frozen=True)
class DashboardData:
    """All that one look at the platform found.

    `closes` has `event_ts` and `close` of the signal's coin as its features were made of, `prices` its days within `reach`, a range of
    `prices.RANGES`.
    """

    model: SignalModel | None
    """The signal that the page is about; None where none is declared."""
    gathered_at: datetime
    today: Today | NoDecision
    closes: pl.DataFrame
    reach: str
    prices: Table | None
    """None where the lake has no prices yet."""
    records: list[TrackRecord]
    base_rates: bool
    """Whether they are what is served."""
    distrusted: list[str]
    """Versions of the model that are shown nowhere, since their files are not what was registered; each with the reason."""
    is_empty: bool
    """Whether nothing has landed yet."""
    sources: list[Freshness]
    left_out: list[str]
    """Declarations that could not be loaded, each with its place and the reason."""
    reports: Sequence[str]
    samples_until: date | None
    """The last day of the demo's simulated data; None where it has put none into the lake."""

    @property
    def coin(self) -> str:
        """What the page is about, in words."""
        return self.model.coin.name if self.model else "Coins"


def gather(
    lake: Lake, model: SignalModel | None, today: Callable[[], Today | NoDecision], reach: str = DEFAULT_RANGE
) -> DashboardData:
    """Look at everything that has to do with a signal. Works on an empty lake, too."""
    registry = registry_of(lake.settings, model) if model else None
    trusted, distrusted = _sorted_out(registry) if registry else ([], [])
    return DashboardData(
        model=model,
        gathered_at=now(),
        today=today(),
        closes=_closes(lake, model),
        reach=reach,
        prices=days_of(lake, model.coin.symbol, reach) if model and is_known(lake) else None,
        records=_records(registry, trusted) if registry else [],
        base_rates=registry is not None and any(_serves_base_rates(registry, number) for number in trusted),
        distrusted=distrusted,
        is_empty=_is_empty(lake),
        sources=[freshness(lake, source) for source in lake.sources.values()],
        left_out=[str(one) for one in left_out()],
        reports=pages.names(lake.store),
        samples_until=last_day_of(lake.settings),
    )


def _serves_base_rates(registry: Registry, number: int) -> bool:
    return registry.stage(number) == "champion" and registry.manifest(number).recipe == BASE_RATES


def _is_empty(lake: Lake) -> bool:
    files = lake.tables.scan("catalog.files")
    return files is None or files.limit(1).collect().is_empty()


def _closes(lake: Lake, model: SignalModel | None) -> pl.DataFrame:
    rows = lake.tables.scan(inputs_of(model).prices.table) if model else None
    if rows is None or model is None:
        return pl.DataFrame(schema={"event_ts": pl.Datetime("us", "UTC"), "close": pl.Float64})
    return rows.filter(pl.col("symbol") == model.coin.symbol).select("event_ts", "close").sort("event_ts").collect()


def _sorted_out(registry: Registry) -> tuple[list[int], list[str]]:
    """The versions whose files are what was registered, oldest first, and why each other one's are not."""
    trusted, distrusted = [], []
    for number in registry.versions():
        try:
            registry.verdict(number)
            for file in {FINDINGS, PREDICTIONS} & registry.manifest(number).files.keys():
                registry.read(number, file)
        except (LookupError, Tampered, Damaged) as error:
            distrusted.append(f"{registry.name}-{number}: {error}")
        else:
            trusted.append(number)
    return trusted, distrusted


def _records(registry: Registry, trusted: Sequence[int]) -> list[TrackRecord]:
    """The champion's and a newer candidate's; where the champion only knows the base rates, the newest there is."""
    stages = {number: registry.stage(number) for number in trusted}
    learned = [number for number in stages if _has_learned(registry.manifest(number))]
    used = [number for number in learned if stages[number] == "champion"]
    newest = [number for number in learned[-1:] if number not in used and (not used or stages[number] == "candidate")]
    return [_record(registry, number, stages[number]) for number in used + newest]


def _has_learned(manifest: Manifest) -> bool:
    return manifest.recipe != BASE_RATES and {FINDINGS, PREDICTIONS} <= manifest.files.keys()


def _record(registry: Registry, number: int, stage: Stage) -> TrackRecord:
    findings = Findings.model_validate_json(registry.read(number, FINDINGS))
    days = pl.read_parquet(io.BytesIO(registry.read(number, PREDICTIONS))).sort("event_ts")
    return TrackRecord(registry.manifest(number), stage, registry.verdict(number), findings, days)
