"""A page of a lake with sample data says so, whoever it is sent to; others say nothing of samples."""

from datetime import date

from cryptodudez_assets.lake import pages
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.samples import fix_last_day
from cryptodudez_assets.reports.page import page
from cryptodudez_assets.reports.sections import Section


def test_a_page_of_samples_says_so_below_its_heading(lake: Lake) -> None:
    text = page("A study", "What it asks.", [Section("In short", ["Nothing."])], {})
    pages.write(lake, "a.html", text)
    assert pages.read(lake.store, "a.html") == text

    fix_last_day(lake.settings, date(2026, 11, 28))
    pages.write(lake, "a.html", text)
    told = pages.read(lake.store, "a.html")
    assert "Sample data: all of it is simulated by the demo, up to 28 November 2026." in told
    assert told.index("</h1>") < told.index("Sample data") < told.index("What it asks.")
