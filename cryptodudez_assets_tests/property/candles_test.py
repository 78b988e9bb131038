"""Whatever candles there are: gaps are those that lack, revisions those that tell something new, and pages settle what is over."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import polars as pl
from hypothesis import assume, given
from hypothesis import strategies as st

from cryptodudez_assets.candles.candle_revisions import CANDLE, OBSERVED, revisions
from cryptodudez_assets.candles.grid import missing
from cryptodudez_assets.contracts.base import EXACT, polars_schema
from cryptodudez_assets.contracts.binance_klines import BinanceKlines, is_on_grid
from cryptodudez_assets.contracts.candles import VALUES
from cryptodudez_assets.simulator.venues.binance.market import Market
from cryptodudez_assets.venues.binance.klines import final_until, next_of
from cryptodudez_assets.venues.binance.protocol import INTERVALS, MOST_CANDLES, Interval, is_final
from cryptodudez_assets.venues.pages import Span

UTC_TIME = pl.Datetime("us", "UTC")
START = datetime(2023, 12, 28, 7, 13, 5, tzinfo=UTC)
SERIES = ["symbol", "interval"]
intervals = st.sampled_from(list(INTERVALS.values()))


def grid(interval: Interval, start: datetime, n: int) -> list[datetime]:
    """When `n` candles open, from the first behind `start` on."""
    found = [interval.floor(start)]
    while len(found) < n:
        found.append(interval.behind(found[-1]))
    return found


@given(intervals, st.integers(2, 60), st.data())
def test_what_lacks_between_the_first_and_the_last_candle_is_a_gap_and_nothing_else(
    interval: Interval, n: int, data: st.DataObject
):
    whole = grid(interval, START, n)
    left_out = data.draw(st.sets(st.integers(1, n - 2) if n > 2 else st.nothing()))
    there = [at for number, at in enumerate(whole) if number not in left_out]
    other = pl.DataFrame({"symbol": "B", "interval": "1m", "open_time": [START.replace(second=0)]})
    one = pl.DataFrame({"symbol": "A", "interval": interval.name, "open_time": there})
    rows = pl.concat([one, other]).cast({"open_time": UTC_TIME}).sample(fraction=1, shuffle=True, seed=n)

    found = missing(rows.lazy(), SERIES, "open_time").sort("open_time").collect()

    assert found["open_time"].to_list() == [whole[number] for number in sorted(left_out)]
    ends = [interval.behind(whole[number]) - timedelta(milliseconds=1) for number in sorted(left_out)]
    assert found["close_time"].to_list() == ends
    assert set(found["symbol"]) <= {"A"}


@given(intervals, st.integers(0, 10**9))
def test_a_time_is_on_the_grid_where_a_candle_begins(interval: Interval, seconds: int):
    at = datetime(1990, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    judged = pl.DataFrame(
        {"at": [interval.floor(at), interval.floor(at) + timedelta(milliseconds=1)], "interval": interval.name},
        {"at": UTC_TIME, "interval": pl.String},
    ).select(is_on_grid(pl.col("at"), pl.col("interval")))
    assert judged.to_series().to_list() == [True, False]


@given(
    st.lists(st.tuples(st.sampled_from(["1.5", "1.50", "2", None]), st.booleans()), min_size=1, max_size=8),
    st.randoms(),
)
def test_a_revision_is_what_a_final_candle_was_not_told_with_before(told: list[tuple[str | None, bool]], dice):  # type: ignore[no-untyped-def]
    end = START.replace(second=0) + timedelta(minutes=1)
    observed = [
        {
            "symbol": "A",
            "interval": "1m",
            "open_time": end - timedelta(minutes=1),
            "close_time": end - timedelta(milliseconds=1),
            **dict.fromkeys(VALUES[1:5], Decimal(7)),
            "volume": None if volume is None else Decimal(volume),
            "is_final": final,
            "origin": "api",
            "known_ts": end + timedelta(hours=number),
            "file_id": f"f{number}",
            "file_row": 1,
        }
        for number, (volume, final) in enumerate(told)
    ]
    expected: list[tuple[Decimal | None, datetime]] = []
    for row in observed:
        if row["is_final"]:
            volume = row["volume"] if row["volume"] is not None or not expected else expected[-1][0]
            if not expected or volume != expected[-1][0]:
                expected.append((volume, row["known_ts"] if expected else end))
    dice.shuffle(observed)
    schema = {**polars_schema(BinanceKlines), "volume": EXACT}
    frame = pl.DataFrame(observed, {name: schema[name] for name in (*CANDLE, *VALUES, *END_OF_ROW)})

    found = revisions({OBSERVED: frame.lazy()}).sort("revision").collect()

    assert found.select("volume", "known_ts").rows() == expected
    assert found["revision"].to_list() == list(range(len(expected)))


END_OF_ROW = ("is_final", "origin", "known_ts", "file_id", "file_row")


@given(intervals, st.integers(1, 3 * MOST_CANDLES), st.integers(-5, 10**6), st.integers(0, 10**5))
def test_a_page_settles_no_candle_that_may_still_change(interval: Interval, n: int, seconds: int, late: int):
    first = datetime(2024, 3, 1, tzinfo=UTC) + timedelta(seconds=late)
    until = grid(interval, first, n)[-1] + timedelta(seconds=late % 7)
    assume(until > first)
    candles = Market().candles("ETHUSDT", interval, first, until - timedelta(milliseconds=1), MOST_CANDLES)
    end = min(until, next_of(interval, candles[-1])) if len(candles) == MOST_CANDLES else until
    covered, told_at = Span(first, end), until + timedelta(seconds=seconds)

    final = final_until(interval, candles, covered, told_at)

    assert first <= final <= end
    assert all(is_final(one.close_ms, told_at) for one in candles if one.opened < final)
