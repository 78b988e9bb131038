"""Every table of a source holds one row for each of what its contract says it is about: the key is the grain."""

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from cryptodudez_assets.contracts.catalogue import Status
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.metastore import file_entries
from cryptodudez_assets.sources import all_sources
from cryptodudez_assets_tests.in_memory import fates
from cryptodudez_assets_tests.toy import load

DAY = pl.col("event_ts").dt.date()
CANDLES = ("one row per symbol, interval and time at which the candle opens", ["symbol", "interval", "open_time"])
GRAIN = {
    "binance_archives": CANDLES,
    "binance_klines": CANDLES,
    "bitcoin_tweets": ("one row per post", ["id"]),
    "bitso_order_book": ("one row per book and second", ["book", pl.col("event_ts").dt.truncate("1s")]),
    "bitso_order_book_gaps": ("one row per book, instance and beginning of the gap", ["book", "instance", "event_ts"]),
    "crypto_prices": ("one row per coin and UTC day", ["symbol", DAY]),
    "deposits": ("one row per deposit", ["id"]),
    "elon_tweets": ("one row per tweet", ["id"]),
    "events": ("one row per event", ["id"]),
    "stock_market": ("one row per symbol and trading day", ["symbol", "date"]),
    "stock_prices": ("one row per ticker and trading day", ["symbol", "date"]),
    "stock_symbols": ("one row per symbol", ["symbol"]),
    "user_levels": ("one row per user, time, level and jurisdiction", ["user_id", "event_ts", "level", "jurisdiction"]),
    "users": ("one row per user", ["user_id"]),
    "withdrawals": ("one row per withdrawal", ["id"]),
    "x_posts": ("one row per post", ["id"]),
}
SOURCES = all_sources()
HEADER = "SNo,Name,Symbol,Date,High,Low,Open,Close,Volume,Marketcap\n"


def test_every_source_says_its_grain():
    said = {name: " ".join((source.contract.__doc__ or "").split()) for name, source in SOURCES.items()}
    assert {name: grain in said[name] for name, (grain, _) in GRAIN.items()} == dict.fromkeys(SOURCES, True)


@pytest.mark.parametrize("name", SOURCES)
def test_rows_of_different_keys_are_different_by_the_grain(name: str):
    """Records at any time of a few days, of a few keys: of what is kept, one row for each key is one for each grain."""
    rng = random.Random(1)
    texts = ["23:59:59", "23:59:59", "00:00:00", "23:59:00", *(f"{rng.randrange(24):02}:00:00" for _ in range(20))]
    source = SOURCES[name]
    for layout in source.layouts:
        records = []
        for _ in range(300):
            day, clock = f"2020-01-0{rng.randint(1, 3)}", rng.choice(texts)
            told = {"time": clock, "date": day, "Date": day, "id": str(rng.randint(1, 5)), "symbol": rng.choice("AB")}
            told |= {"Symbol": told["symbol"], "Security Name": rng.choice("XY")}
            times = f"{day}T{clock}+00:00"
            told |= {"orderbook_timestamp": times, "started_at": times, "ended_at": "2020-01-04T00:00:00Z"}
            told |= {
                "book": f"{told['symbol']}_mxn",
                "instance": rng.choice("XY"),
                "is_gap": "true",
                "source": "carried",
            }
            told |= {"user_id": told["symbol"], "level": rng.choice("12"), "event_timestamp": f"{day} {clock}+00"}
            opened = int(datetime.fromisoformat(times).timestamp()) * 1000
            told |= dict.fromkeys(("open_time", "data.k.t"), str(opened)) | {"Opened": f"{day} {clock}"}
            told |= dict.fromkeys(("close_time", "data.k.T"), str(opened + 86_399_999))
            told |= {"data.k.s": told["symbol"], "created_at": f"{day}T{clock}.000Z"}
            if name == "bitcoin_tweets":
                told["date"] = f"Thu Jan {day[-2:]} {clock} +0000 2020"
            if name == "crypto_prices" or layout.name == "utc_39":
                told |= {"date": f"{day} {clock}", "Date": f"{day} {clock}"}
            records.append({column: text for column, text in told.items() if column in layout.columns})
        kept = pl.DataFrame([fate for fate in fates(source, layout, records) if isinstance(fate, dict)])
        assert kept.height > 0
        by_key = kept.unique(source.key, maintain_order=True)
        assert by_key.select(pl.struct(*GRAIN[name][1]).n_unique()).item() == by_key.height


def candle(time: datetime, symbol: str = "TST") -> str:
    return f"1,Testcoin,{symbol},{time:%Y-%m-%d %H:%M:%S},2,1,1.5,1.5,100,1000\n"


def test_hours_among_days_are_set_aside_and_a_file_of_hours_is_set_aside_whole(lake: Lake):
    first = datetime(2021, 1, 1, 23, 59, 59, tzinfo=UTC)
    days = [candle(first + timedelta(days=n)) for n in range(40)]
    hours = [candle(datetime(2021, 1, 1, hour, tzinfo=UTC)) for hour in range(5)]
    folder = Path(lake.settings.lake) / "raw" / "crypto_prices"
    folder.mkdir(parents=True)
    (folder / "some.csv").write_text(HEADER + "".join(days + hours))
    (folder / "hourly.csv").write_text(
        HEADER + "".join(candle(datetime(2022, 1, 1, hour, 59, 59, tzinfo=UTC)) for hour in range(24))
    )

    found = load(lake, SOURCES["crypto_prices"])

    assert (found["some.csv"]["rows_valid"], found["some.csv"]["rows_quarantined"]) == (40, 5)
    assert found["hourly.csv"]["status"] == Status.QUARANTINED
    assert "event_ts:close_of_the_utc_day (23)" in found["hourly.csv"]["reason"]


def test_keys_with_invisible_characters_are_one_key_and_counted(lake: Lake):
    """No-break space, byte order mark, zero-width space, tab: all of them are BM, in the same batch and in a later one."""
    folder = Path(lake.settings.lake) / "raw" / "crypto_prices"
    folder.mkdir(parents=True)
    time = datetime(2021, 1, 1, 23, 59, 59, tzinfo=UTC)
    spellings = ["BM", "BM\u00a0", "\ufeffBM", "\u200bBM", "BM\t"]
    (folder / "one.csv").write_text(HEADER + "".join(candle(time, symbol) for symbol in spellings))
    found = load(lake, SOURCES["crypto_prices"])
    (folder / "two.csv").write_text(HEADER + candle(time, "BM\u2060") + candle(time + timedelta(days=1), "\u00a0"))
    found = load(lake, SOURCES["crypto_prices"])

    rows = lake.tables.scan("market.crypto_prices")
    assert rows is not None
    assert rows.collect()["symbol"].to_list() == ["BM"]
    one, two = found["one.csv"], found["two.csv"]
    assert (one["rows_read"], one["rows_quarantined"], one["rows_warned"]) == (5, 0, 4)
    assert (two["rows_read"], two["rows_quarantined"], two["rows_warned"]) == (2, 1, 1)
    assert one["rows_valid"] + two["rows_valid"] == 1
    assert file_entries.open_entries(lake.tables, "crypto_prices").is_empty()
