"""Feature views for tests of the store: every type that a feature can have, several keys, versions, none."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pandera.polars as pa
import polars as pl

from cryptodudez_assets.contracts.base import UtcTime, polars_schema
from cryptodudez_assets.derived.upkeep.materialize import table_specs
from cryptodudez_assets.features.declaration import FeatureContract, FeatureView, Frames
from cryptodudez_assets.lake.lake import Lake

TTL = timedelta(days=10)
T0 = datetime(2021, 1, 1, tzinfo=UTC)


class Weather(FeatureContract):
    """The weather, as somebody might have measured it."""

    place: str = pa.Field(description="Where.")
    number: pl.Int64 = pa.Field(description="Which gauge.")
    degrees: float = pa.Field(description="Temperature.", nullable=True)
    count: pl.Int64 = pa.Field(description="Something large.", nullable=True)
    wet: pl.Boolean = pa.Field(description="Whether it rained.", nullable=True)
    words: str = pa.Field(description="What they said.", nullable=True)
    seen: UtcTime = pa.Field(description="When somebody looked.", nullable=True)
    day: pl.Date = pa.Field(description="A day.", nullable=True)


class Mood(FeatureContract):
    """The mood of everybody."""

    mood: float = pa.Field(description="From 0 to 1.", nullable=True)


def nothing(frames: Frames) -> pl.LazyFrame:
    raise NotImplementedError("these views are written by hand")


WEATHER = FeatureView("weather", Weather, "tests", ("place", "number"), (), nothing, timedelta(days=1), TTL)
FORECAST = FeatureView("forecast", Weather, "tests", ("place", "number"), (), nothing, None, TTL, versions=True)
MOOD = FeatureView("mood", Mood, "tests", (), (), nothing, None, TTL, deprecated="use `temper`")

DEFAULTS: dict[str, Any] = {
    "place": "Oslo",
    "number": 1,
    "degrees": 1.5,
    "count": 2**62 + 1,
    "wet": True,
    "words": "grey",
    "seen": datetime(1969, 12, 31, 23, 59, 59, 999999, UTC),
    "day": date(1969, 12, 31),
    "mood": 0.5,
}


def after(days: float) -> datetime:
    return T0 + timedelta(days=days)


def row(event: float, known: float | None = None, **values: Any) -> dict[str, Any]:
    """A row that happened so many days after T0, and became known then or so many days after T0."""
    return DEFAULTS | {"event_ts": after(event), "known_ts": after(event if known is None else known)} | values


def rows(view: FeatureView, *values: dict[str, Any]) -> pl.DataFrame:
    schema = polars_schema(view.contract)
    return pl.DataFrame([{name: value[name] for name in schema} for value in values], schema=schema)


def store(lake: Lake, view: FeatureView, *values: dict[str, Any]) -> int:
    """Write rows to the table that reads of the past use; the snapshot that they make."""
    with lake.tables.changing(table_specs(view)[-1]) as change:
        change.add(rows(view, *values))
    assert change.snapshot_id is not None
    return change.snapshot_id
