"""The study as one HTML file that needs nothing else: words, plots, tables. Light and dark, for a screen or a phone."""

from collections.abc import Iterable, Iterator, Mapping
from html import escape
from pathlib import Path

import polars as pl

from cryptodudez_assets.studies.dogecoin import ASSET, CONTROL, TERM, YEAR, Study
from cryptodudez_assets.studies.plots import on_page
from cryptodudez_assets.studies.result import rows_of
from cryptodudez_assets.studies.term_days import TermEffect
from cryptodudez_assets.studies.words import Section, percent, period, small

DESCRIPTIONS = {
    "price": f"Line: daily close of {ASSET} in {YEAR}; dots: days with tweets that contain {TERM}.",
    "event": "Bars: abnormal return by day around the event; line below: their running sum.",
    "placebos": "Histogram of the sums of all other windows, with a line at the event's.",
    "leads": "Bars: correlation of tweets with returns from three days before to three days after.",
}
STYLE = """
:root { color-scheme: light dark; --ink: #222; --faint: #c8c8c8; --paper: #fff; --blue: #0072b2; --orange: #d55e00; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e4e4e4; --faint: #555; --paper: #161616; --blue: #56b4e9; --orange: #e69f00; }
}
body { background: var(--paper); color: var(--ink); font: 1rem/1.55 system-ui, sans-serif; margin: 0 auto; max-width: 42rem;
  padding: 1rem; overflow-wrap: break-word; }
h1 { font-size: 1.6rem; line-height: 1.2; } h2 { font-size: 1.2rem; margin-top: 2rem; }
figure { margin: 1rem 0; max-width: 36rem; } svg { display: block; width: 100%; height: auto; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; font-size: .85rem; font-variant-numeric: tabular-nums; }
th, td { border-bottom: 1px solid var(--faint); padding: .25rem .6rem .25rem 0; text-align: right; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; } summary { cursor: pointer; margin-top: 2rem; }
"""


def page(study: Study, words: Iterable[Section], plots: Mapping[str, str]) -> str:
    """The whole page."""
    title = f"“{TERM}” in tweets and the price of {ASSET}"
    body = "\n".join(_section(one, plots) for one in words)
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>{escape(title)}</title>\n'
        f"<style>{STYLE}</style>\n</head>\n<body>\n<h1>{escape(title)}</h1>\n"
        f"<p>An event study with {CONTROL} as control. Every sentence and plot is made from the tables; returns are logarithmic.</p>\n"
        f"{body}\n{_effects(study.effects)}\n{_numbers(study)}\n</body>\n</html>\n"
    )


def write(path: Path, text: str) -> None:
    """Put the page in its place, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".part")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)


def _section(one: Section, plots: Mapping[str, str]) -> str:
    paragraphs = "\n".join(f"<p>{escape(text)}</p>" for text in one.paragraphs)
    return f"<h2>{escape(one.title)}</h2>\n{paragraphs}\n{_figure(one.plot, plots)}"


def _figure(name: str | None, plots: Mapping[str, str]) -> str:
    if name is None or name not in plots:
        return ""
    svg = on_page(plots[name]).replace("<svg ", f'<svg role="img" aria-label="{escape(DESCRIPTIONS[name])}" ', 1)
    return f"<figure>{svg}</figure>"


def _effects(effects: list[TermEffect]) -> str:
    """The dozen of terms and years with the smallest p."""
    if not effects:
        return ""
    head = ["term", "period", "with (n)", "without (n)", "difference", "p", "q"]
    chosen = sorted(effects, key=lambda one: one.p)[:12]
    rows = (
        [
            one.term,
            period(one),
            f"{percent(one.mean)} ({one.n_days})",
            f"{percent(one.mean_other)} ({one.n_other})",
            percent(one.difference),
            small("", one.p).removeprefix(" = "),
            small("", one.q).removeprefix(" = "),
        ]
        for one in chosen
    )
    return f"<p>The {len(chosen)} smallest p of {len(effects)}:</p>\n{_table(head, rows)}"


def _numbers(study: Study) -> str:
    """All numbers, folded away."""
    found = rows_of(study)
    table = _table(found.columns, _cells(found))
    return f"<details><summary>All {len(found)} numbers of this study</summary>\n{table}\n</details>"


def _cells(rows: pl.DataFrame) -> Iterator[list[str]]:
    for row in rows.iter_rows():
        yield ["" if cell is None else f"{cell:.4g}" if isinstance(cell, float) else str(cell) for cell in row]


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    def line(cells: Iterable[str], tag: str) -> str:
        return "<tr>" + "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in cells) + "</tr>"

    body = "\n".join(line(row, "td") for row in rows)
    return f'<div class="scroll"><table>\n<thead>{line(head, "th")}</thead>\n<tbody>\n{body}\n</tbody>\n</table></div>'
