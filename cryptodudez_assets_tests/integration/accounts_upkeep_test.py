"""Decimals through all that happens to a table: corrections, restatements, compaction, verifying, judging, rebuilding."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import polars as pl
from pyiceberg.conversions import from_bytes
from pyiceberg.expressions import AlwaysTrue

from cryptodudez_assets.lake.compaction import compact
from cryptodudez_assets.lake.iceberg.scan import data_files
from cryptodudez_assets.lake.ingest.restated import restated
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.quarantine.replay import correct
from cryptodudez_assets.lake.upkeep.judging import judge_table
from cryptodudez_assets.lake.upkeep.rebuild import rebuild_source
from cryptodudez_assets.lake.upkeep.verify import verify_table
from cryptodudez_assets.sources import all_sources
from cryptodudez_assets_tests.builders import rows_of, take_in

SOURCE = all_sources()["withdrawals"]
HEADER = "id,event_timestamp,user_id,amount,currency,tx_status\n"
Drop = Callable[[str, str, bytes], Path]


def row(number: int, amount: str, day: int = 2) -> str:
    return f"{number},2020-01-{day:02} 00:00:00+00,u,{amount},mxn,complete\n"


def amounts(lake: Lake) -> dict[str, Decimal]:
    return dict(rows_of(lake, SOURCE.table).select("id", "amount").sort("id").iter_rows())


def test_decimals_keep_their_digits_through_all_upkeep(lake: Lake, drop: Drop, tmp_path: Path) -> None:
    first, second = "-6800000000000.000000000000000001", "0.000000000000000002"
    wrong = HEADER + row(1, first) + row(2, "1") + row(3, "0.1000000000000000001")
    drop(SOURCE.name, "a.csv", wrong.encode())
    take_in(lake, SOURCE)
    drop(
        SOURCE.name,
        "b.csv",
        (HEADER + row(2, second, day=3) + row(4, "99999999999999.999999999999999999")).encode(),
    )
    take_in(lake, SOURCE)
    (record,) = rows_of(lake, "quarantine.rows").to_dicts()
    edited = tmp_path / "edited.csv"
    edited.write_text(wrong.replace("0.1000000000000000001", "0.100000000000000001"))
    correct(lake, SOURCE, record["file_id"], edited)
    take_in(lake, SOURCE)
    told = {"1": first, "2": second, "3": "0.100000000000000001", "4": "99999999999999.999999999999999999"}
    expected = {number: Decimal(amount) for number, amount in told.items()}
    assert amounts(lake) == expected

    lines = restated(lake, SOURCE).lines.filter(column="amount").select("id", "told", "stands").unique().rows()
    assert lines == [("2", "1.000000000000000000", second)]

    compact(lake, SOURCE.table)
    assert amounts(lake) == expected
    assert verify_table(lake, SOURCE.table).differences == []
    judged = judge_table(lake, SOURCE.table, SOURCE.contract, SOURCE.key, SOURCE.code_hash)
    assert judged.errors == {}

    before = rows_of(lake, SOURCE.table).sort("id")
    rebuild_source(lake, SOURCE)
    assert rows_of(lake, SOURCE.table).sort("id").equals(before)


def test_what_is_told_of_data_files_bounds_their_decimals(lake: Lake, drop: Drop) -> None:
    """Least and greatest as numbers, not as bytes: negative ones, too."""
    told = ["-6800000000000.000000000000000001", "0", "-0.000000000000000001", "6800000000000.5", "1"]
    drop(SOURCE.name, "a.csv", (HEADER + "".join(map(row, range(5), told))).encode())
    take_in(lake, SOURCE)
    table = lake.tables.load(SOURCE.table)
    field = table.schema().find_field("amount")
    (file,) = data_files(table, AlwaysTrue())
    low, high = (from_bytes(field.field_type, side[field.field_id]) for side in (file.lower_bounds, file.upper_bounds))
    assert (low, high) == (Decimal(told[0]), Decimal(told[3]))
    found = lake.tables.scan(SOURCE.table)
    assert found is not None
    assert found.filter(pl.col("amount") < Decimal(-1)).collect()["id"].to_list() == ["0"]
    assert found.filter(pl.col("amount") == Decimal(told[2])).collect()["id"].to_list() == ["2"]
