"""The CSV files of the accounts: from simulated histories to files that DuckDB reads with declared types, and what queries say of both."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import duckdb
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from cryptodudez_assets.accounts.fact_event import FactEvent
from cryptodudez_assets.contracts.base import polars_schema
from cryptodudez_assets.derived.upkeep.materialize import NoRows, materialize
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.landing import land
from cryptodudez_assets.lake.sql import query
from cryptodudez_assets.products.declared import products_of
from cryptodudez_assets.products.standing import Standing, standing
from cryptodudez_assets.settings import Settings
from cryptodudez_assets.simulator.account_files import write_histories
from cryptodudez_assets_tests.account_histories import STAR
from cryptodudez_assets_tests.account_queries import FOLDER, QUESTIONS
from cryptodudez_assets_tests.accounts_home import FILES, LAST, SMALL, lake_in
from cryptodudez_assets_tests.builders import open_lake, rows_of, take_in


@pytest.fixture(scope="module")
def on_files(exported: Lake) -> Iterator[duckdb.DuckDBPyConnection]:
    """DuckDB where the files lie, with what `tables_from_csv.sql` makes of them."""
    with duckdb.connect() as connection:
        connection.execute(f"SET file_search_path = '{Path(FILES[0].place(exported)).parent}'")
        connection.execute((FOLDER / "tables_from_csv.sql").read_text())
        yield connection


def test_there_is_a_file_for_each_table_of_the_star(exported: Lake):
    there = sorted(path.name for path in (exported.settings.home / "exports" / "accounts").glob("*.csv"))

    named = [one.table.removeprefix("accounts.") for one in FILES]
    assert there == sorted(f"{name}.csv" for name in named)
    assert {"dim_user", "dim_date", "dim_currency", "fact_transaction", "fact_event", "users_for_marketing"} < set(
        named
    )


@pytest.mark.parametrize("one", FILES, ids=lambda one: one.name)
def test_a_file_read_with_declared_types_is_the_table_to_the_last_digit(exported: Lake, on_files, one):
    (table,) = (table for table in STAR if table.table == one.table)
    told = on_files.sql(f"FROM {one.table}").pl()

    assert_frame_equal(told.sort(table.key), rows_of(exported, one.table).sort(table.key))


def test_a_sniffed_amount_would_lose_digits(exported: Lake):
    """Why types are declared."""
    file = Path(FILES[0].place(exported)).with_name("fact_transaction.csv")
    with duckdb.connect() as connection:
        sniffed = connection.execute("SELECT typeof(amount) FROM read_csv(?) LIMIT 1", [str(file)]).fetchall()

    assert sniffed == [("DOUBLE",)]


@pytest.mark.parametrize("heading", QUESTIONS)
def test_queries_say_the_same_of_files_and_tables(exported: Lake, on_files, heading: str):
    user = rows_of(exported, "accounts.dim_user").drop_nulls("user_id").sort("user_key")["user_id"][0]
    rows = 0
    for day in (LAST - timedelta(days=back) for back in (0, 3, 9)):
        given = {"day": day, "from": day - timedelta(days=5), "to": day, "currency": "btc", "user_id": user}
        text = QUESTIONS[heading]
        (statement,) = duckdb.extract_statements(text)
        of_files = on_files.sql(
            statement, params={name: given[name] for name in statement.named_parameters} or None
        ).pl()
        of_tables = query(exported, text, {name: str(value) for name, value in given.items()})
        whole = [name for name, dtype in of_files.schema.items() if dtype == pl.Decimal(38, 0)]
        assert_frame_equal(of_files.with_columns(pl.col(whole).cast(pl.Int64)), of_tables)
        rows += len(of_tables)
    assert rows


def test_marketing_sees_each_user_once_and_no_user_id(exported: Lake):
    seen = rows_of(exported, "accounts.users_for_marketing")
    users = rows_of(exported, "accounts.dim_user").filter("is_current", pl.col("user_key") != 0)
    names = set(users["user_id"])

    assert seen["user_key"].sort().equals(users["user_key"].sort())
    assert not [name for name, dtype in seen.schema.items() if dtype == pl.String and names & set(seen[name])]
    assert seen["deposits"].sum() == rows_of(exported, "accounts.fact_user_day")["deposits"].sum() > 0


def test_files_of_a_lake_without_accounts_are_not_written(tmp_path: Path):
    with pytest.raises(LookupError, match="no rows in accounts"):
        FILES[0].write(open_lake(Settings(home=tmp_path)))


def test_without_events_there_is_a_file_of_none_and_every_question_is_answered(tmp_path: Path):
    """As of the real archives, of which nobody has events."""
    lake = lake_in(tmp_path)
    write_histories(tmp_path, SMALL)
    for name in ("deposits", "withdrawals"):
        list(land(lake, name, sorted((tmp_path / name).iterdir())))
        take_in(lake, lake.sources[name])
    for table in STAR:
        with suppress(NoRows):
            materialize(lake, table)
    products = [one for one in products_of([], STAR) if one.names[0].startswith("exports.")]
    assert {one.name for one in standing(lake, products).behind} == {one.product for one in FILES}
    for one in FILES:
        one.write(lake)

    assert standing(lake, products) == Standing()
    with duckdb.connect() as connection:
        connection.execute(f"SET file_search_path = '{Path(FILES[0].place(lake)).parent}'")
        connection.execute((FOLDER / "tables_from_csv.sql").read_text())
        assert connection.sql("FROM accounts.fact_event").columns == list(polars_schema(FactEvent))
        assert len(connection.sql("FROM accounts.fact_event")) == 0
        given = {"day": LAST, "from": LAST - timedelta(days=9), "to": LAST, "currency": "btc", "user_id": "nobody"}
        rows = 0
        for text in QUESTIONS.values():
            (statement,) = duckdb.extract_statements(text)
            told = {name: given[name] for name in statement.named_parameters} or None
            rows += len(connection.sql(statement, params=told).pl())
    assert rows
    list(land(lake, "events", sorted((tmp_path / "events").iterdir())))
    take_in(lake, lake.sources["events"])
    materialize(lake, next(one for one in STAR if one.table == "accounts.fact_event"))
    assert "exports.fact_event_csv" in {one.name for one in standing(lake, products).behind}
