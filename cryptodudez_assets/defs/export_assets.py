"""Tables as files: Parquet below `<home>/exports/`, a folder each."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl

from cryptodudez_assets.contracts.base import Contract
from cryptodudez_assets.contracts.stock_market import StockMarket
from cryptodudez_assets.defs.automation import on_sound_update_of_all
from cryptodudez_assets.defs.metadata import contract_schema, key_of
from cryptodudez_assets.defs.resources import LakeResource
from cryptodudez_assets.features.stock_rolling import StockRollingFeatures
from cryptodudez_assets.lake.exports import export
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
    contract: type[Contract]
    columns: Mapping[str, str]
    description: str

    @property
    def name(self) -> str:
        """The name of the folder and of the asset."""
        return self.table.split(".")[1]


EXPORTS = (
    Export("market.stock_market", StockMarket, CANDLES, "The candles of stocks and ETFs as one Parquet file."),
    Export(
        "features.stock_rolling",
        StockRollingFeatures,
        ROLLING,
        "The candles of stocks and ETFs with mean volume and median price of their last 30 rows, as one Parquet file.",
    ),
)


def build_export_assets(tables: Iterable[dg.AssetKey]) -> list[dg.AssetsDefinition]:
    """The exports of those among these tables that have one."""
    there = set(tables)
    return [_export(one) for one in EXPORTS if key_of(one.table) in there]


def export_path(lake: Lake, one: Export) -> Path:
    """Where an export is written."""
    return lake.settings.home / "exports" / one.name / f"{one.name}.parquet"


def _export(one: Export) -> dg.AssetsDefinition:
    schema = {column.name: column for column in contract_schema(one.contract).columns}
    columns = [
        dg.TableColumn(name, "String" if own == "date" else schema[own].type, schema[own].description)
        for name, own in one.columns.items()
    ]
    spec = dg.AssetSpec(
        dg.AssetKey(["exports", one.name]),
        deps=[key_of(one.table)],
        description=one.description,
        group_name="exports",
        owners=["team:market-data"],
        kinds={"parquet"},
        skippable=True,
        automation_condition=on_sound_update_of_all,
        metadata={
            "dagster/column_schema": dg.TableSchema(columns=columns),
            "written to": f"<home>/exports/{one.name}/",
        },
    )

    @dg.multi_asset(name=f"export_{one.name}", specs=[spec])
    def write_export(context: dg.AssetExecutionContext, lake: LakeResource) -> Iterator[dg.MaterializeResult[Any]]:
        opened = lake.open()
        if opened.tables.table(one.table) is None:
            context.log.info(f"the export waits for {one.table}")
            return
        path = export_path(opened, one)
        written = {name: pl.col(own) for name, own in one.columns.items()} | {"Date": pl.col("date").dt.to_string("%F")}
        n_rows = export(opened, one.table, written, ["symbol", "date"], path)
        yield dg.MaterializeResult(
            metadata={"dagster/row_count": n_rows, "file": dg.MetadataValue.path(path), "bytes": path.stat().st_size}
        )

    return write_export
