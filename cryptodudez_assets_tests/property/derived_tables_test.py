"""Every derived table, the project's own and toys, on simulated archives: kept up under landings, removals and sudden deaths, it is
what computing everything gives, and keeps its contract."""

from dataclasses import replace

import polars as pl
import pytest
from pyiceberg.expressions import AlwaysTrue

from cryptodudez_assets.accounts.dim_user import ERASURES
from cryptodudez_assets.contracts.base import Contract, polars_schema
from cryptodudez_assets.contracts.erasures import Erasures
from cryptodudez_assets.derived import topological
from cryptodudez_assets.derived.declaration import Derived
from cryptodudez_assets.derived.upkeep.materialize import materialize, table_specs
from cryptodudez_assets.derived.upkeep.sql import run
from cryptodudez_assets.lake.iceberg.spec import TableSpec
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.upkeep.judging import judge_table
from cryptodudez_assets.sources import all_sources
from cryptodudez_assets_tests.declared_tables import TABLES
from cryptodudez_assets_tests.integration.crash_test import Died, MortalLakehouse

FOREIGN: dict[str, type[Contract]] = {
    name: source.contract for source in all_sources().values() for name in (source.table, source.observations) if name
} | {ERASURES: Erasures}
CONTRACTS = FOREIGN | {stored.name: table.contract for table in TABLES.values() for stored in table.stored}
# A prime share of the rows, whatever they say.
ONE_IN = 101
each_table = pytest.mark.parametrize("table", TABLES.values(), ids=lambda table: table.table)


def bring(lake: Lake, table: Derived, frames: dict[str, pl.LazyFrame], *, without: int | None) -> None:
    """Have its inputs hold all their rows, or all but one in so many."""
    for one in table.inputs:
        rows = _rows_of(lake, one.table, frames)
        if without is not None:
            rows = rows.filter(pl.int_range(pl.len()) % ONE_IN != without)
        spec = TableSpec(one.table, CONTRACTS[one.table], (), tuple(one.columns[:1]))
        with lake.tables.changing(spec) as change:
            change.delete(AlwaysTrue()).add(rows).as_result()


def _rows_of(lake: Lake, name: str, frames: dict[str, pl.LazyFrame]) -> pl.DataFrame:
    if name in frames:
        rows = frames[name].collect()
    elif name in FOREIGN:  # of a source without samples, nobody has landed anything for it; and nobody was erased
        rows = pl.DataFrame(schema=polars_schema(FOREIGN[name]))
    else:
        table = TABLES[name]
        read = {one.table: _rows_of(lake, one.table, frames).lazy().select(table.reads(one)) for one in table.inputs}
        if table.accumulates:
            read[table.table] = pl.LazyFrame(schema=polars_schema(table.contract))
        made = run(table, table.statement, read) if table.statement else table.transform(read)  # type: ignore[misc]
        rows = made.collect().sort(table.key)
    schema = polars_schema(CONTRACTS[name])
    blank = {pl.String: pl.lit(""), pl.Int64: pl.lit(0)}
    gone = [blank[type(dtype)].alias(column) for column, dtype in schema.items() if column not in rows.columns]  # type: ignore[index]
    return rows.with_columns(gone).select(schema.names())


def contents(lake: Lake, table: Derived) -> list[pl.DataFrame]:
    """The rows of its tables, in one order."""
    scans = [(spec, lake.tables.scan(spec.name)) for spec in table_specs(table)]
    return [rows.collect().sort(spec.sort_by, nulls_last=True) for spec, rows in scans if rows is not None]


def dies_while_it_works(lake: Lake, table: Derived) -> None:
    """It is killed at its first step, and then at its second, and so on, until it comes through."""
    for step in range(1, 30):
        try:
            materialize(replace(lake, tables=MortalLakehouse(lake.settings, step)), table)
        except Died:
            continue
        assert step > 1, "it never died"
        return
    raise AssertionError("it never comes through")


@pytest.mark.slow
@each_table
def test_it_is_kept_up_as_computing_everything_gives(
    lake: Lake, frames: dict[str, pl.LazyFrame], table: Derived
) -> None:
    bring(lake, table, frames, without=7)
    materialize(lake, table)
    assert len(contents(lake, table)[0])
    for without, keep_up in ((None, dies_while_it_works), (13, materialize)):  # what was late comes, and others go
        bring(lake, table, frames, without=without)
        keep_up(lake, table)
        kept_up = contents(lake, table)
        assert materialize(lake, table).rows == 0
        for stored, identity in zip(table.stored, [table.identity, None], strict=False):
            key = identity or list(stored.sort_by)
            found = judge_table(lake, stored.name, table.contract, key, "1", everything=True)
            assert not found.errors, str(found)
        materialize(lake, table, full=True)
        for one, other in zip(kept_up, contents(lake, table), strict=True):
            assert one.equals(other, null_equal=True)


def test_all_that_is_declared_stands_in_an_order_in_which_it_can_be_made() -> None:
    order = [table.table for table in topological(TABLES.values())]
    assert order.index("toys.coin_shares") > order.index("toys.coin_totals")
    assert order.index("features.tweet_vectors_daily") > order.index("features.tweet_vectors")
