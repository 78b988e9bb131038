"""The pages behind the first as they are seen: on a desk and on a phone, light and dark; and what a browser loads of the first."""

import io
from collections.abc import Iterator

import pytest
from litestar import Litestar

from cryptodudez_assets.declared_models import all_models
from cryptodudez_assets.settings import Settings
from cryptodudez_assets.sources import all_sources
from cryptodudez_assets_tests.browsing import SCREENS, looks_right, needs_chromium
from cryptodudez_assets_tests.builders import open_lake, take_in
from cryptodudez_assets_tests.dashboard_states import skilled
from cryptodudez_assets_tests.ether import ETHER
from cryptodudez_assets_tests.servers import serve
from serving.dashboard import dashboard

pytestmark = [pytest.mark.servers, needs_chromium]

PAGES = {"market": "Days of ETH", "data": "Set aside, by rule and day", "models": "eth_signal-1", "system": "System"}
MOST_BYTES = 200_000
BAD = b"SNo,Name,Symbol,Date,High,Low,Open,Close,Volume,Marketcap\nbanana,,,garbage\n"


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server over a home with prices, a model and a line that was set aside; nobody answers for Dagster."""
    settings = Settings(home=tmp_path_factory.mktemp("home"), dagster_url="http://127.0.0.1:9")
    lake = open_lake(settings)
    lake.store.write("raw/crypto_prices/a.csv", io.BytesIO(BAD))
    take_in(lake, all_sources()["crypto_prices"])
    today = skilled(lake)
    with serve(Litestar([dashboard(settings, {ETHER: lambda: today}, all_models().values())])) as url:
        yield url


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize("name", PAGES)
def test_it_looks_right(url, browser, shots, name: str, screen: str, scheme: str):
    with looks_right(browser, url, screen, scheme, shots / name, f"/{name}") as page:
        assert page.get_by_role("heading", name=PAGES[name]).is_visible()
        assert page.get_by_role("navigation").get_by_role("link", name=name.capitalize()).get_attribute("aria-current")


def test_decision_and_chart_are_drawn_of_few_bytes_and_one_script(url, browser):
    page = browser.new_page(viewport={"width": 390, "height": 844})
    network = page.context.new_cdp_session(page)
    network.send("Network.enable")
    sizes, scripts = [], []
    network.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
    network.on("Network.responseReceived", lambda event: scripts.append(event) if event["type"] == "Script" else None)
    page.goto(url, wait_until="networkidle")

    assert page.locator("figure.prices .chart:visible").count() == 1
    assert len(scripts) == 1
    assert 10_000 < sum(sizes) <= MOST_BYTES
    page.close()


def test_without_scripts_every_page_is_reached_and_a_coin_is_chosen(url, browser):
    context = browser.new_context(java_script_enabled=False, viewport={"width": 390, "height": 844})
    page = context.new_page()
    page.goto(url)
    for name in PAGES:
        page.get_by_role("navigation").get_by_role("link", name=name.capitalize()).click()
        assert page.url == f"{url}/{name}"
    page.get_by_role("link", name="Market").click()
    page.get_by_role("link", name="1M").click()
    assert page.locator("figure.prices .chart:visible").get_attribute("aria-label").startswith("Price of ETH from ")
    assert page.get_by_role("table", name="Days of ETH").get_by_role("row").count() == 21
    page.get_by_text("The SQL behind it").last.click()
    assert "--param coin=ETH" in page.locator("details[open]").inner_text()
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").last.click()
    assert len(download.value.path().read_text().splitlines()) == 32
    context.close()
