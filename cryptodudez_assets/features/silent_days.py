"""Days on which an author said nothing: counts are 0 there, and views of counts have a row that says so.

That a day has passed is known from the coins, which are traded every day: no later tweet is waited for. Somebody of whom nothing was
recorded for longer than `SILENCE` may have said something that did not land, so there is no row then.
"""

from collections.abc import Sequence
from datetime import timedelta

import polars as pl

from cryptodudez_assets.features.days import on_time
from cryptodudez_assets.features.declaration import FeatureContract, Input

SILENCE = timedelta(days=30)
COINS = "features.crypto_daily"
CALENDAR = Input(COINS, [], absent=FeatureContract)


def silent_days(active: pl.LazyFrame, calendar: pl.LazyFrame, key: Sequence[str]) -> pl.LazyFrame:
    """Key and `event_ts` of each day of the calendar that `active` lacks, at most `SILENCE` behind the key's last one there."""
    days = on_time(calendar).select("event_ts").unique()
    asked = active.select(key).unique().join(days, how="cross").sort("event_ts")
    spoken = active.select(*key, "event_ts", spoke="event_ts").sort("event_ts")
    heard = asked.join_asof(spoken, on="event_ts", by=list(key), tolerance=SILENCE, check_sortedness=False)
    return heard.filter(pl.col("spoke") < pl.col("event_ts")).drop("spoke")
