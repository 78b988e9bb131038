"""Real histories of accounts, to the last row and the last of 18 decimals."""

import csv
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from pathlib import Path

import polars as pl

from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.sql import query
from cryptodudez_assets.lake.status import status_of, unbalanced_files
from cryptodudez_assets.sources import all_sources
from cryptodudez_assets_tests.builders import files, rows_of, take_in

SOURCES = all_sources()
Drop = Callable[[str, str, bytes], Path]


def landed(lake: Lake, drop: Drop, name: str, file: Path) -> pl.DataFrame:
    drop(name, file.name, file.read_bytes())
    take_in(lake, SOURCES[name])
    assert unbalanced_files(lake, SOURCES[name]).is_empty()
    return rows_of(lake, SOURCES[name].table)


def as_text(file: Path) -> Iterator[Mapping[str, str]]:
    with file.open(encoding="utf-8-sig", newline="") as text:
        yield from csv.DictReader(text)


def test_real_withdrawals_reconcile_to_the_last_digit(lake: Lake, drop: Drop, real_data: Path) -> None:
    file = real_data / "bitso" / "challenge" / "withdrawals_sample_data.csv"
    table = landed(lake, drop, "withdrawals", file)

    status = status_of(lake, "withdrawals")
    assert (status.read, status.valid, status.quarantined, status.duplicate, status.warned) == (5098, 5098, 0, 0, 1)
    assert table["user_id"].n_unique() == table["user_key"].n_unique() == 324
    assert table["currency"].n_unique() == 42
    assert dict(table["status"].value_counts().iter_rows()) == {"complete": 3251, "failed": 1847}
    negative = table.filter(pl.col("amount") < 0).select("id", "amount", "status").rows()
    assert negative == [("55297", Decimal("-10.000000000000000000"), "failed")]

    totals: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for row in as_text(file):
        totals[row["event_timestamp"][:10], row["currency"]] += Decimal(row["amount"])
    told = query(
        lake, "select strftime(event_ts, '%Y-%m-%d'), currency, sum(amount) from accounts.withdrawals group by all"
    )
    assert {(day, currency): total for day, currency, total in told.iter_rows()} == totals
    assert {row["id"]: row["amount"] for row in as_text(file)} == dict(
        table.select("id", pl.col("amount").cast(pl.String)).iter_rows()
    )


def test_real_users_are_all_there_though_a_line_is_blank(lake: Lake, drop: Drop, real_data: Path) -> None:
    file = real_data / "bitso" / "challenge" / "user_id_sample_data.csv"
    table = landed(lake, drop, "users", file)
    assert set(table["user_id"]) == {row["user_id"] for row in as_text(file)}
    assert table.height == table["user_key"].n_unique() == 25_699
    assert status_of(lake, "users").quarantined == 0


def test_real_deposits_of_a_spreadsheet_have_their_further_columns(lake: Lake, drop: Drop, real_data: Path) -> None:
    file = real_data / "bitso" / "challenge" / "kbermude_transactions_sample.csv"
    table = landed(lake, drop, "deposits", file)
    told = {row["id"]: row for row in as_text(file)}
    assert table.height == len(told) == 100
    assert status_of(lake, "deposits").quarantined == 0
    for row in table.iter_rows(named=True):
        expected = told[row["id"]]
        assert row["amount"] == Decimal(expected["amount"])
        assert (row["user_id"], row["currency"], row["status"]) == tuple(
            expected[name] for name in ("user_id", "currency", "tx_status")
        )
        assert (row["interface"], row["extra"]) == (expected["interface"], '{"type":"deposits"}')
    assert files(lake, SOURCES["deposits"])["header"].item().to_list()[-2:] == ["interface", "type"]
