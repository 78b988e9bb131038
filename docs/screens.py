"""Pictures of the dashboard, taken of a server that runs over a home: `python docs/screens.py`, after `make demo` and beside `make up`.

One picture a page goes to `docs/screens/` and the first to `docs/dashboard.png`. With `--sheets FOLDER` every page is also taken at
both widths, light and dark, and laid on one sheet, for whoever wants to look at all of them.
"""

import io
import shutil
import sys
from pathlib import Path

import click
from PIL import Image
from playwright.sync_api import Browser, sync_playwright

DOCS = Path(__file__).parent
PAGES = {
    "signal": "/?range=all",
    "market": "/market?coin=ETH",
    "spread": "/live",
    "data": "/data",
    "models": "/models",
    "accounts": "/accounts",
    "system": "/system",
}
DESK, PHONE = (1440, 900), (390, 844)
COLOURS = 128
MARGIN = 20
FLAGS = ["--no-sandbox", "--disable-gpu"]
SETTLED_MILLISECONDS = 1500


def taken(browser: Browser, url: str, size: tuple[int, int], scheme: str, whole: bool = False) -> Image.Image:
    """The page at an address as it is seen: its first screen, or the whole of it."""
    width, height = size
    page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
    page.goto(url)
    page.wait_for_timeout(SETTLED_MILLISECONDS)  # the spread's page fills itself
    picture = Image.open(io.BytesIO(page.screenshot(full_page=whole))).convert("RGB")
    page.close()
    return picture


def save(picture: Image.Image, path: Path) -> None:
    """With as few colours as a page has, more or less."""
    picture.quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)


def sheet(browser: Browser, url: str) -> Image.Image:
    """A page whole, at both widths, light and dark, side by side."""
    pictures = [taken(browser, url, size, scheme, whole=True) for size in (DESK, PHONE) for scheme in ("light", "dark")]
    whole = Image.new("RGB", (sum(one.width + MARGIN for one in pictures), max(one.height for one in pictures)), "grey")
    left = 0
    for one in pictures:
        whole.paste(one, (left, 0))
        left += one.width + MARGIN
    return whole


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(list(PAGES)))
@click.option("--url", default="http://127.0.0.1:8000", show_default=True, help="Where the dashboard is.")
@click.option(
    "--sheets", type=click.Path(file_okay=False, path_type=Path), help="Folder for sheets with all sizes and themes."
)
def main(names: tuple[str, ...], url: str, sheets: Path | None) -> None:
    """Take pictures of these pages, or of all."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        sys.exit("there is no Chromium on the PATH")
    folder = DOCS / "screens"
    folder.mkdir(exist_ok=True)
    with sync_playwright() as running:
        browser = running.chromium.launch(executable_path=chromium, args=FLAGS)
        for name in names or PAGES:
            path = PAGES[name]
            picture = taken(browser, f"{url}{path}", DESK, "light")
            save(picture, folder / f"{name}.png" if name != "signal" else DOCS / "dashboard.png")
            if sheets:
                sheets.mkdir(parents=True, exist_ok=True)
                sheet(browser, f"{url}{path}").save(sheets / f"{name}.png")
            click.echo(name)
        browser.close()


if __name__ == "__main__":
    main()
