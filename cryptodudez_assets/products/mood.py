"""The study of mood as a product: its table, its report, what it reads. The statistics are in `studies/mood/`."""

import polars as pl
from pyiceberg.expressions import AlwaysTrue
from pyiceberg.table import Table

from cryptodudez_assets import reports, studies
from cryptodudez_assets.code_hash import hash_of_code
from cryptodudez_assets.lake import pages
from cryptodudez_assets.lake.iceberg.provenance import MadeFrom, content_of
from cryptodudez_assets.lake.iceberg.scan import scan
from cryptodudez_assets.lake.iceberg.spec import TableSpec
from cryptodudez_assets.lake.lake import Lake, now
from cryptodudez_assets.products.dogecoin import CarriedOut
from cryptodudez_assets.studies.mood.contract import KEY, MoodStudy

MOOD = TableSpec("studies.mood", MoodStudy, (), KEY)
POSTS, ARCHIVE, CANDLES = "social.mood_daily", "features.crypto_daily", "market.candles"
READS = {
    POSTS: ["source", "date", "n_posts", "n_retweets", "n_scored", "mood"],
    ARCHIVE: ["symbol", "event_ts", "close", "from_candle"],
    CANDLES: ["symbol", "interval", "event_ts", "close"],
}
REPORT = "mood.html"
OPTIONAL = (ARCHIVE, CANDLES)
"""Prices are of either; without both the report says so."""


def carry_out(lake: Lake) -> CarriedOut:
    """Write the report and the table. The table of moods must be there."""
    # Drawing takes long to load, and is needed only here.
    from cryptodudez_assets.reports.figures import data_uri
    from cryptodudez_assets.studies.mood import plots, report, result, study, words

    tables = {name: lake.tables.table(name) for name in READS}
    inputs = {name: content for name, table in tables.items() if (content := content_of(table)) is not None}
    is_over = pl.col("date") < now().date()  # until then its mood is not known
    mood = scan(lake.tables.load(POSTS)).filter(is_over).select(READS[POSTS]).collect()
    returns = study.daily_returns(_archive(tables[ARCHIVE]), _candles(tables[CANDLES]))
    found = study.study(mood, returns)
    told, drawn = words.sections(found), plots.draw(found)
    pages.write(lake, REPORT, report.page(told, drawn))
    note = MadeFrom(code_hash(), inputs).note
    # The table comes last, since it says what it was made from.
    with lake.tables.changing(MOOD) as change:
        change.delete(AlwaysTrue()).add(result.rows_of(found)).note(note).remember(note).as_result()
    return CarriedOut(result.key_numbers(found), told, {name: data_uri(svg) for name, svg in drawn.items()})


def _archive(table: Table | None) -> pl.DataFrame | None:
    """Days of the archive alone: the view has those of candles, too, where it does not reach."""
    if content_of(table) is None or table is None:
        return None
    days = scan(table).filter(~pl.col("from_candle"))
    return days.select("symbol", pl.col("event_ts").dt.date().alias("date"), "close").collect()


def _candles(table: Table | None) -> pl.DataFrame | None:
    """Those of whole days; of one that is told with several beginnings, the first of them."""
    if content_of(table) is None or table is None:
        return None
    days = scan(table).filter(pl.col("interval") == "1d", pl.col("close").is_not_null())
    dated = days.sort("symbol", "event_ts").select(
        "symbol", pl.col("event_ts").dt.date().alias("date"), pl.col("close").cast(pl.Float64)
    )
    return dated.unique(["symbol", "date"], keep="first", maintain_order=True).collect()


def code_hash() -> str:
    """A hash of the code that carries it out."""
    return hash_of_code(carry_out, within=(studies.__name__, reports.__name__))
