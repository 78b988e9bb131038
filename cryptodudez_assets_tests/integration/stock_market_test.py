"""Stocks and ETFs: one archive, two tables; what paths tell; names that follow the index; rolling features; exports."""

import zipfile
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from io import BytesIO
from pathlib import Path

import dagster as dg
import pandas as pd
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from cryptodudez_assets.contracts.catalogue import Status
from cryptodudez_assets.defs.build import build_definitions
from cryptodudez_assets.defs.resources import LakeResource
from cryptodudez_assets.derived.upkeep.materialize import Materialized, materialize
from cryptodudez_assets.features.stock_rolling import VIEW, rolling_view
from cryptodudez_assets.lake.exports import export
from cryptodudez_assets.lake.iceberg.scan import planned_files
from cryptodudez_assets.lake.ingest.lookups import bring_up_to_date
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.landing import land
from cryptodudez_assets.lake.quarantine import quarantine
from cryptodudez_assets.lake.quarantine.replay import correct
from cryptodudez_assets.lake.status import status_of, unbalanced_files
from cryptodudez_assets.products.exports import exports_of
from cryptodudez_assets.settings import Settings
from cryptodudez_assets.sources import all_sources
from cryptodudez_assets.sources.stock_market import names as market_names
from cryptodudez_assets_tests.builders import open_lake
from cryptodudez_assets_tests.rig import Rig
from cryptodudez_assets_tests.toy import files, load

MARKET, SYMBOLS = all_sources()["stock_market"], all_sources()["stock_symbols"]
HEADER = "Date,Open,High,Low,Close,Adj Close,Volume\n"
COLUMNS = (
    "Nasdaq Traded,Symbol,Security Name,Listing Exchange,Market Category,ETF,Round Lot Size,Test Issue,Financial Status,"
    "CQS Symbol,NASDAQ Symbol,NextShares\n"
)
AGREED = ["Symbol", "Security Name", "Date", "Open", "High", "Low", "Close", "Adj Close", "Volume"]
FIRST_DAY = date(2019, 12, 2)


def index(**names: str) -> str:
    """An index; of the symbol `AGM_A` Nasdaq writes `AGM-A`."""
    rows = [
        f"Y,{symbol.replace('_', '$')}, {name} ,N, ,N,100.0,N,,,{symbol.replace('_', '-')},N\n"
        for symbol, name in names.items()
    ]
    return COLUMNS + "".join(rows)


def candles(n: int, price: float = 10.0, first: int = 0) -> str:
    """So many days of candles, no two alike."""
    days = range(first, first + n)
    rows = [
        f"{FIRST_DAY + timedelta(days=i)},{price},{price + 2},{price - 1},{price + 1},{price + i % 7},{100 + i * i}.0\n"
        for i in days
    ]
    return HEADER + "".join(rows)


ARCHIVE = {
    "symbols_valid_meta.csv": index(NAN="Nuveen", ON="Onsemi", AGM_A="Farmer Mac"),
    "stocks/NAN.csv": candles(3),
    "stocks/TRUE.csv": candles(3),  # the same bytes, and not in the index
    "stocks/AGM-A.csv": candles(2, 20),
    "etfs/ON.csv": candles(2, 30),
}


def zipped(members: Mapping[str, str]) -> bytes:
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return packed.getvalue()


def put(lake: Lake, name: str, content: str | bytes) -> None:
    path = Path(lake.settings.lake) / "raw" / "stock_market" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


def take_in(lake: Lake) -> None:
    for source in (SYMBOLS, MARKET):
        load(lake, source)


def rows(lake: Lake, table: str = "market.stock_market") -> pl.DataFrame:
    found = lake.tables.scan(table)
    assert found is not None, f"no table {table}"
    return found.sort("symbol", "event_ts").collect()


def names(lake: Lake) -> dict[str, str | None]:
    return dict(rows(lake).select("symbol", "security_name").unique().iter_rows())


@pytest.fixture
def market(lake: Lake) -> Lake:
    """A lake with the small archive."""
    put(lake, "archive.zip", zipped(ARCHIVE))
    take_in(lake)
    return lake


def test_paths_tell_symbol_and_kind_and_the_index_the_names(market: Lake) -> None:
    told = rows(market).select("symbol", "kind", "security_name").unique().sort("symbol").rows()
    assert told == [
        ("AGM-A", "stock", "Farmer Mac"),
        ("NAN", "stock", "Nuveen"),
        ("ON", "etf", "Onsemi"),
        ("TRUE", "stock", None),
    ]
    assert rows(market)["volume"].to_list()[:2] == [100, 101]
    assert status_of(market, "stock_market").warned == 3  # the rows without a name
    assert unbalanced_files(market, MARKET).is_empty()


def test_each_source_of_a_shared_folder_ignores_what_is_the_other_s(market: Lake) -> None:
    told = {name: entry["reason"] for name, entry in files(market, MARKET).items() if entry["status"] == Status.IGNORED}
    assert told == {"symbols_valid_meta.csv": "belongs to stock_symbols"}
    told = {
        name: entry["reason"] for name, entry in files(market, SYMBOLS).items() if entry["status"] == Status.IGNORED
    }
    assert told == dict.fromkeys(ARCHIVE.keys() - {"symbols_valid_meta.csv"}, "belongs to stock_market")


def test_what_neither_knows_is_set_aside_once(lake: Lake) -> None:
    put(lake, "readme.csv", "what,is,this\n1,2,3\n")
    take_in(lake)
    assert quarantine.files_of(lake.tables).collect()["source"].to_list() == ["stock_market"]


def test_loose_files_are_the_same_as_the_archive(market: Lake, tmp_path: Path) -> None:
    loose = open_lake(Settings(home=tmp_path / "loose", settle_seconds=0))
    for name, text in ARCHIVE.items():
        put(loose, f"2026-01-01/{name}", text)
    take_in(loose)
    assert_frame_equal(rows(loose), rows(market))


def test_landed_folders_and_single_files_keep_what_their_paths_tell(
    lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, text in ARCHIVE.items():
        path = tmp_path / "desk" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    desk = tmp_path / "desk"
    landed = list(
        land(lake, "stock_market", [desk / "stocks", desk / "etfs" / "ON.csv", desk / "symbols_valid_meta.csv"])
    )
    assert not any(one.already_there for one in landed)
    take_in(lake)
    assert set(names(lake)) == {"AGM-A", "NAN", "ON", "TRUE"}
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    monkeypatch.setattr("cryptodudez_assets.lake.landing.now", lambda: tomorrow)  # under other names, that is
    for source in ("stock_market", "stock_symbols"):  # they share their raw files
        assert all(one.already_there for one in land(lake, source, [desk / "stocks", desk / "symbols_valid_meta.csv"]))


def test_a_file_whose_path_tells_nothing_is_set_aside_with_the_reason(lake: Lake) -> None:
    put(lake, "A.csv", candles(2))
    take_in(lake)
    (reason,) = quarantine.files_of(lake.tables).collect()["reason"]
    assert "its path does not say" in reason
    assert "expected a path that ends in <stocks or etfs>/<symbol>.csv, found" in reason


def test_a_corrected_copy_keeps_what_the_path_told(lake: Lake, tmp_path: Path) -> None:
    put(lake, "etfs/A.csv", candles(2) + "2020-01-01,,,,,,\n")
    take_in(lake)
    (edited := tmp_path / "mine.csv").write_text(candles(3))
    correct(lake, MARKET, files(lake, MARKET)["etfs/A.csv"]["file_id"], edited)
    take_in(lake)
    assert rows(lake).select("symbol", "kind").unique().rows() == [("A", "etf")]
    assert len(rows(lake)) == 3


def test_dirt(lake: Lake) -> None:
    dirty = [
        "2020-01-01,,,,,,",
        "2020-01-02,10,10,10,0,10,5",
        "2020-01-03,10,9,10,9.5,10,5",
        "2020-01-06,0,10,9,10.005,10,5.0",
        "2020-01-07,0,10,9,9.5,-1,0",
    ]
    put(lake, "stocks/A.csv", candles(5) + "\n".join([*dirty, ""]))
    take_in(lake)
    rejected = quarantine.rows_of(lake.tables, "stock_market").sort("line").collect()
    assert [" ".join(rules) for rules in rejected["rules"]] == [
        "high:missing low:missing close:missing adj_close:missing volume:missing",
        "close:greater_than low_too_high",
        "high_too_low low_too_high",
    ]
    late = rows(lake).filter(pl.col("date") >= date(2020, 1, 6))
    assert late["open"].to_list() == [None, None]


def test_names_follow_the_index_and_only_files_that_differ_are_rewritten(lake: Lake) -> None:
    put(lake, "stocks/OLD.csv", candles(40))
    take_in(lake)
    put(lake, "stocks/NEW.csv", candles(5, first=60))
    take_in(lake)
    assert names(lake) == {"OLD": None, "NEW": None}
    assert status_of(lake, "stock_market").warned == 45
    put(lake, "first/symbols_valid_meta.csv", index(OLD="Old"))
    take_in(lake)
    assert names(lake) == {"OLD": "Old", "NEW": None}
    assert status_of(lake, "stock_market").warned == 5
    table = lake.tables.table("market.stock_market")
    assert table is not None
    before = set(planned_files(table))

    put(lake, "second/symbols_valid_meta.csv", index(OLD="Old", NEW="New"))
    take_in(lake)

    assert names(lake) == {"OLD": "Old", "NEW": "New"}
    assert status_of(lake, "stock_market").warned == 0
    table = lake.tables.table("market.stock_market")
    assert table is not None
    kept = before & set(planned_files(table))
    assert len(kept) == 1, "one file has nothing of NEW"
    assert unbalanced_files(lake, MARKET).is_empty()


def test_names_follow_the_code_that_reads_the_index(lake: Lake) -> None:
    put(lake, "archive.zip", zipped(ARCHIVE))
    take_in(lake)
    assert names(lake)["NAN"] == "Nuveen"

    def shouted(rows: pl.LazyFrame) -> pl.LazyFrame:
        return market_names(rows).with_columns(pl.col("security_name").str.to_uppercase())

    assert MARKET.lookup is not None
    other = replace(MARKET, lookup=replace(MARKET.lookup, values=shouted))
    assert bring_up_to_date(lake, MARKET) == 0
    assert bring_up_to_date(lake, other) > 0
    assert names(lake)["NAN"] == "NUVEEN"


def test_features_of_a_table_that_nothing_came_into_say_so(lake: Lake) -> None:
    put(lake, "stocks/A.csv", HEADER + "2020-01-01,x,,,,,\n" * 50)
    take_in(lake)
    with pytest.raises(LookupError, match="land something"):
        materialize(lake, VIEW)
    assert lake.tables.table(VIEW.table) is None


def test_a_change_of_the_index_is_followed_in_dagster(lake: Lake) -> None:
    rig = Rig(lake, [MARKET, SYMBOLS])
    put(lake, "archive.zip", zipped(ARCHIVE))
    assert rig.ingest().success
    assert set(names(lake).values()) == {None}

    symbols = [dg.AssetKey(["catalog", "files", "stock_symbols"]), dg.AssetKey(["market", "stock_symbols"])]
    symbols += [dg.AssetKey(["quarantine", "rows", "stock_symbols"])]
    assert rig.materialize(symbols).success
    requested = rig.what_follows()

    assert dg.AssetKey(["market", "stock_market"]) in requested
    table = {dg.AssetKey(["market", "stock_market"]), dg.AssetKey(["quarantine", "rows", "stock_market"])}
    assert rig.materialize(table).success
    assert names(lake)["NAN"] == "Nuveen"


def rolled(lake: Lake) -> Materialized:
    return materialize(lake, VIEW)


def test_rolling_features_are_those_of_pandas(lake: Lake) -> None:
    put(lake, "stocks/A.csv", candles(70))
    put(lake, "etfs/B.csv", candles(29, 40))
    take_in(lake)
    assert rolled(lake).rows == 99
    found = rows(lake, VIEW.table)
    by_symbol = rows(lake).to_pandas().groupby("symbol")
    mean, median = by_symbol["volume"].rolling(30).mean(), by_symbol["adj_close"].rolling(30).median()
    pd.testing.assert_series_equal(found["vol_moving_avg"].to_pandas(), mean, rtol=1e-9, **LOOSE)
    pd.testing.assert_series_equal(found["adj_close_rolling_med"].to_pandas(), median, rtol=1e-9, **LOOSE)
    assert found.filter(symbol="B")["vol_moving_avg"].null_count() == 29


LOOSE = {"check_index": False, "check_names": False}


def test_one_more_day_computes_only_what_changed(lake: Lake, tmp_path: Path) -> None:
    put(lake, "stocks/A.csv", candles(70))
    put(lake, "stocks/B.csv", candles(70, 40))
    put(lake, "stocks/RARE.csv", candles(35).replace("2020", "2015").replace("2019", "2014"))  # not traded for years
    take_in(lake)
    rolled(lake)
    put(lake, "more/stocks/A.csv", candles(1, first=70))
    put(lake, "more/stocks/RARE.csv", candles(1, first=71))
    take_in(lake)

    done = rolled(lake)

    assert done.rows == 2
    assert done.reach is not None
    assert sorted(done.reach.keys["symbol"]) == ["A", "RARE"]  # type: ignore[index]
    stepwise = rows(lake, VIEW.table)
    materialize(lake, VIEW, full=True)
    assert_frame_equal(stepwise, rows(lake, VIEW.table), check_exact=True)
    assert rolled(lake).rows == 0


def test_a_file_that_grew_by_a_day_computes_that_day(lake: Lake) -> None:
    put(lake, "stocks/A.csv", candles(70))
    take_in(lake)
    rolled(lake)
    for size in (71, 72, 73):
        put(lake, "stocks/A.csv", candles(size))
        take_in(lake)
        assert rolled(lake).rows == 1
    assert len(rows(lake, VIEW.table)) == 73


def test_the_file_that_reaches_further_wins_whatever_order_they_land_in(tmp_path: Path) -> None:
    """A later archive has a full last day, and prices adjusted anew."""
    texts = {"older": candles(10), "newer": candles(10, 20) + candles(1, 20, first=10).removeprefix(HEADER)}
    for order in (["older", "newer"], ["newer", "older"]):
        lake = open_lake(Settings(home=tmp_path / order[0], settle_seconds=0))
        for name in order:
            put(lake, f"{name}/stocks/A.csv", texts[name])
            take_in(lake)
        assert set(rows(lake)["close"]) == {21.0}
        assert status_of(lake, "stock_market").duplicate == 10
        assert unbalanced_files(lake, MARKET).is_empty()


def test_a_window_of_calendar_days(lake: Lake) -> None:
    put(lake, "stocks/A.csv", candles(40))
    take_in(lake)
    done = materialize(lake, rolling_view(calendar_days=20))
    found = rows(lake, VIEW.table)
    assert done.rows == 40
    assert found["vol_moving_avg"].null_count() == 14
    assert found["vol_moving_avg"][-1] == rows(lake)["volume"].tail(20).mean()
    assert found["adj_close_rolling_med"][-1] == rows(lake)["adj_close"].tail(20).median()


def test_rolling_features_are_a_stage_and_a_folder_of_their_own(market: Lake) -> None:
    put(market, "more/stocks/LONG.csv", candles(31))
    take_in(market)
    definitions = build_definitions([MARKET, SYMBOLS], [VIEW], LakeResource(home=str(market.settings.home)))
    job = definitions.resolve_implicit_global_asset_job_def()
    with dg.DagsterInstance.ephemeral() as instance:
        for stage in ("features", "exports"):
            assert not (market.settings.home / "exports" / "stock_rolling").exists()
            asset = dg.AssetKey([stage, "stock_rolling"])
            assert job.execute_in_process(instance=instance, asset_selection=[asset]).success
    (path,) = (market.settings.home / "exports" / "stock_rolling").iterdir()
    written = pl.read_parquet(path)
    assert written.columns == [*AGREED, "vol_moving_avg", "adj_close_rolling_med"]
    assert len(written) == len(rows(market))
    averages = written.filter(Symbol="LONG")["vol_moving_avg"].to_list()
    assert averages[:29] == [None] * 29
    assert averages[29:] == [100 + sum(i * i for i in range(first, first + 30)) / 30 for first in (0, 1)]


def test_exports_have_the_agreed_columns_and_are_written_whole_or_not_at_all(market: Lake) -> None:
    rolled(market)
    rig = Rig(market, [MARKET, SYMBOLS])
    assert rig.materialize([dg.AssetKey(["exports", "stock_market"])]).success
    (one,) = exports_of([MARKET], [])
    path = Path(one.place(market))
    written = pl.read_parquet(path)
    assert written.columns == AGREED
    assert written.row(0) == ("AGM-A", "Farmer Mac", "2019-12-02", 20.0, 22.0, 19.0, 21.0, 20.0, 100)
    assert written.schema["Volume"] == pl.Int64
    assert {str(written.schema[name]) for name in written.columns[3:-1]} == {"Float64"}

    broken = {"Symbol": "symbol", "Date": "no such column"}
    with pytest.raises(KeyError):
        export(market, "market.stock_market", broken, ["symbol", "date"], one.key)
    with pytest.raises(pl.exceptions.ColumnNotFoundError):  # found while it is written
        export(market, "market.stock_market", one.columns, ["symbol", "no such column"], one.key)

    assert pl.read_parquet(path).equals(written)
    assert [one.name for one in path.parent.iterdir()] == [path.name]
