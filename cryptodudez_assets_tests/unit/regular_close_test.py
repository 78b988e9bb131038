"""When trading ends in New York, for days within and beyond the known ones."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from cryptodudez_assets.sources.common import regular_close_of

YEARS = [1899, 1900, 1945, 1962, 1987, 2007, 2020, 2099]


@pytest.mark.parametrize("years", [YEARS, YEARS[1:]], ids=["any", "known"])
def test_the_regular_close_is_sixteen_hours_in_new_york(years: list[int]) -> None:
    days = [date(year, 1, 1) + timedelta(days=n) for year in years for n in range(365)]
    closes = pl.DataFrame({"day": [*days, None]}).select(regular_close_of(pl.col("day"))).to_series().to_list()
    new_york = ZoneInfo("America/New_York")
    assert closes == [*(datetime.combine(day, time(16), new_york).astimezone(UTC) for day in days), None]


def test_no_days_have_no_close() -> None:
    assert pl.DataFrame(schema={"day": pl.Date}).select(regular_close_of(pl.col("day"))).to_series().is_empty()
    assert pl.DataFrame({"day": [None]}, {"day": pl.Date}).select(regular_close_of(pl.col("day"))).row(0) == (None,)
