"""SQL over the lake: every table under its name, answers that people can use."""

import duckdb
import polars as pl
import pytest

from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.merge import table_spec
from cryptodudez_assets.lake.sql import connect, query
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
