"""The dogecoin study as a product: its table, its report, what it reads."""

from pathlib import Path

from cryptodudez_assets import studies
from cryptodudez_assets.lake.iceberg.provenance import code_of
from cryptodudez_assets.lake.iceberg.spec import TableSpec
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.studies.contract import KEY, DogecoinStudy

DOGECOIN = TableSpec("studies.dogecoin", DogecoinStudy, (), KEY)
CRYPTO, TERMS = "features.crypto_daily", "features.term_frequency_daily"
READS = {
    CRYPTO: ["symbol", "event_ts", "close", "log_return_1d"],
    TERMS: ["term", "event_ts", "n_tweets", "n_tweets_all"],
}


def report_path(lake: Lake) -> Path:
    """Where the report is written."""
    return lake.settings.reports / "dogecoin.html"


def version() -> str:
    """A hash of the studies' code."""
    return code_of(Path(studies.__file__).parent.glob("*.py"))
