"""A real browser for tests that look at pages, and what every page of ours is to look like.

A module that imports this is skipped, with the reason, where there is no browser.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

playwright = pytest.importorskip("playwright.sync_api", reason="no browser: the package playwright is not installed")

Axe = pytest.importorskip(
    "axe_playwright_python.sync_playwright", reason="no axe-core: the package axe-playwright-python is not installed"
).Axe
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
QUIET = """
    --no-sandbox --disable-gpu --disable-background-networking --disable-component-update --disable-sync --no-first-run
"""
SCREENS = {"desk": (1440, 900), "phone": (390, 844)}
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="no browser: there is no Chromium on the PATH")


@contextmanager
def chromium() -> Iterator["playwright.Browser"]:
    """Chromium, until the context ends."""
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=CHROMIUM, args=QUIET.split())
        yield browser
        browser.close()


# WCAG's contrast of every text with the nearest background behind it, in words; the page uses opaque colours only.
LOW_CONTRAST = """() => {
  const channels = (color) => (color.match(/[\\d.]+/g) || []).map(Number);
  const light = (c) => c.slice(0, 3).map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (node) => {
    for (let one = node; one; one = one.parentElement) {
      const color = channels(getComputedStyle(one).backgroundColor);
      if (color.length === 3 || color[3] === 1) return color;
    }
    return [255, 255, 255];
  };
  const found = [];
  for (const node of document.querySelectorAll("body *")) {
    const text = [...node.childNodes].filter((one) => one.nodeType === 3 && one.textContent.trim());
    if (!text.length || !node.getClientRects().length || node.tagName === "SCRIPT") continue;
    const style = getComputedStyle(node);
    const [a, b] = [light(channels(node.closest("svg") ? style.fill : style.color)), light(behind(node))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) found.push(`${text[0].textContent.trim().slice(0, 30)}: ${ratio.toFixed(2)}`);
  }
  return found;
}"""


def barriers(page: "playwright.Page") -> list[str]:
    """What axe-core calls serious or critical, each with the first place where it found that."""
    found = Axe().run(page).response["violations"]
    return [f"{one['id']}: {one['nodes'][0]['html']}" for one in found if one["impact"] in ("serious", "critical")]


@contextmanager
def looks_right(
    browser: "playwright.Browser",
    url: str,
    screen: str,
    scheme: str,
    shot: Path,
    path: str = "",
    is_there: Callable[["playwright.Page"], object] = lambda page: None,
) -> Iterator["playwright.Page"]:
    """A page of a server of ours as it is seen on a screen, of which the screenshot `shot-screen-scheme.png` is taken.

    It complains of nothing, asks nobody else, is as wide as the screen, can be read, and axe-core finds nothing serious in it. What it
    says is asserted within. `is_there` waits until it is shown as a whole.
    """
    width, height = SCREENS[screen]
    page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
    complaints, requested = [], []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: requested.append(request.url))
    page.goto(f"{url}{path}")
    is_there(page)
    page.screenshot(path=f"{shot}-{screen}-{scheme}.png", full_page=True)

    assert complaints == []  # a breach of the content security policy is one, too
    assert {one for one in requested if not one.startswith(url)} == set()
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert page.evaluate(LOW_CONTRAST) == []
    assert barriers(page) == []
    yield page
    page.close()
