"""SQL over the lake: every table under its name, answers that people can use."""

import tempfile
from pathlib import Path

import duckdb
import polars as pl
import pytest

from cryptodudez_assets.lake.ingest.merge import table_spec
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.sql import Locked, connect, query
from cryptodudez_assets_tests.toy_source import SOURCE

SNOWFLAKE = 1_476_917_806_898_389_903


@pytest.fixture
def filled(lake: Lake) -> Lake:
    """Three blocks in `market.gas_prices`."""
    rows = pl.DataFrame({"block": [1, 2, SNOWFLAKE], "gwei": [5.0, 6.0, 7.0], "file_row": [1, 2, 3]}).with_columns(
        extra=pl.lit(None, pl.String),
        event_ts=pl.lit("2021-06-01 12:00:00").str.to_datetime(time_zone="UTC", time_unit="us"),
        known_ts=pl.lit("2021-06-01 12:00:00").str.to_datetime(time_zone="UTC", time_unit="us"),
        file_id=pl.lit("file"),
    )
    with lake.tables.changing(table_spec(SOURCE)) as change:
        change.add(rows)
    return lake


def test_tables_are_there_under_their_names(filled: Lake):
    assert query(filled, "select count(*) as n from market.gas_prices").rows() == [(3,)]


def test_ids_keep_every_digit_and_sums_are_whole_numbers(filled: Lake):
    answer = query(filled, "select max(block) as id, sum(block) as s, sum(file_row) as n from market.gas_prices")

    assert answer.rows() == [(SNOWFLAKE, SNOWFLAKE + 3, 6)]
    assert set(answer.schema.values()) == {pl.Int64()}


def test_sums_beyond_64_bits_stay_exact(lake: Lake):
    answer = query(lake, "select sum(9223372036854775807::bigint) as s from range(3)")

    assert answer.rows() == [(3 * (2**63 - 1),)]


def test_times_are_utc(filled: Lake):
    answer = query(filled, "select max(event_ts) as at, max(event_ts)::varchar as text from market.gas_prices")

    assert answer.schema["at"] == pl.Datetime("us", "UTC")
    assert answer["text"].item() == "2021-06-01 12:00:00+00"


def test_a_question_sees_the_tables_as_they_are_when_it_is_asked(filled: Lake):
    with connect(filled) as connection:
        with filled.tables.changing(table_spec(SOURCE)) as change:
            change.add(change.rows().collect())
        assert connection.sql("select count(*) from market.gas_prices").fetchall() == [(3,)]

    assert query(filled, "select count(*) from market.gas_prices").item() == 6


def test_what_has_no_counterpart_is_shown_as_text(filled: Lake):
    answer = query(filled, "select interval 1 day as i, 'x'::blob as b, map {'a': 1} as m, 1 as \"odd \"\" name\"")

    assert answer.row(0) == ("1 day", "x", "{a=1}", 1)


def test_nothing_asked_is_nothing_answered(lake: Lake):
    assert query(lake, "").is_empty()


def test_an_unknown_table_brings_the_likely_one_to_mind(filled: Lake):
    with pytest.raises(duckdb.CatalogException, match=r'Did you mean "market\.gas_prices"\?'):
        query(filled, "from gas_prices")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a file, a database and nothing else."""
    (tmp_path / "f.csv").write_text("a\n1\n")
    duckdb.connect(str(tmp_path / "z.db")).close()
    return tmp_path


OUTSIDE = [
    "from '{folder}/f.csv'",
    "select * from read_csv('{folder}/f.csv')",
    "select * from read_text('{folder}/f.csv')",
    "select * from read_blob('{folder}/*')",
    "select * from glob('{folder}/*')",
    "select * from sniff_csv('{folder}/f.csv')",
    "from 'https://127.0.0.1:1/x.csv'",
    "copy (select 1) to '{folder}/out.csv'",
    "explain analyze copy (select 1) to '{folder}/out.csv'",
    "copy market.gas_prices to '{folder}/out.parquet'",
    "create table t as select 1",
    "insert into market.gas_prices select * from market.gas_prices",
    "select 1; drop view market.gas_prices",
    "attach '{folder}/z.db' as z",
    "export database '{folder}/out'",
    "import database '{folder}/out'",
    "install httpfs",
    "load httpfs",
    "create persistent secret s (type http)",
]


@pytest.mark.parametrize("text", OUTSIDE)
def test_it_reads_the_lake_s_tables_and_nothing_else(filled: Lake, folder: Path, text: str):
    before = sorted(path.name for path in folder.iterdir())

    with pytest.raises(Locked, match="SQL reads the lake's tables here"):
        query(filled, text.format(folder=folder))

    assert sorted(path.name for path in folder.iterdir()) == before


@pytest.mark.parametrize(
    "text",
    [
        "set enable_external_access = true",
        "reset enable_external_access",
        "set lock_configuration = false",
        "set temp_directory = '/'",
        "pragma profiling_output = '/tmp/x'",
        "call enable_logging()",
    ],
)
def test_nothing_opens_it_again(filled: Lake, text: str):
    with pytest.raises(duckdb.InvalidInputException, match="locked"):
        query(filled, text)


def test_a_variable_of_the_process_is_no_table(filled: Lake):
    hidden = pl.DataFrame({"a": [1]})  # noqa: F841  (it is looked for by its name)
    with pytest.raises(duckdb.CatalogException, match="hidden"):
        query(filled, "from hidden")


def test_unsafe_opens_files(filled: Lake, folder: Path):
    assert query(filled, f"from '{folder}/f.csv'", unsafe=True).rows() == [(1,)]
    query(filled, f"copy market.gas_prices to '{folder}/out.csv'", unsafe=True)
    assert (folder / "out.csv").read_text().count("\n") == 4


def test_filters_and_columns_reach_the_files_all_the_same(filled: Lake):
    with connect(filled) as connection:
        plan = str(connection.sql("explain select gwei from market.gas_prices where block = 2").fetchall())
    scan = plan[plan.index("PYTHON_ARROW_SCAN") :]
    assert "block" in scan
    assert "gwei" in scan
    assert "known_ts" not in scan


def test_what_does_not_fit_into_memory_is_put_aside_and_taken_away_again(filled: Lake, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    distinct = "select count(*) from (select distinct (i * 7919) % 100000007 as a, i as b from range(2000000) t(i))"
    with duckdb.connect() as roomy:
        monkeypatch.setattr(duckdb, "connect", lambda: roomy)
        roomy.execute("SET memory_limit = '100MB'")
        roomy.execute("SET threads = 1")
        with connect(filled) as connection:
            assert connection.sql(distinct).fetchall() == [(2_000_000,)]
    assert list(tmp_path.glob("cryptodudez-sql-*")) == []
