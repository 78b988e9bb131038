"""The study as one page: its words, and all of its numbers folded away at the end."""

from collections.abc import Iterable, Iterator, Mapping

import polars as pl

from cryptodudez_assets.reports import page as shared
from cryptodudez_assets.reports.sections import Section, Table
from cryptodudez_assets.studies.dogecoin import ASSET, CONTROL, TERM, Study
from cryptodudez_assets.studies.result import rows_of


def page(study: Study, words: Iterable[Section], plots: Mapping[str, str]) -> str:
    """The whole page."""
    lead = (
        f"An event study with {CONTROL} as control. Every sentence and plot is made from the tables; returns are "
        "logarithmic."
    )
    return shared.page(f"“{TERM}” in tweets and the price of {ASSET}", lead, [*words, _numbers(study)], plots)


def _numbers(study: Study) -> Section:
    """All numbers, folded away."""
    found = rows_of(study)
    title = f"All {len(found)} numbers of this study"
    return Section(title, [], tables=(Table(title, found.columns, list(_cells(found))),), folded=True)


def _cells(rows: pl.DataFrame) -> Iterator[list[str]]:
    for row in rows.iter_rows():
        yield ["" if cell is None else f"{cell:.4g}" if isinstance(cell, float) else str(cell) for cell in row]
