"""`accounts.fact_event`: what users did, logins among it."""

from datetime import timedelta

import pandera.polars as pa
import polars as pl

from cryptodudez_assets.accounts import rules, star
from cryptodudez_assets.accounts.reconciling import EVENTS_ADD_UP, members_of
from cryptodudez_assets.contracts.base import UtcTime
from cryptodudez_assets.derived import Daily, Derived, Frames, Input


class FactEvent(star.StarContract):
    """What users did, one row per event: logins and others."""

    id: str = pa.Field(description="The exchange's number of the event.")
    user_key: pl.Int64 = star.user_key()
    date_key: pl.Int64 = star.date_key()
    date: pl.Date = star.date()
    event_name: str = pa.Field(description="What it was, such as `login`.")
    is_login: pl.Boolean = pa.Field(description=f"Whether it is a login: {', '.join(rules.LOGINS)}.")
    event_ts: UtcTime = star.moment("When it happened (UTC).")


def events(frames: Frames) -> pl.LazyFrame:
    """The history with its days."""
    day = rules.day_of()
    return frames[star.EVENTS].select(
        "id",
        pl.col("user_key").fill_null(rules.UNKNOWN),
        rules.date_key(day).alias("date_key"),
        day.alias("date"),
        "event_name",
        rules.is_login().alias("is_login"),
        "event_ts",
        pl.col("known_ts").alias("loaded_at"),
        pl.lit(star.EVENTS).alias("record_source"),
    )


DERIVED = Derived(
    "accounts.fact_event",
    FactEvent,
    owner=star.OWNER,
    key=["id"],
    inputs=[Input(star.EVENTS, ["id", "user_key", "event_name", "event_ts", "known_ts"], reaches=timedelta(0))],
    transform=events,
    partitions=Daily("date"),
    exports=[star.csv("date", "id")],
    checks=[EVENTS_ADD_UP, members_of("accounts.fact_event")],
)
