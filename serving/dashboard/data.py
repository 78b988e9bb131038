"""What the dashboard shows, as plain data: gathered from the lake and the registry.

Nothing here knows how it is drawn.
"""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import polars as pl

from cryptodudez_assets.contracts.quarantine import Fate
from cryptodudez_assets.declared_models.signal import Decision, SignalModel
from cryptodudez_assets.features import left_out
from cryptodudez_assets.lake import pages
from cryptodudez_assets.lake.freshness import Freshness, freshness
from cryptodudez_assets.lake.lake import Lake, now
from cryptodudez_assets.lake.quarantine import quarantine
from cryptodudez_assets.lake.samples import last_day_of
from cryptodudez_assets.lake.status import status_of
from cryptodudez_assets.models.findings import Findings, Verdict
from cryptodudez_assets.models.manifest import Manifest, Stage
from cryptodudez_assets.models.registry import Damaged, Registry, Tampered, registry_of
from cryptodudez_assets.models.signal.inputs import inputs_of
from cryptodudez_assets.models.signal.signal import Confidence
from cryptodudez_assets.sources.declaration import Source
from serving.dashboard.asking import Asked
from serving.dashboard.prices import DEFAULT_RANGE, days_of, is_known

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
class Version:
    """One line of the list of models."""

    label: str
    recipe: str
    stage: Stage
    created_at: datetime
    verdict: str


@dataclass(frozen=True)
class SourceHealth:
    """How fresh a source's data are, and what was set aside on the way to its table."""

    name: str
    table: str
    freshness: Freshness
    written_at: datetime | None
    valid: int
    open_rows: int
    open_files: int
    pending: int


@dataclass(frozen=True)
class DashboardData:
    """All that one look at the platform found.

    `closes` has `event_ts` and `close` of the signal's coin as its features were made of, `prices` its days within `reach`, a range of
    `prices.RANGES`; both in order of time.
    """

    model: SignalModel | None
    """The signal that the page is about; None where none is declared."""
    gathered_at: datetime
    today: Today | NoDecision
    closes: pl.DataFrame
    reach: str
    prices: Asked | None
    """None where the lake has no prices yet."""
    records: list[TrackRecord]
    versions: list[Version]
    distrusted: list[str]
    """Versions of the model that are shown nowhere, since their files are not what was registered; each with the reason."""
    sources: list[SourceHealth]
    left_out: list[str]
    """Declarations that could not be loaded, each with its place and the reason."""
    reports: Sequence[str]
    samples_until: date | None
    """The last day of the demo's simulated data; None where it has put none into the lake."""

    @property
    def coin(self) -> str:
        """What the page is about, in words."""
        return self.model.coin.name if self.model else "Coins"

    @property
    def is_empty(self) -> bool:
        """Whether nothing has landed yet."""
        return not any(one.valid or one.open_rows or one.open_files or one.pending for one in self.sources)


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
        versions=[_version(registry, number) for number in reversed(trusted)] if registry else [],
        distrusted=distrusted,
        sources=[_health(lake, source) for source in lake.sources.values()],
        left_out=[str(one) for one in left_out()],
        reports=pages.names(lake.store),
        samples_until=last_day_of(lake.settings),
    )


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


def _version(registry: Registry, number: int) -> Version:
    manifest = registry.manifest(number)
    verdict = registry.verdict(number)
    return Version(manifest.label, manifest.recipe, registry.stage(number), manifest.created_at, verdict.label)


def _health(lake: Lake, source: Source) -> SourceHealth:
    table = lake.tables.table(source.table)
    snapshot = table.current_snapshot() if table else None
    status = status_of(lake, source.name)
    return SourceHealth(
        name=source.name,
        table=source.table,
        freshness=freshness(lake, source),
        written_at=datetime.fromtimestamp(snapshot.timestamp_ms / 1000, UTC) if snapshot else None,
        valid=status.valid,
        open_rows=_open(quarantine.rows_of(lake.tables, source.name)),
        open_files=_open(quarantine.files_of(lake.tables, source.name)),
        pending=status.pending,
    )


def _open(aside: pl.LazyFrame) -> int:
    return int(aside.filter(pl.col("status") == Fate.OPEN).select(pl.len()).collect().item())
