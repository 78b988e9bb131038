"""`/accounts` as it is seen: on a desk and on a phone, light and dark, with simulated accounts and with none; and its files.

Screenshots are kept in pytest's folder of the module's run, `accounts*/`.
"""

import io
from collections.abc import Iterator
from contextlib import ExitStack

import httpx
import polars as pl
import pytest

from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.metrics import METRICS
from cryptodudez_assets.metrics.asking import ask
from cryptodudez_assets.settings import Settings
from cryptodudez_assets_tests.browsing import SCREENS, looks_right, needs_chromium
from cryptodudez_assets_tests.servers import serve
from serving.app import create_app

pytestmark = [pytest.mark.servers, needs_chromium]

N_CHARTS = {"filled": 12, "empty": 0}
"""A chart of each metric, and of volume one for each of the six currencies with the most deposits."""


@pytest.fixture(scope="module")
def urls(exported: Lake, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A server over simulated accounts, and one over an empty home."""
    homes = {"filled": exported.settings, "empty": Settings(home=tmp_path_factory.mktemp("empty"))}
    with ExitStack() as running:
        yield {name: running.enter_context(serve(create_app(home, only_here=True))) for name, home in homes.items()}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize("state", N_CHARTS)
def test_it_looks_right(urls, browser, shots, state: str, screen: str, scheme: str):
    with looks_right(browser, urls[state], screen, scheme, shots / state, "/accounts?span=quarter") as page:
        assert page.get_by_text("No such users exist").is_visible() == (state == "filled")
        charts = page.get_by_role("img").all()
        assert len(charts) == N_CHARTS[state]
        assert all(" by day from " in (chart.get_attribute("aria-label") or "") for chart in charts)


def test_it_can_be_heard_read_as_a_table_and_reached(urls, browser):
    page = browser.new_page(viewport={"width": 390, "height": 844}, java_script_enabled=False)
    page.goto(urls["filled"])
    page.get_by_role("link", name="Accounts").click()
    page.get_by_role("link", name="All").click()

    assert page.get_by_role("heading", level=1).inner_text() == "Accounts"
    assert page.get_by_role("heading", level=2).count() == len(METRICS)
    for landmark in ("banner", "main", "contentinfo", "navigation"):
        assert page.get_by_role(landmark).count() == 1
    assert page.locator("table").count() == page.locator("table > caption").count() == N_CHARTS["filled"]
    assert page.get_by_text("There are not two whole months yet to draw: see the table.").count() == N_CHARTS["filled"]
    page.get_by_text("As a table").first.click()
    assert page.get_by_role("table", name="Active users by month").get_by_role("row").count() == 2  # and the header
    page.close()


@pytest.mark.parametrize("name", METRICS)
def test_a_metric_is_a_file_with_all_digits(urls, exported: Lake, name: str):
    got = httpx.get(f"{urls['filled']}/accounts/{name}.csv?span=quarter")
    schema = ask(exported, METRICS[name], ["day", *METRICS[name].always_by]).schema
    told = pl.read_csv(io.StringIO(got.text), schema_overrides={name: schema[name]})

    assert got.headers["content-type"] == "text/csv; charset=utf-8"
    whole = ask(exported, METRICS[name], ["day"])
    if name in ("deposits", "withdrawals", "logins", "volume"):
        assert told[name].sum() == whole[name].sum()
    else:
        assert len(told) >= whole["day"].n_unique() > 1


def test_what_there_is_not_is_told_with_what_there_is(urls):
    for path, told in (
        ("/accounts?span=decade", "there are: quarter, year, all"),
        ("/accounts/volume.csv?span=", "there are: quarter, year, all"),
        ("/accounts/users.csv", "there are: active_users.csv, "),
        ("/accounts/volume", "there are: active_users.csv, "),
    ):
        got = httpx.get(f"{urls['filled']}{path}")
        assert (got.status_code, told in got.json()["detail"]) == (404, True)
    assert httpx.get(f"{urls['empty']}/accounts/volume.csv").status_code == 404
