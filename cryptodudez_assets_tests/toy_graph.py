"""A graph of the toy source in `builders`, small enough to be run dozens of times: two views, one standing on the other."""

import sqlite3
from datetime import timedelta
from pathlib import Path

import pandera.polars as pa
import polars as pl

from cryptodudez_assets.features.declaration import FeatureContract, FeatureView, Frames, Input
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets_tests.builders import READINGS, picture

DAY = timedelta(days=1)
TTL = timedelta(days=36500)


class SensorDays(FeatureContract):
    """What each sensor read on a day."""

    sensor: str = pa.Field(description="Name of the sensor.")
    highest: float = pa.Field(description="The highest reading.", nullable=True)


class Days(FeatureContract):
    """What all sensors read on a day."""

    total: float = pa.Field(description="Sum of the highest readings.", nullable=True)


def of_sensors(frames: Frames) -> pl.LazyFrame:
    day = pl.col("event_ts").dt.truncate("1d")
    highest = frames[READINGS.table].group_by("sensor", day).agg(highest=pl.col("value").max())
    return highest.with_columns(known_ts=pl.col("event_ts") + DAY)


def of_all(frames: Frames) -> pl.LazyFrame:
    total = frames[SENSOR_DAYS.table].sort("sensor").group_by("event_ts").agg(total=pl.col("highest").sum())
    return total.with_columns(known_ts=pl.col("event_ts") + DAY)


SENSOR_DAYS = FeatureView(
    "sensor_days", SensorDays, "team:tests", ["sensor"], [Input(READINGS.table, ["sensor", "value"], known="event_ts")],
    of_sensors, timedelta(0), TTL, versions=True,
)  # fmt: skip
DAYS = FeatureView(
    "days", Days, "team:tests", [], [Input(SENSOR_DAYS.table, ["sensor", "highest"])], of_all, timedelta(0), TTL
)
SOURCES, VIEWS = {READINGS.name: READINGS}, [SENSOR_DAYS, DAYS]


def everything(lake: Lake) -> dict[str, object]:
    """All rows, also those online, without what two ways to the same may differ in. Of the list of tables only the counts."""
    shown: dict[str, object] = dict(picture(lake))
    shown.pop("catalog.tables")
    tables = lake.tables.scan("catalog.tables")
    assert tables is not None
    shown["counts"] = sorted(tables.filter(pl.col("rows") > 0).select("name", "rows").collect().rows())
    shown.pop("catalog.features", None)  # says when
    with sqlite3.connect(Path(lake.settings.home) / "online.db") as online:
        query = "SELECT view, key, event, known, features FROM online WHERE view NOT LIKE '% published'"
        shown["online"] = sorted(online.execute(query))
    return shown
