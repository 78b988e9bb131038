"""`accounts.dim_date`: the calendar of the star."""

import pandera.polars as pa
import polars as pl

from cryptodudez_assets.accounts import rules, star
from cryptodudez_assets.accounts.reconciling import known_to
from cryptodudez_assets.derived import Derived, Frames, Input

DAYS = "accounts.fact_user_day"
WEEKEND = 6


class DimDate(star.StarContract):
    """UTC days, one row each: all of the years in which anybody did anything, without a hole."""

    date_key: pl.Int64 = pa.Field(description="Key of the day, such as 20210131.")
    date: pl.Date = star.date()
    year: pl.Int64 = pa.Field(description="Year.")
    quarter: pl.Int64 = pa.Field(description="Quarter of the year.", ge=1, le=4)
    month: pl.Int64 = pa.Field(description="Month of the year.", ge=1, le=12)
    iso_year: pl.Int64 = pa.Field(description="Year that the week belongs to (ISO 8601).")
    week: pl.Int64 = pa.Field(description="Week of that year (ISO 8601).", ge=1, le=53)
    day: pl.Int64 = pa.Field(description="Day of the month.", ge=1, le=31)
    weekday: pl.Int64 = pa.Field(description="Day of the week, Monday being 1 (ISO 8601).", ge=1, le=7)
    is_weekend: pl.Boolean = pa.Field(description="Whether it is a Saturday or a Sunday.")


def calendar(frames: Frames) -> pl.LazyFrame:
    """All days of the years from the first fact to the last."""
    years = frames[DAYS].select(first=pl.col("date").min().dt.year(), last=pl.col("date").max().dt.year()).drop_nulls()
    days = pl.date_ranges(pl.date("first", 1, 1), pl.date("last", 12, 31))
    day = pl.col("date")
    whole = {
        **{"year": day.dt.year(), "quarter": day.dt.quarter(), "month": day.dt.month()},
        **{"iso_year": day.dt.iso_year(), "week": day.dt.week(), "day": day.dt.day(), "weekday": day.dt.weekday()},
    }
    return (
        years.select(date=days)
        .explode("date")
        .with_columns(
            date_key=rules.date_key(day),
            **{name: part.cast(pl.Int64) for name, part in whole.items()},
            is_weekend=day.dt.weekday() >= WEEKEND,
            loaded_at=pl.lit(rules.FIRST),
            record_source=pl.lit(""),
        )
    )


DERIVED = Derived(
    "accounts.dim_date",
    DimDate,
    owner=star.OWNER,
    key=["date_key"],
    inputs=[Input(DAYS, ["date"], time="date", reaches="all")],
    transform=calendar,
    exports=[star.csv()],
    checks=[known_to("accounts.dim_date", "date_key", ["accounts.fact_transaction", "accounts.fact_event"])],
)
