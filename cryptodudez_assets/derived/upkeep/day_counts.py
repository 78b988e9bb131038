"""How many rows each day of a table has, and how many of them lack what; and what that says of its newest day that is over."""

import polars as pl

from cryptodudez_assets.contracts.base import columns_of
from cryptodudez_assets.derived.declaration import Derived
from cryptodudez_assets.derived.quality import Quality
from cryptodudez_assets.derived.upkeep.poor_days import DayJudged, judge_newest
from cryptodudez_assets.lake.lake import Lake, now


def judge_quality(lake: Lake, table: Derived, quality: Quality) -> DayJudged:
    """What is found of the newest UTC day of the table that is over."""
    rows = lake.tables.scan(table.table)
    if rows is None:
        return DayJudged(None)
    kept = {*table.identity, *quality.may_be_null}
    columns = [one.name for one in columns_of(table.contract) if one.nullable and one.name not in kept]
    lacking = [pl.col(name).null_count().cast(pl.Int64).alias(name) for name in columns]
    days = rows.group_by(day=pl.col(quality.day_of).cast(pl.Date)).agg(*lacking, rows=pl.len().cast(pl.Int64))
    return judge_newest(days.collect(engine="streaming"), now().date(), columns)
