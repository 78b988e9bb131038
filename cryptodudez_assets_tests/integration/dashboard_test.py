"""The dashboard as it is seen: in a real browser, on a desk and on a phone, light and dark, in three states of the platform.

Screenshots are kept in pytest's folder of the module's run, `dashboard*/`.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path

import pytest
from litestar import Litestar

from cryptodudez_assets.settings import Settings
from cryptodudez_assets_tests.browsing import SCREENS, looks_right, needs_chromium
from cryptodudez_assets_tests.builders import open_lake
from cryptodudez_assets_tests.dashboard_states import skilled, unskilled
from cryptodudez_assets_tests.ether import ETHER
from cryptodudez_assets_tests.servers import serve
from serving.dashboard import dashboard

pytestmark = needs_chromium

STATES = {"skilled": skilled, "unskilled": unskilled, "empty": lambda lake: None}
SAID = {"skilled": "BUY", "unskilled": "HODL", "empty": "No decision yet"}


@pytest.fixture(scope="module")
def urls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A server for each state."""
    with ExitStack() as running:
        urls = {}
        for name, prepare in STATES.items():
            settings = Settings(home=tmp_path_factory.mktemp(name))
            today = prepare(open_lake(settings))
            urls[name] = running.enter_context(
                serve(Litestar([dashboard(settings, {ETHER: lambda today=today: today})]))
            )
        yield urls


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize("state", STATES)
def test_it_looks_right(urls, browser, shots, state: str, screen: str, scheme: str):
    with looks_right(browser, urls[state], screen, scheme, shots / state) as page:
        answer = page.get_by_role("heading", level=1)
        assert answer.inner_text().endswith(SAID[state])
        box = answer.bounding_box()
        assert box is not None
        assert box["y"] + box["height"] < SCREENS[screen][1] * 0.6
        if state != "empty":  # the picture is on the first screen, too
            drawn = page.locator("figure.prices .chart:visible").bounding_box()
            assert drawn["y"] + drawn["height"] < SCREENS[screen][1]


@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize("state", STATES)
def test_it_can_be_heard(urls, browser, state: str, screen: str):
    width, height = SCREENS[screen]
    page = browser.new_page(viewport={"width": width, "height": height})
    page.goto(urls[state])

    assert page.locator("html").get_attribute("lang") == "en"
    for landmark in ("banner", "main", "contentinfo", "navigation"):
        assert page.get_by_role(landmark).count() == 1
    levels = page.evaluate("[...document.querySelectorAll('h1, h2, h3')].map(one => Number(one.tagName[1]))")
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(then <= one + 1 for one, then in pairwise(levels))
    images = page.get_by_role("img").all()
    assert len(images) == (0 if state == "empty" else 2)  # of the two sizes of each chart, one
    assert all(len(image.get_attribute("aria-label") or "") > 40 for image in images)
    for table in page.locator("table").all():
        assert table.locator("caption").count() == 1
        assert table.locator("th:not([scope])").count() == 0
    assert page.evaluate(
        "[...document.querySelectorAll('[aria-labelledby]')].every(one => document.getElementById(one.getAttribute('aria-labelledby')))"
    )
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map(one => one.id)")
    assert len(ids) == len(set(ids))
    page.close()


def test_it_works_with_the_keyboard_and_without_scripts(urls, browser):
    context = browser.new_context(java_script_enabled=False, viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.goto(urls["skilled"])

    page.keyboard.press("Tab")
    assert page.get_by_role("link", name="Skip to the decision").bounding_box()["y"] >= 0
    summary = page.get_by_text("Last 30 decisions as a table")
    summary.focus()
    page.keyboard.press("Enter")
    assert page.get_by_role("table", name="Last out-of-sample decisions").get_by_role("row").count() == 31
    context.close()


def test_a_chart_answers_to_a_pointer_to_keys_and_to_its_ranges(urls, browser):
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.goto(urls["skilled"])
    chart, told = page.locator("figure.prices .chart:visible"), page.locator("figure.prices .readout")
    newest = told.inner_text()
    box = chart.bounding_box()

    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 40)
    assert told.inner_text() != newest
    assert chart.locator(".cross").count() == 1
    page.mouse.move(0, 0)
    assert chart.locator(".cross").count() == 0
    chart.focus()
    page.keyboard.press("End")
    assert told.inner_text().startswith(newest)
    page.keyboard.press("Home")
    year_ago = told.inner_text()
    assert not year_ago.startswith(newest)
    page.get_by_role("link", name="1M").click()
    assert page.url.endswith("?range=1m")
    assert told.inner_text() == newest
    chart.focus()
    page.keyboard.press("Home")
    assert told.inner_text() not in (newest, year_ago)
    page.close()


def test_an_open_page_keeps_itself_current_and_says_when_it_cannot(tmp_path: Path, browser):
    settings = Settings(home=tmp_path)
    said = unskilled(open_lake(settings))
    answers = iter([None, said])
    page = browser.new_page()
    page.clock.install()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("serving.dashboard.kept.KEPT_SECONDS", -1)
        with serve(Litestar([dashboard(settings, {ETHER: lambda: next(answers)})])) as url:
            page.goto(url)
            page.get_by_text("No decision yet").wait_for()

            page.clock.fast_forward(61_000)
            page.get_by_role("heading", name="Ethereum HODL").wait_for()
            assert page.title().startswith("HODL")

        page.clock.fast_forward(61_000)
        page.get_by_text("The server cannot be reached").wait_for()
    page.close()
