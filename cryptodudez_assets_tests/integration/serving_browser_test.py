"""What a browser needs of the API: a key as a password, and documentation that loads nothing from elsewhere."""

import base64
import shutil
from pathlib import Path

import pytest
from litestar.testing import TestClient
from pydantic import SecretStr

from cryptodudez_assets.settings import Settings
from cryptodudez_assets_tests.browsing import CHROMIUM, QUIET
from cryptodudez_assets_tests.integration.conftest import free_ports
from cryptodudez_assets_tests.serving_builders import champion, served
from serving.app import create_app

needs_browser = pytest.mark.skipif(
    CHROMIUM is None or shutil.which(CHROMIUM) is None, reason="no browser: there is no Chromium on the PATH"
)


def test_the_key_may_come_as_a_browser_s_password(tmp_path: Path) -> None:
    app = create_app(Settings(home=tmp_path, api_key=SecretStr("sesame")))
    with TestClient(app) as client:
        asked = client.get("/")
        assert asked.status_code == 401
        assert asked.headers["WWW-Authenticate"].startswith("Basic ")
        assert client.get("/", auth=("anybody", "sesame")).status_code == 200
        assert client.get("/", auth=("sesame", "anybody")).status_code == 401
        for malformed in ("Basic", "Basic ???", f"Basic {base64.b64encode(b'sesame').decode()}", "Bearer sesame"):
            assert client.get("/", headers={"Authorization": malformed}).status_code == 401


@needs_browser
def test_the_documentation_works_and_loads_nothing_from_elsewhere(settings: Settings) -> None:
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="no browser: the package playwright is not installed"
    )
    champion(settings)
    [port] = free_ports(1)
    home = f"http://127.0.0.1:{port}"
    with served(settings, port), playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=QUIET.split())
        page = browser.new_page()
        asked: list[str] = []
        said: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: said.append(message.text))
        page.goto(f"{home}/docs")
        page.get_by_text("/signal/eth").first.wait_for()
        page.locator(".opblock", has_text="/health/live").locator("button").first.click()
        page.get_by_text("Try it out").click()
        page.get_by_text("Execute", exact=True).click()
        page.locator(".live-responses-table").get_by_text('"live"').first.wait_for()
        browser.close()
    assert [text for text in said if "Content Security Policy" in text] == []
    assert [url for url in asked if not url.startswith((home, "data:", "blob:"))] == []
