"""The study of trends as a product: its table, its report, what it reads. The statistics are in `studies/trends/`."""

import polars as pl
from pyiceberg.expressions import AlwaysTrue

from cryptodudez_assets import reports, studies
from cryptodudez_assets.code_hash import hash_of_code
from cryptodudez_assets.lake import pages
from cryptodudez_assets.lake.iceberg.provenance import MadeFrom, content_of
from cryptodudez_assets.lake.iceberg.scan import scan
from cryptodudez_assets.lake.iceberg.spec import TableSpec
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.products.dogecoin import CarriedOut
from cryptodudez_assets.studies.trends.contract import KEY, TrendsStudy

TRENDS = TableSpec("studies.trends", TrendsStudy, (), KEY)
TERMS, SENTIMENT = "features.term_frequency_daily", "features.tweet_sentiment"
COINS, STOCKS = "features.crypto_daily", "features.stock_daily"
PRICES = ["symbol", "event_ts", "log_return_1d", "volume_zscore_30d", "high_low_range"]
READS = {
    TERMS: ["term", "event_ts", "n_tweets", "n_tweets_all"],
    SENTIMENT: ["event_ts", "compound"],
    COINS: PRICES,
    STOCKS: PRICES,
}
REPORT = "trends.html"
OPTIONAL = (SENTIMENT, COINS, STOCKS)
"""Without prices of either kind the report says so."""


def carry_out(lake: Lake) -> CarriedOut:
    """Write the report and the table. The table of terms must be there."""
    # Drawing takes long to load, and is needed only here.
    from cryptodudez_assets.reports.figures import data_uri
    from cryptodudez_assets.studies.trends import plots, report, series, study, words

    tables = {name: lake.tables.table(name) for name in READS}
    inputs = {name: content for name, table in tables.items() if (content := content_of(table)) is not None}
    rows: dict[str, pl.DataFrame] = {
        name: scan(table).select(READS[name]).collect()
        for name, table in tables.items()
        if table is not None and name in inputs
    }
    found = study.study(series.series_of(rows[TERMS], *(rows.get(name) for name in OPTIONAL)))
    told, drawn = words.sections(found), plots.draw(found)
    pages.write(lake, REPORT, report.page(told, drawn))
    note = MadeFrom(code_hash(), inputs).note
    # The table comes last, since it says what it was made from.
    with lake.tables.changing(TRENDS) as change:
        change.delete(AlwaysTrue()).add(found.tests).note(note).remember(note).as_result()
    return CarriedOut(report.key_numbers(found), told, {name: data_uri(svg) for name, svg in drawn.items()})


def code_hash() -> str:
    """A hash of the code that carries it out."""
    return hash_of_code(carry_out, within=(studies.__name__, reports.__name__))
