"""The real archives, from raw bytes to tables: what is true of them was found by two other readings of the same bytes."""

from collections.abc import Callable, Sequence
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from cryptodudez_assets.contracts.catalogue import Status
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.status import status_of, unbalanced_files
from cryptodudez_assets.sources import all_sources
from cryptodudez_assets_tests.builders import INCIDENTAL, open_lake, put, rows_of
from cryptodudez_assets_tests.stores import Store
from cryptodudez_assets_tests.toy import counts, files, load, rejected, table

GOOD_ROWS = {
    "ETH": 2159, "DOGE": 2760, "BTC": 2991, "LTC": 2991, "XRP": 2893, "XMR": 2602, "XLM": 2527, "USDT": 2318, "XEM": 2288, "MIOTA": 1484,
    "EOS": 1466, "BNB": 1442, "TRX": 1392, "LINK": 1385, "ADA": 1374, "USDC": 1002, "CRO": 935, "WBTC": 888, "ATOM": 845, "SOL": 452,
    "DOT": 320, "UNI": 292, "AAVE": 275,
}  # fmt: skip
NO_VOLUME = {"BTC": 242, "LTC": 242, "XRP": 144, "DOGE": 11, "AAVE": 1}
TWEETS = dict(zip(range(2010, 2021), [1, 42, 272, 422, 188, 328, 753, 1161, 2288, 2932, 3330], strict=True))
BAD_TWEETS = {448, 895, 1200, 1831, 2228, 2696, 2697, 3082, 3117}
CRYPTO, ELON, STOCKS = (all_sources()[name] for name in ("crypto_prices", "elon_tweets", "stock_prices"))
NEW, OLD = "elon_musk_tweets.zip", "elon_musk_tweets_2010_2019.zip"
ARCHIVES = {
    "crypto_prices": ["cryptocurrency_historical_prices.zip"],
    "elon_tweets": [OLD, NEW],
    "stock_prices": ["stock_prices_2020_2021.zip"],
}

pytestmark = pytest.mark.every_store

Land = Callable[..., Lake]


@pytest.fixture(scope="module")
def land(store: Store, real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Land:
    """A new lake in which these archives were landed, one run for each group."""

    def bring(source: str, runs: Sequence[Sequence[str]], store: Store = store) -> Lake:
        lake = open_lake(store.settings(tmp_path_factory.mktemp("home")))
        for archives in runs:
            for name in archives:
                put(lake, name, (real_data / "teraflow" / name).read_bytes(), all_sources()[source])
            load(lake, all_sources()[source])
        return lake

    return bring


def totals(lake: Lake, source: str) -> tuple[int, int, int, int]:
    told = status_of(lake, source)
    return told.read, told.valid, told.quarantined, told.duplicate


@pytest.fixture(scope="module")
def crypto(land: Land) -> Lake:
    return land("crypto_prices", [["cryptocurrency_historical_prices.zip"]])


def test_every_entry_is_catalogued(crypto: Lake) -> None:
    found = [entry["status"] for entry in files(crypto, CRYPTO).values()]
    assert {status: found.count(status) for status in set(found)} == {
        Status.EXPANDED: 1,
        Status.LOADED: 23,
        Status.IGNORED: 6,
    }


def test_rows_add_up(crypto: Lake) -> None:
    assert totals(crypto, "crypto_prices") == (37_083, 37_081, 2, 0)
    assert unbalanced_files(crypto, CRYPTO).is_empty()


def test_the_two_malformed_rows_of_ethereum_are_in_quarantine(crypto: Lake) -> None:
    found = files(crypto, CRYPTO)
    ethereum = next(entry for name, entry in found.items() if name.endswith("/coin_Ethereum.csv"))
    assert counts(ethereum) == (2161, 2159, 2, 0)
    assert rejected(crypto, ethereum).keys() == {1129, 2162}


def test_every_coin_has_its_rows(crypto: Lake) -> None:
    assert dict(table(crypto, CRYPTO)["symbol"].value_counts().iter_rows()) == GOOD_ROWS


def test_what_was_not_recorded_is_null(crypto: Lake) -> None:
    rows = table(crypto, CRYPTO)
    assert rows["market_cap"].null_count() == 331
    assert dict(rows.filter(pl.col("volume").is_null())["symbol"].value_counts().iter_rows()) == NO_VOLUME


def test_the_same_bytes_under_another_name_add_nothing(crypto: Lake, real_data: Path) -> None:
    put(crypto, "again.zip", (real_data / "teraflow" / "cryptocurrency_historical_prices.zip").read_bytes(), CRYPTO)
    assert load(crypto, CRYPTO)["again.zip"]["status"] == Status.DUPLICATE
    assert totals(crypto, "crypto_prices") == (37_083, 37_081, 2, 0)
    assert len(table(crypto, CRYPTO)) == 37_081


def test_nine_records_are_in_quarantine_and_the_tweets_are_all_there(land: Land) -> None:
    lake = land("elon_tweets", [[NEW]])
    assert totals(lake, "elon_tweets") == (14_833, 14_824, 9, 0)
    newest = next(entry for name, entry in files(lake, ELON).items() if name.endswith("/2021.csv"))
    assert rejected(lake, newest).keys() == BAD_TWEETS
    years = table(lake, ELON)["event_ts"].dt.year().value_counts()
    assert dict(years.iter_rows()) == TWEETS | {2021: 3107}


def test_older_observations_change_no_tweet_whatever_the_order_of_landing(land: Land) -> None:
    lakes = [land("elon_tweets", runs) for runs in ([[NEW], [OLD]], [[OLD], [NEW]], [[OLD, NEW]])]
    for lake in lakes:
        assert totals(lake, "elon_tweets") == (33_851, 14_824, 9, 19_018)
        assert unbalanced_files(lake, ELON).is_empty()
        observations = lake.tables.scan("social.elon_tweet_observations")
        assert observations is not None
        assert observations.select(pl.len()).collect().item() == 33_842
    first, *others = [table(lake, ELON).drop("known_ts") for lake in lakes]  # which is when they landed
    assert all(other.equals(first) for other in others)
    assert dict(first["event_ts"].dt.year().value_counts().iter_rows()) == TWEETS | {2021: 3107}


def test_stock_prices_are_all_there(land: Land) -> None:
    lake = land("stock_prices", [["stock_prices_2020_2021.zip"]])
    rows = table(lake, STOCKS)
    assert totals(lake, "stock_prices") == (26_443, 26_443, 0, 0)
    assert (len(rows), rows["symbol"].n_unique()) == (26_443, 53)
    assert (str(rows["date"].min()), str(rows["date"].max())) == ("2020-01-02", "2021-12-31")


@pytest.mark.parametrize("source", ARCHIVES)
def test_rows_are_those_of_a_lake_in_a_folder_column_by_column(land: Land, source: str) -> None:
    here, plain = land(source, [ARCHIVES[source]]), land(source, [ARCHIVES[source]], Store())
    for name in filter(None, (all_sources()[source].table, all_sources()[source].observations)):
        ours, theirs = (rows_of(lake, name).drop(INCIDENTAL, strict=False) for lake in (here, plain))
        by = ["file_id", "file_row"]
        assert_frame_equal(ours.sort(by), theirs.sort(by))
