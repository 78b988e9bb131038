"""A real browser for tests that look at pages. A module that imports this is skipped, with the reason, where there is none."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

playwright = pytest.importorskip("playwright.sync_api", reason="no browser: the package playwright is not installed")

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
QUIET = """
    --no-sandbox --disable-gpu --disable-background-networking --disable-component-update --disable-sync --no-first-run
"""
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="no browser: there is no Chromium on the PATH")


@contextmanager
def chromium() -> Iterator["playwright.Browser"]:
    """Chromium, until the context ends."""
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=CHROMIUM, args=QUIET.split())
        yield browser
        browser.close()
