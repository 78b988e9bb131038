"""`docs/findings.md`: what the studies found in the real archives, in their own words, with their plots.

    python docs/findings_made.py ARCHIVES

ARCHIVES is the folder in which the archives lie as they were published. The tests of the studies on the same archives compare the
words, so that the page says what the code finds. What is asked, and why so, is in the studies' modules.
"""

import sys
import tempfile
from base64 import b64decode
from collections.abc import Collection
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from cryptodudez_assets.products import dogecoin, trends
from cryptodudez_assets.products.dogecoin import CarriedOut
from cryptodudez_assets.reports.sections import markdown
from cryptodudez_assets.settings import Settings
from cryptodudez_assets_tests.builders import open_lake
from cryptodudez_assets_tests.real_studies import FINDINGS, OF_TRENDS, compute

PLOTS = FINDINGS.with_suffix("")
HEAD = """# What the real archives say

What two studies found in the archives of coins (23 coins, 2013 to 2021), tickers (51, 2020 and 2021) and Elon Musk's tweets
(2010 to 2021), word for word as their reports say it. A demo's reports are about simulated data, and say something else.
How the studies work: [features](../README.md#features),
[ADR 54](adr/0054-trends-are-looked-for-in-all-pairs-with-a-year-kept-aside.md). Made by `python docs/findings_made.py ARCHIVES`;
tests on the same archives compare every sentence.
"""


def main() -> None:
    """Take the archives in, carry the studies out, write the page."""
    folder = Path(sys.argv[1])
    with tempfile.TemporaryDirectory() as home:
        lake = open_lake(Settings(home=Path(home), settle_seconds=0))
        compute(lake, folder, OF_TRENDS)
        parts = [
            _part("dogecoin", "“Dogecoin” in 2019", dogecoin.carry_out(lake), ("price", "event", "placebos")),
            _part("trends", "All that is tweeted against all that is priced", trends.carry_out(lake), ("p_values",)),
        ]
    FINDINGS.write_text("\n".join([HEAD, *parts]), encoding="utf-8")


def _part(name: str, title: str, found: CarriedOut, shown: Collection[str]) -> str:
    """The words of a study, and behind them the plots that are shown, each with what it is."""
    PLOTS.mkdir(exist_ok=True)
    lines = [f"## {title}", "", markdown(found.words), ""]
    for plot in (one for section in found.words for one in section.plots if one.name in shown):
        file = PLOTS / f"{name}_{plot.name}.svg"
        file.write_bytes(b64decode(found.pictures[plot.name].partition(",")[2]))
        lines += [f"![{plot.words}]({PLOTS.name}/{file.name})", "", f"*{plot.words}*", ""]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
