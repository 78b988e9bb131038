"""Inputs of feature views for tests: written by hand, or archives taken into a lake; and all views computed from them."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from cryptodudez_assets.contracts.base import polars_schema
from cryptodudez_assets.contracts.rules import assert_holds
from cryptodudez_assets.features import FeatureView, all_views, topological
from cryptodudez_assets.features.look_ahead import with_absent
from cryptodudez_assets.settings import Settings
from cryptodudez_assets.sources import all_sources
from cryptodudez_assets_tests.builders import open_lake, put, take_in

TIME = pl.Datetime("us", "UTC")


def utc(text: str) -> datetime:
    """`2021-01-05` or `2021-01-05 21:00`, in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def frame(rows: Sequence[Mapping[str, object]], **dtypes: type[pl.DataType] | pl.DataType) -> pl.LazyFrame:
    """Rows written by hand; columns that end in `_ts` are times as text."""
    made = pl.DataFrame(rows, schema_overrides=dtypes, infer_schema_length=None)
    times = pl.col("^.*_ts$").str.to_datetime(time_unit="us", time_zone="UTC")
    return made.with_columns(times).lazy()


def computed(view: FeatureView, inputs: Mapping[str, pl.LazyFrame]) -> pl.DataFrame:
    """The view's rows, which must be as its contract says."""
    there = with_absent(view, inputs)
    rows = view.transform({one.table: there[one.table].select(one.all_columns) for one in view.inputs}).collect()
    assert rows.schema == polars_schema(view.contract)
    assert_holds(view.contract, rows)
    return rows


def with_views(tables: Mapping[str, pl.LazyFrame]) -> dict[str, pl.LazyFrame]:
    """The tables and all views over them; without those of which an input is not there."""
    frames = dict(tables)
    for view in topological(all_views().values()):
        if not frames.keys() >= set(view.needs(frames.__contains__)):
            continue
        frames[view.table] = computed(view, frames).lazy()
    return frames


def ingested(settings: Settings, archives: Mapping[str, Sequence[Path]]) -> dict[str, pl.LazyFrame]:
    """The tables of a new lake in which these archives were landed, by source. A folder lands with all that lies in it."""
    lake = open_lake(settings)
    tables = {}
    for name, paths in archives.items():
        for path in paths:
            for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
                if file.is_file():
                    put(lake, str(file.relative_to(path.parent)), file.read_bytes(), all_sources()[name])
    landed = [source for source in all_sources().values() if source.raw in archives]
    for source in sorted(landed, key=lambda source: source.lookup is not None):
        take_in(lake, source)
        for table in filter(None, (source.table, source.observations)):
            rows = lake.tables.scan(table)
            assert rows is not None, f"no table {table}"
            tables[table] = rows.collect().lazy()
    return tables
