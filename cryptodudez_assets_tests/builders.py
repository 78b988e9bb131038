"""A toy source and what tests build from it: raw files, whole passes over the raw zone, a picture of all tables."""

import io
import shutil
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandera.polars as pa
import polars as pl
import pytest

from cryptodudez_assets.contracts.base import TableContract
from cryptodudez_assets.derived.upkeep import carry, dividing, key_ranges, stretches
from cryptodudez_assets.engines import Done, Say, Task
from cryptodudez_assets.lake.ingest.cataloguing import catalogue_objects
from cryptodudez_assets.lake.ingest.ingest import ingest
from cryptodudez_assets.lake.ingest.merge import NewRows, NewRowsWriter, table_spec
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.metastore.discovery import discover_all
from cryptodudez_assets.lake.upkeep.moving import move
from cryptodudez_assets.settings import Settings
from cryptodudez_assets.sources import all_sources
from cryptodudez_assets.sources.declaration import BY_REACH, Layout, Source
from cryptodudez_assets_tests.forms import FORMS


class Readings(TableContract):
    """Readings of sensors, made up for tests."""

    sensor: str = pa.Field(description="Name of the sensor.")
    value: float = pa.Field(description="What it read.", gt=0)


def readings_source(name: str = "readings") -> Source:
    """A source that keeps observations: the file that reaches furthest in time knows best."""
    return Source(
        name=name,
        description="Readings of sensors.",
        owner="team:tests",
        table=f"lab.{name}",
        observations=f"lab.{name}_observations",
        contract=Readings,
        layouts=[
            Layout(
                name="plain",
                columns={"sensor": pl.String, "time": pl.String, "value": pl.Float64},
                canonical={
                    "sensor": pl.col("sensor"),
                    "value": pl.col("value"),
                    "event_ts": pl.col("time").str.to_datetime(
                        "%Y-%m-%dT%H:%M", time_unit="us", time_zone="UTC", strict=False
                    ),
                },
            )
        ],
        key=["sensor", "event_ts"],
        newest_by=BY_REACH,
        breaker_floor=3,
    )


READINGS = readings_source()
JUNK = "__MACOSX/._junk"


def csv(sensor: str, hours: Iterable[int], value: float = 1.0, bad: int = 0, form: str = "csv") -> bytes:
    """Readings of one sensor at these hours since the last day of 2020, and some records that are none; as CSV, or in another form."""
    start = datetime(2020, 12, 31, tzinfo=UTC).timestamp()
    times = (datetime.fromtimestamp(start + 3600 * hour, UTC) for hour in hours)
    good = [(sensor, f"{time:%Y-%m-%dT%H:%M}", value) for time in times]
    return FORMS[form](("sensor", "time", "value"), [*good, *((sensor, "never", number) for number in range(bad))])


def zipped(**members: bytes) -> bytes:
    """An archive of CSV files; of the same files the same bytes."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in {**{f"{name}.csv": content for name, content in members.items()}, JUNK: b"junk"}.items():
            archive.writestr(zipfile.ZipInfo(name), content)  # which has no time of its own
    return packed.getvalue()


def new_rows(lake: Lake, source: Source, *frames: pl.DataFrame) -> NewRows:
    """Rows that are written for the source's table, and in no table yet."""
    writer = NewRowsWriter(source, lake.tables.target(table_spec(source)))
    for frame in frames:
        writer.add(frame)
    return writer.close()


def open_lake(settings: Settings) -> Lake:
    """The lake of these settings, with the sources of this project."""
    return Lake.open(settings, all_sources())


def copy_of(home: Path, to: Path) -> Lake:
    """A copy of a home that others read, as a home of its own that may be changed."""
    shutil.copytree(home, to)
    settings = Settings(home=to, settle_seconds=0)
    move(str(home), str(to), settings, all_sources())
    return open_lake(settings)


@dataclass
class InParts:
    """An engine that has work divided, and does the parts from the last to the first."""

    parallel: int
    tasks: list[Any] = field(default_factory=list)
    name = "in parts"
    is_remote = False

    def run(self, function: Callable[[Task, Say], Done], tasks: Sequence[Task], say: Say) -> Iterator[Done]:
        """What the function gives for each task, in their order."""
        self.tasks += tasks
        done = [function(task, say) for task in reversed(tasks)]
        yield from reversed(done)


def compute_few_rows_at_a_time(patch: pytest.MonkeyPatch, rows: int) -> None:
    """Have tables divided as if so many rows were many."""
    patch.setattr(stretches, "STRETCH_ROWS", rows)
    patch.setattr(carry, "FEW_ROWS", rows)
    patch.setattr(carry, "BACK", (timedelta(days=1), timedelta(days=5), None))
    patch.setattr(key_ranges, "RANGE_KEYS", rows)
    patch.setattr(dividing, "PORTION_ROWS", rows)


def put(lake: Lake, name: str, content: bytes, source: Source = READINGS) -> None:
    """Land bytes under this name in the raw zone, whatever the lake's store."""
    lake.store.write(f"raw/{source.name}/{name}", io.BytesIO(content))


def take_in(lake: Lake, source: Source = READINGS) -> None:
    """Discover, catalogue and ingest all that lies in the raw zone."""
    catalogue_objects(lake, source, discover_all(lake, source.name))
    ingest(lake, source)


def take_in_archives(lake: Lake, archives: Mapping[str, Sequence[Path]]) -> None:
    """Land these files, by source, and take them in."""
    for name, paths in archives.items():
        for path in paths:
            put(lake, path.name, path.read_bytes(), all_sources()[name])
        take_in(lake, all_sources()[name])


# What two runs over the same files may differ in: when, by whom and in which company a file was done.
INCIDENTAL = [
    "entry_id",
    "generation",
    "run_id",
    "batch_id",
    "discovered_at",
    "updated_at",
    "known_ts",  # no layout of the toy tells it: it is when a file landed
    "modified_at",
    "quarantined_at",
    "seen_at",
]


def picture(lake: Lake, also_incidental: Iterable[str] = ()) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table, without what is incidental."""
    shown = {}
    for name in lake.tables.names():
        rows = rows_of(lake, name)
        rows = rows.drop(*INCIDENTAL, *also_incidental, strict=False)
        rows = rows.with_columns(
            pl.selectors.matches("uri|corrected_by")
            .str.replace(lake.settings.raw_zone, "/raw", literal=True)
            .str.replace(lake.settings.lake, "", literal=True)
        )
        if rows.height:
            shown[name] = sorted(rows.select(sorted(rows.columns)).rows(), key=repr)
    return shown


def rows_of(lake: Lake, name: str) -> pl.DataFrame:
    """A table's rows."""
    rows = lake.tables.scan(name)
    assert rows is not None, f"no table {name}"
    return rows.collect()


def files(lake: Lake, source: Source = READINGS) -> pl.DataFrame:
    """The catalogue's rows of a source."""
    return rows_of(lake, "catalog.files").filter(pl.col("source") == source.name).sort("uri", "member")
