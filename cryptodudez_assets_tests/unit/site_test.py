"""The documentation as a site: built by strict links, searched without anybody else's host, and complete."""

import json
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import site_made

from cryptodudez_assets_tests.conftest import ROOT

CONFIGURATION = tomllib.loads((ROOT / "zensical.toml").read_text())["project"]
# Whoever looks for these finds a page that is about it.
WORDS = {
    "quarantine": "docs/how_it_works.html",
    "webhooks": "docs/notifications.html",
    "CRYPTODUDEZ_LAKE": "reference/settings.html",
    "new-source": "reference/commands.html",
    "SCD": "docs/accounts/index.html",
    "deflated Sharpe": "docs/signal.html",
    "Wasserstein": "docs/signal.html",
    "staleness": "docs/order_book.html",
    "uvx": "docs/package.html",
    "hodl": "index.html",
}
ELSEWHERE = r"\"(?:https?:)?//"
REACHES_OUT = re.compile(
    rf"<(?:script|img|iframe|source)\b[^>]*\bsrc={ELSEWHERE}|<link\b(?![^>]*rel=\"canonical)[^>]*\bhref={ELSEWHERE}"
)
LOCAL = re.compile(r"\b(?:href|src)=\"(?!https?:|mailto:|data:|//|#)([^\"#?]+)")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as `make docs-site` does."""
    folder = tmp_path_factory.mktemp("site")
    site_made.lay(folder / CONFIGURATION["docs_dir"])
    built = build(folder)
    assert built.returncode == 0, built.stdout + built.stderr
    return folder


def build(folder: Path) -> subprocess.CompletedProcess[str]:
    shutil.copy(ROOT / "zensical.toml", folder)
    command = [str(Path(sys.executable).with_name("zensical")), "build", "--strict", "--clean"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)


def html(site: Path) -> Path:
    return site / CONFIGURATION["site_dir"]


@pytest.mark.parametrize("word", WORDS)
def test_a_word_is_found_in_the_index_of_the_page_about_it(site: Path, word: str) -> None:
    found = json.loads((html(site) / "search.json").read_text())["items"]
    texts = {one["location"]: f"{one['title']} {one['text']}".lower() for one in found}
    assert any(word.lower() in text for location, text in texts.items() if location.partition("#")[0] == WORDS[word])


def test_no_page_asks_another_host_and_each_link_leads_to_a_file(site: Path) -> None:
    pages = sorted(html(site).rglob("*.html"))
    assert len(pages) > 80
    for page in pages:
        text = page.read_text()
        assert not REACHES_OUT.search(text), page
        for target in set(LOCAL.findall(text)):
            place = html(site) if page.name == "404.html" else page.parent
            there = (place / unquote(target).removeprefix("/")).resolve()
            assert there.exists(), f"{page.name}: {target}"


def test_every_page_but_decisions_is_in_the_navigation_once() -> None:
    named = list(leaves(CONFIGURATION["nav"]))
    written = {str(page.relative_to(ROOT)) for page in site_made.pages() if not page.name[:4].isdigit()}
    assert sorted(named) == sorted(
        written | {f"reference/{one}.md" for one in ("settings", "commands", "api", "declarations")}
    )


def leaves(navigation: Any) -> Iterator[str]:
    if isinstance(navigation, str):
        yield navigation
    for inner in navigation if isinstance(navigation, list) else getattr(navigation, "values", list)():
        yield from leaves(inner)


def test_a_broken_link_fails_the_site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site_made, "ROOT", tmp_path)
    page = tmp_path / "page.md"
    page.write_text("[code](missing.py)\n")
    with pytest.raises(site_made.BrokenLink, match=r"page.md: there is no missing.py"):
        site_made.laid(page, tmp_path / "pages")
    pages = tmp_path / CONFIGURATION["docs_dir"]
    for name in leaves(CONFIGURATION["nav"]):
        (pages / name).parent.mkdir(parents=True, exist_ok=True)
        (pages / name).write_text("# Page\n")
    assert build(tmp_path).returncode == 0
    (pages / "README.md").write_text("# Page\n\n[here](docs/feeds.md#nowhere)\n")
    built = build(tmp_path)
    assert built.returncode != 0
    assert "anchor does not exist" in built.stdout + built.stderr


def test_a_page_is_laid_with_its_pictures_and_without_links_to_code(tmp_path: Path) -> None:
    text = site_made.laid(ROOT / "docs" / "accounts" / "README.md", tmp_path)
    assert (tmp_path / "docs" / "accounts" / "erd.svg").is_file()
    assert "](../../cryptodudez_assets" not in text
    assert "](../adr/0028-accounts-as-a-star.md)" in text
    assert "```mermaid" not in site_made.laid(ROOT / "README.md", tmp_path)


def test_the_picture_names_rooms_that_there_are() -> None:
    told = (ROOT / "docs" / "architecture.svg").read_text()
    bracketed = re.findall(r">[^<]*\(([a-z_/, ]+)\)", told)
    rooms = {room for one in bracketed for room in one.split(", ")}
    assert len(rooms) > 12
    for room in rooms:
        assert (
            any((ROOT / place / room).exists() for place in ("", "cryptodudez_assets"))
            or (ROOT / "cryptodudez_assets" / f"{room}.py").exists()
        ), room


def test_the_page_of_the_package_names_each_extra() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    rows = re.findall(r"^\| (`\w+`(?: · `\w+`)*) \|", (ROOT / "docs" / "package.md").read_text(), re.M)
    assert sorted(name.strip("`") for row in rows for name in row.split(" · ")) == sorted(extras)
