"""Minutes of order books, reckoned again in plain Python."""

from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import polars as pl
import pytest

from cryptodudez_assets.features import all_views
from cryptodudez_assets_tests.feature_frames import computed

VIEW = all_views()["spread_minutely"]
TABLE = "market.order_book_spreads"
START = datetime(2022, 4, 30, 4, 10, tzinfo=UTC)
TIME = pl.Datetime("us", "UTC")
SCHEMA = {
    "book": pl.String,
    "spread": pl.Float64,
    "source": pl.String,
    "is_gap": pl.Boolean,
    "event_ts": TIME,
    "known_ts": TIME,
}


def second(at: int, spread: float | None = 0.2, source: str | None = "ws", **other: Any) -> dict[str, Any]:
    time = START + timedelta(seconds=at)
    return {
        "book": "btc_mxn",
        "spread": spread,
        "source": source,
        "is_gap": False,
        "event_ts": time,
        "known_ts": time,
        **other,
    }


def minutes(*rows: dict[str, Any]) -> list[dict[str, Any]]:
    return computed(VIEW, {TABLE: pl.DataFrame(list(rows), schema=SCHEMA).lazy()}).to_dicts()


def drawn(rng: Random) -> list[dict[str, Any]]:
    rows = []
    for book in ("btc_mxn", "usd_mxn"):
        for at in range(600):
            if rng.random() < 0.1:
                continue
            gap = rng.random() < 0.1
            spread = None if rng.random() < 0.05 else rng.choice([0.1, 0.5, 1.0, rng.lognormvariate(-2, 1), -0.01])
            row = second(at, spread, rng.choice(["ws", "ticker", "rest", "carried", None]), book=book, is_gap=gap)
            row["known_ts"] += timedelta(seconds=rng.choice([0, 0, 1, 20]))
            rows.append(row)
    return rows


@pytest.mark.parametrize("seed", range(3))
def test_every_number_is_what_plain_python_says(seed: int) -> None:
    rows = drawn(Random(seed))
    found = minutes(*rows)
    assert len(found) == 20
    for row in found:
        end = row["event_ts"] + timedelta(minutes=1)
        there = [
            one
            for one in rows
            if one["book"] == row["book"] and row["event_ts"] <= one["event_ts"] < end and one["known_ts"] <= end
        ]
        looked = [one for one in there if not one["is_gap"]]
        spreads = [one["spread"] for one in looked if one["spread"] is not None]
        carried = sum(one["source"] == "carried" for one in looked)
        assert row["known_ts"] == end
        assert row["spread_mean"] == pytest.approx(sum(spreads) / len(spreads), abs=1e-9)
        assert row["spread_max"] == max(spreads)
        for name, limit in (("share_over_10bp", 0.1), ("share_over_50bp", 0.5), ("share_over_100bp", 1.0)):
            assert row[name] == sum(spread > limit for spread in spreads) / len(spreads)
        assert row["uptime"] == len(looked) / 60
        assert (row["n_observed"], row["n_carried"], row["n_gap"]) == (
            len(looked) - carried,
            carried,
            len(there) - len(looked),
        )


def test_a_minute_at_which_nobody_looked_has_no_spread_and_one_that_nobody_told_no_row() -> None:
    (one,) = minutes(*(second(at, 0.2, "carried", is_gap=True) for at in range(60)))
    assert (one["spread_mean"], one["spread_max"], one["share_over_10bp"]) == (None, None, None)
    assert (one["uptime"], one["n_gap"]) == (0.0, 60)
    assert [row["event_ts"].minute for row in minutes(second(0), second(125))] == [10, 12]


def test_what_is_known_after_the_minute_has_no_place_in_it() -> None:
    late = second(59, 9.0)
    late["known_ts"] = START + timedelta(seconds=60.001)
    (one,) = minutes(second(58, 0.3), late)
    assert (one["spread_max"], one["n_observed"]) == (0.3, 1)
