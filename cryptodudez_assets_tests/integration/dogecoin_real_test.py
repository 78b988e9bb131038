"""The dogecoin study on the real archives, through Dagster, against what was measured independently on the same bytes.

All targets are met to their last digit but one: corr(frequency, return of the next day) is 0.195, which the target rounds to
0.20. Which windows they belong to: the model is of the 180 days that end 11 days before the event. If it reached up to the day
before, the jump of that very day would raise the deviation to 2.9 %; if it ended two days before, the sum of the days [0, +3]
would be 26.8 %. That sum holds the fall of day +3 (-4.1 %): 2.6 + 11.6 + 16.6 - 4.1 = 26.7. The largest other window, 16.9 %
from 2 July, is the largest that keeps away from the day before too; the four days up to that day sum to 17.3 %.
The numbers of 2021 were measured with the beta of 2019 and without alpha; the study itself uses the days before each day.
"""

from html.parser import HTMLParser
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from cryptodudez_assets.lake import pages
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.products.dogecoin import DOGECOIN, REPORT
from cryptodudez_assets.settings import Settings
from cryptodudez_assets_tests.builders import open_lake
from cryptodudez_assets_tests.real_studies import FINDINGS, OF_DOGECOIN, compute, materialise
from cryptodudez_assets_tests.rig import checks_of, metadata_of

KEY = dg.AssetKey(["studies", "dogecoin"])
SOURCES = ("crypto_prices", "elon_tweets")


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    return open_lake(Settings(home=tmp_path_factory.mktemp("home"), settle_seconds=0))


@pytest.fixture(scope="module")
def run(real_data: Path, lake: Lake) -> dg.ExecuteInProcessResult:
    """The archives taken in, the features computed, the study's asset materialised."""
    compute(lake, real_data / "teraflow", OF_DOGECOIN, SOURCES)
    return materialise(lake, KEY, OF_DOGECOIN)


@pytest.fixture(scope="module")
def rows(run: dg.ExecuteInProcessResult, lake: Lake) -> pl.DataFrame:
    found = lake.tables.scan(DOGECOIN.name)
    assert found is not None
    return found.collect()


def _one(rows: pl.DataFrame, measure: str, window: str = "") -> dict[str, float]:
    found = rows.filter(pl.col("term").is_in(["dogecoin", ""]), measure=measure, period="2019")
    return next(row for row in found.iter_rows(named=True) if window in ("", row["window"]))


def test_there_is_one_event(rows: pl.DataFrame):
    assert (_one(rows, "events")["value"], _one(rows, "event days")["value"]) == (1, 1)
    assert _one(rows, "tweets", "2019-04-02")["value"] == 4


def test_the_market_model(rows: pl.DataFrame):
    assert _one(rows, "beta on BTC")["value"] == pytest.approx(0.66, abs=0.005)
    assert _one(rows, "residual deviation")["value"] == pytest.approx(0.026, abs=5e-4)
    assert _one(rows, "beta on BTC")["n"] == 180


@pytest.mark.parametrize(
    ("offset", "value", "z"), [("-1", 0.164, 6.2), ("0", 0.026, 1.0), ("+1", 0.116, 4.4), ("+2", 0.166, 6.3)]
)
def test_abnormal_returns(rows: pl.DataFrame, offset: str, value: float, z: float):
    one = _one(rows, "abnormal return", offset)
    assert (one["value"], one["z"]) == (pytest.approx(value, abs=5e-4), pytest.approx(z, abs=0.05))


def test_returns_of_the_day_itself(rows: pl.DataFrame):
    assert _one(rows, "return of DOGE")["value"] == pytest.approx(0.127, abs=5e-4)
    assert _one(rows, "return of BTC")["value"] == pytest.approx(0.160, abs=5e-4)


def test_cumulative_abnormal_return_and_its_placebos(rows: pl.DataFrame):
    one = _one(rows, "cumulative abnormal return", "[0, +3]")
    days = [_one(rows, "abnormal return", offset)["value"] for offset in ("0", "+1", "+2", "+3")]
    assert one["value"] == pytest.approx(0.267, abs=5e-4)
    assert one["value"] == pytest.approx(sum(days))
    assert (one["n"], one["p"]) == (354, pytest.approx(1 / 355))
    assert _one(rows, "highest placebo", "[0, +3]")["value"] == pytest.approx(0.169, abs=5e-4)
    assert _one(rows, "cumulative abnormal return", "[-4, -1]")["value"] == pytest.approx(0.173, abs=5e-4)


@pytest.mark.parametrize(("lead", "value"), [("-1", 0.26), ("0", 0.20), ("+1", 0.20), ("+2", 0.24)])
def test_lead_and_lag(rows: pl.DataFrame, lead: str, value: float):
    one = _one(rows, "correlation with return", lead)
    assert (one["value"], one["n"]) == (pytest.approx(value, abs=0.006), 365)


def test_doge_in_2021_as_it_was_measured(run: dg.ExecuteInProcessResult, lake: Lake):
    crypto, terms = (lake.tables.scan(view.table).filter(pl.col("event_ts").dt.year() == 2021) for view in OF_DOGECOIN)
    doge, btc = (
        crypto.filter(symbol=name).select("event_ts", pl.col("log_return_1d").alias(name)) for name in ("DOGE", "BTC")
    )
    spoken = terms.filter(pl.col("n_tweets") > 0, term="doge").select("event_ts", spoken=True)
    days = doge.join(btc, on="event_ts").join(spoken, on="event_ts", how="left").sort("event_ts").collect()
    until = days.filter(pl.col("event_ts").dt.date() <= pl.date(2021, 7, 5))
    adjusted = until.select(pl.col("spoken").fill_null(False), left=pl.col("DOGE") - 0.66 * pl.col("BTC"))
    with_term, other = (adjusted.filter(spoken=flag)["left"] for flag in (True, False))
    assert len(with_term) == 38
    assert (with_term.mean(), with_term.median()) == (pytest.approx(0.057, abs=5e-4), pytest.approx(0.012, abs=6e-4))
    assert (other.mean(), other.median()) == (pytest.approx(0.011, abs=5e-4), pytest.approx(-0.010, abs=5e-4))
    assert other.std() == pytest.approx(0.178, abs=1e-3)


def test_no_term_stands_up_to_the_number_of_tests(rows: pl.DataFrame):
    tests = rows.filter(measure="difference of means")
    doge = rows.filter(term="doge", period="2021", measure="mean abnormal return with the term").row(0, named=True)
    assert len(tests) == 61
    assert tests["q"].min() > 0.05
    assert doge["n"] == 38
    assert 0 < doge["value"] < 0.08


def test_the_asset_shows_it_and_the_check_passes(run: dg.ExecuteInProcessResult, lake: Lake):
    shown = metadata_of(run, KEY)
    assert checks_of(run)["contract"].passed
    assert shown["car"] == pytest.approx(0.267, abs=5e-4)
    assert "This is one event." in shown["words"]
    assert shown["words"] in FINDINGS.read_text(encoding="utf-8"), "python docs/findings_made.py ARCHIVES"
    assert shown["plot_event"].startswith("![event](data:image/svg+xml;base64,")
    assert shown["report_file"] == pages.place(lake, REPORT)


def test_the_report_says_what_was_found(run: dg.ExecuteInProcessResult, lake: Lake):
    class Text(HTMLParser):
        text, opened = "", 0

        def handle_data(self, data: str) -> None:
            self.text += data

    parser = Text()
    html = pages.read(lake.store, REPORT)
    parser.feed(html)
    text = parser.text.replace("\u00a0", " ")
    assert html.count("<svg") == html.count("</svg>") == 4
    assert "2019 holds one event on one day" in text
    assert "sums to +26.7 % (z = 5.1); of the 354 other windows" in text
    assert "the price moved before the tweets" in text
    assert "Nothing stands up to the number of tests" in text


def test_doing_it_again_changes_nothing(rows: pl.DataFrame, lake: Lake):
    html = pages.read(lake.store, REPORT)
    assert materialise(lake, KEY, OF_DOGECOIN).success
    assert lake.tables.scan(DOGECOIN.name).collect().equals(rows)
    assert pages.read(lake.store, REPORT) == html


def test_it_waits_for_its_inputs(tmp_path: Path):
    empty = open_lake(Settings(home=tmp_path, settle_seconds=0))
    assert not materialise(empty, KEY, OF_DOGECOIN).get_asset_materialization_events()
    assert not pages.is_there(empty, REPORT)
