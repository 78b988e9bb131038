"""Which tables are exported as files: Parquet below `<home>/exports/`, a folder each."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptodudez_assets.code_hash import hash_of_code
from cryptodudez_assets.lake import exports
from cryptodudez_assets.lake.lake import Lake

CANDLES = {
    "Symbol": "symbol",
    "Security Name": "security_name",
    "Date": "date",
    "Open": "open",
    "High": "high",
    "Low": "low",
    "Close": "close",
    "Adj Close": "adj_close",
    "Volume": "volume",
}
ROLLING = {**CANDLES, "vol_moving_avg": "vol_moving_avg", "adj_close_rolling_med": "adj_close_rolling_med"}


@dataclass(frozen=True)
class Export:
    """A table, and its columns under the names that they have in the files. Days are written as YYYY-MM-DD."""

    table: str
    columns: Mapping[str, str]
    description: str

    @property
    def name(self) -> str:
        """The name of the folder and of the asset."""
        return self.table.split(".")[1]

    @property
    def product(self) -> str:
        """Its name among all products."""
        return f"exports.{self.name}"

    @property
    def code_hash(self) -> str:
        """A hash of what is written how."""
        return hash_of_code(exports.export, more=dict(self.columns))


EXPORTS = (
    Export("market.stock_market", CANDLES, "The candles of stocks and ETFs as one Parquet file."),
    Export(
        "features.stock_rolling",
        ROLLING,
        "The candles of stocks and ETFs with mean volume and median price of their last 30 rows, as one Parquet file.",
    ),
)


def export_path(lake: Lake, one: Export) -> Path:
    """Where an export is written."""
    return lake.settings.home / "exports" / one.name / f"{one.name}.parquet"
