"""The study of trends on the real archives, through Dagster: how many tests there are, and what stands up to their number."""

from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from cryptodudez_assets.lake import pages
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.products.trends import REPORT, TRENDS
from cryptodudez_assets.settings import Settings
from cryptodudez_assets.studies.trends.study import LEADING, TWEETS
from cryptodudez_assets_tests.builders import open_lake, rows_of
from cryptodudez_assets_tests.real_studies import FINDINGS, OF_TRENDS, compute, materialise
from cryptodudez_assets_tests.rig import checks_of, metadata_of

KEY = dg.AssetKey(["studies", "trends"])


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    return open_lake(Settings(home=tmp_path_factory.mktemp("home"), settle_seconds=0))


@pytest.fixture(scope="module")
def run(real_data: Path, lake: Lake) -> dg.ExecuteInProcessResult:
    """The archives taken in, the features computed, the study's asset materialised."""
    compute(lake, real_data / "teraflow", OF_TRENDS)
    return materialise(lake, KEY, OF_TRENDS)


def test_no_trend_of_tweets_stands_up_to_the_number_of_tests(run: dg.ExecuteInProcessResult, lake: Lake) -> None:
    tests = rows_of(lake, TRENDS.name).filter(family=TWEETS)
    assert len(tests) == 11_464
    assert (tests["p"] < 0.01).sum() == pytest.approx(163, abs=5), "chance alone gives 115"
    assert tests.filter(pl.col("q") < 0.2).is_empty()
    assert tests.filter(market="coin")["symbol"].n_unique() + tests.filter(market="stock")["symbol"].n_unique() == 74
    both = tests.drop_nulls("correlation_later")
    assert float((both["correlation"].sign() == both["correlation_later"].sign()).mean()) < 0.52  # type: ignore[arg-type]


def test_coins_turn_with_the_leading_one_and_nobody_leads(run: dg.ExecuteInProcessResult, lake: Lake) -> None:
    rows = rows_of(lake, TRENDS.name).filter(family=LEADING)
    same_day, tests = rows.filter(lead=0), rows.filter(pl.col("lead") != 0)
    assert (len(tests), (tests["p"] < 0.01).sum()) == (438, pytest.approx(35, abs=2))
    assert same_day.filter(market="coin")["correlation"].median() == pytest.approx(0.57, abs=0.01)
    assert same_day.filter(market="stock")["correlation"].median() == pytest.approx(0.21, abs=0.01)
    found = tests.filter(pl.col("q") <= 0.2)
    assert len(found) == pytest.approx(49, abs=3)
    assert found.filter(pl.col("lead") > 0).height > 0 < found.filter(pl.col("lead") < 0).height, "both ways"
    assert metadata_of(run, KEY)["leader_held_up"] == 0


def test_the_asset_and_its_report_say_so(run: dg.ExecuteInProcessResult, lake: Lake) -> None:
    shown = metadata_of(run, KEY)
    assert checks_of(run)["contract"].passed
    assert (shown["tweets_tests"], shown["tweets_candidates"]) == (11_464, 0)
    assert shown["words"] in FINDINGS.read_text(encoding="utf-8"), "python docs/findings_made.py ARCHIVES"
    assert shown["report_file"] == pages.place(lake, REPORT)
    html = pages.read(lake.store, REPORT)
    assert html.count("<svg") == html.count("</svg>") == 3
    assert "Of 11,464 tests of tweets and prices" in html
    assert "no trend was found" in html
