"""The dogecoin study as a product: its table, its report, what it reads. The statistics are in `studies/`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pyiceberg.expressions import AlwaysTrue

from cryptodudez_assets import reports, studies
from cryptodudez_assets.code_hash import hash_of_code
from cryptodudez_assets.lake import pages
from cryptodudez_assets.lake.iceberg.provenance import MadeFrom, content_of
from cryptodudez_assets.lake.iceberg.scan import scan
from cryptodudez_assets.lake.iceberg.spec import TableSpec
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.reports.sections import Section
from cryptodudez_assets.studies.contract import KEY, DogecoinStudy

DOGECOIN = TableSpec("studies.dogecoin", DogecoinStudy, (), KEY)
CRYPTO, TERMS = "features.crypto_daily", "features.term_frequency_daily"
READS = {
    CRYPTO: ["symbol", "event_ts", "close", "log_return_1d"],
    TERMS: ["term", "event_ts", "n_tweets", "n_tweets_all"],
}
REPORT = "dogecoin.html"


@dataclass(frozen=True)
class CarriedOut:
    """What a study found: the numbers that matter most, the words, and each plot as the address of a picture."""

    key_numbers: Mapping[str, float | int | str]
    words: Sequence[Section]
    pictures: Mapping[str, str]


def carry_out(lake: Lake) -> CarriedOut:
    """Write the report and the table. Every table of `READS` must be there."""
    # Drawing takes long to load, leaves a folder of its own where it is, and is needed only here.
    from cryptodudez_assets.reports.figures import data_uri
    from cryptodudez_assets.studies import dogecoin, plots, report, result, words

    inputs = {name: lake.tables.load(name) for name in READS}
    made = MadeFrom(code_hash(), {name: content_of(table) or 0 for name, table in inputs.items()})
    found = dogecoin.study(scan(inputs[CRYPTO]), scan(inputs[TERMS]))
    told, drawn = words.sections(found), plots.draw(found)
    pages.write(lake, REPORT, report.page(found, told, drawn))
    # The table comes last, since it says what it was made from.
    with lake.tables.changing(DOGECOIN) as change:
        change.delete(AlwaysTrue()).add(result.rows_of(found)).note(made.note).remember(made.note).as_result()
    return CarriedOut(result.key_numbers(found), told, {name: data_uri(svg) for name, svg in drawn.items()})


def code_hash() -> str:
    """A hash of the code that carries it out."""
    return hash_of_code(carry_out, within=(studies.__name__, reports.__name__))
