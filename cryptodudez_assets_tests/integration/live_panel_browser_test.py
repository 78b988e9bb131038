"""The live panel as it is seen: on a desk and on a phone, light and dark, live, simulated, from the table and with nothing.

Screenshots are kept in pytest's folder of the module's run, `live*/`.
"""

import re
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from cryptodudez_assets.settings import Settings
from cryptodudez_assets_tests.browsing import SCREENS, looks_right, needs_chromium, playwright
from cryptodudez_assets_tests.live_hours import GAPS, PRICES, a_stream, recording, seconds_of, telling, told_of
from cryptodudez_assets_tests.servers import serve
from serving.app import create_app
from serving.live import hub
from serving.live.hour import Batch
from serving.live.table import Found

pytestmark = [pytest.mark.servers, needs_chromium]

SAID = {
    "live": "Live from the recorder alpha",
    "simulated": "Live from the recorder simulated",
    "table": "Not live No recorder is running: from the table, as of",
    "empty": "Not live No recorder is running, and nothing was recorded yet",
}
AGE = {"live": 0, "simulated": 0, "table": 900}


@pytest.fixture(scope="module")
def urls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A server for each state, of an hour that a table has; two of them hear a recorder, too."""
    with ExitStack() as running, pytest.MonkeyPatch.context() as patch:
        urls, now = {}, int(time.time())
        for state in SAID:
            home = tmp_path_factory.mktemp(state)
            found = _found(now - AGE[state]) if state in AGE else None
            patch.setattr(hub.SpreadsTable, "look", lambda *_, found=found: found)
            urls[state] = running.enter_context(serve(create_app(Settings(home=home), only_here=True)))
            if state in ("live", "simulated"):
                stream = a_stream("alpha" if state == "live" else "simulated", simulated=state == "simulated")
                running.enter_context(telling(running.enter_context(recording(home, stream))))
        yield urls


def _found(end: int) -> Found:
    return Found(end, {book: Batch.of(told_of(seconds_of(book, end))) for book in PRICES})


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize("state", SAID)
def test_it_looks_right(urls, browser, shots, state: str, screen: str, scheme: str):
    def is_there(page: "playwright.Page") -> None:
        page.get_by_role("status").filter(has_text=SAID[state]).wait_for()
        if state != "empty":
            page.locator("svg path.seen[d^=M]").nth(1).wait_for(state="attached")

    with looks_right(browser, urls[state], screen, scheme, shots / state, "/live", is_there) as page:
        assert page.get_by_text("Nobody trades at these prices").is_visible() == (state == "simulated")
        assert page.get_by_text("cryptodudez record --book").is_visible() == (state in ("table", "empty"))


def test_it_can_be_heard_and_read_as_a_table(urls, browser):
    page = browser.new_page(viewport={"width": 390, "height": 844}, reduced_motion="reduce")
    page.goto(f"{urls['table']}/live")
    chart = page.get_by_role("img", name=re.compile("Spread of BTC . MXN in the hour until .* Nobody was looking for"))
    chart.wait_for()
    assert chart.locator("rect.gap").count() == len([gap for gap in GAPS if gap.start > AGE["table"]]) + 2
    assert {one.text_content() for one in chart.locator("text.limit").all()} == {"0.1 %", "0.5 %", "1 %"}
    for landmark in ("banner", "main", "contentinfo", "navigation"):
        assert page.get_by_role(landmark).count() == 1
    assert page.get_by_role("heading", level=1).count() == 1
    page.get_by_text("The hour as a table").first.click()
    table = page.get_by_role("table", name="Spread of BTC / MXN by five minutes")
    table.get_by_role("row").nth(8).wait_for()  # they are filled when it opens
    assert table.get_by_role("row").count() <= 14
    assert table.locator("th:not([scope])").count() == 0
    page.close()


def test_a_second_that_is_told_is_shown_and_a_server_that_is_gone_is_missed(tmp_path: Path, browser):
    page = browser.new_page()
    with serve(create_app(Settings(home=tmp_path), only_here=True)) as url, recording(tmp_path, a_stream()) as say:
        page.goto(f"{url}/live")
        for after in (1, 2):
            record = seconds_of("btc_mxn", int(time.time()) + after, 1)[0]
            record.bid, record.ask = 100.0 - after, 100.0
            say([record])
            page.locator(".value", has_text=f"{after}.000").wait_for()
            assert page.locator(".over .tag").inner_text() == ("over 0.5\xa0%" if after == 1 else "over 1\xa0%")
    page.get_by_text("The server cannot be reached").wait_for()
    page.close()


def test_the_dashboard_leads_there(urls, browser):
    page = browser.new_page()
    page.goto(urls["empty"])
    page.get_by_role("navigation").get_by_role("link", name="Spread").click()
    page.get_by_role("heading", name="Spreads of order books").wait_for()
    page.close()
