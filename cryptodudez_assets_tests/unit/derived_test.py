"""What is made of every declared derived table, the project's own and toys: assets, checks, lineage, products, documentation."""

from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest

from cryptodudez_assets.contracts.base import columns_of, polars_schema
from cryptodudez_assets.defs.build import build_definitions
from cryptodudez_assets.defs.metadata import key_of
from cryptodudez_assets.derived import all_derived
from cryptodudez_assets.derived.checking import problem_of
from cryptodudez_assets.derived.declaration import Derived
from cryptodudez_assets.lake.erasing.registry import ERASURES
from cryptodudez_assets.products.declared import products_of
from cryptodudez_assets.products.exports import exports_of
from cryptodudez_assets.sources import all_sources
from cryptodudez_assets_tests.declared_tables import FOUND, TABLES, TOY_TABLES

SOURCES = list(all_sources().values())
DEFINITIONS = build_definitions(SOURCES, TABLES.values())
GRAPH = DEFINITIONS.resolve_asset_graph()
PRODUCTS = {name: product for product in products_of(SOURCES, TABLES.values()) for name in product.names}
each_table = pytest.mark.parametrize("table", TABLES.values(), ids=lambda table: table.table)


def test_the_toys_are_found_by_their_files_alone() -> None:
    assert not FOUND.left_out
    assert set(TOY_TABLES) == {"toys.coin_days", "toys.coin_runs", "toys.coin_totals", "toys.coin_shares"}
    assert TABLES.keys() - TOY_TABLES.keys() == all_derived().keys()


@each_table
def test_it_is_an_asset_of_its_own_name_that_says_everything_of_itself(table: Derived) -> None:
    node = GRAPH.get(key_of(table.table))
    assert node.description.startswith(table.description[:20])
    assert node.owners == [table.owner]
    assert node.parent_keys == {key_of(one.table) for one in table.inputs}
    assert node.code_version == table.code_hash
    assert [column.name for column in node.metadata["dagster/column_schema"].columns] == [
        column.name for column in columns_of(table.contract)
    ]


@each_table
def test_its_columns_name_where_they_come_from(table: Derived) -> None:
    lineage = GRAPH.get(key_of(table.table)).metadata["dagster/column_lineage"].deps_by_column
    assert set(lineage) == {*table.key, *table.made_columns}
    for deps in lineage.values():
        assert {dep.asset_key for dep in deps} == {key_of(one.table) for one in table.inputs}
    contracts = {name: source.contract for source in SOURCES for name in (source.table, source.observations)} | {
        stored.name: other.contract for other in TABLES.values() for stored in other.stored
    }
    contracts[ERASURES.name] = ERASURES.contract
    for dep in {dep for deps in lineage.values() for dep in deps}:
        assert dep.column_name in polars_schema(contracts[".".join(dep.asset_key.path)])


@each_table
def test_its_contract_and_its_files_are_checked_and_stop_what_follows(table: Derived) -> None:
    for stored in table.stored:
        for name in ("contract", "intact"):
            assert GRAPH.get(dg.AssetCheckKey(key_of(stored.name), name)).blocking


@each_table
def test_what_is_behind_is_asked_of_it(table: Derived) -> None:
    product = PRODUCTS[table.table]
    assert product.code_hash == table.code_hash
    assert set(product.names) == {stored.name for stored in table.stored}


@each_table
def test_its_exports_are_assets(table: Derived) -> None:
    for export in exports_of([], [table]):
        node = GRAPH.get(key_of(export.product))
        assert node.parent_keys == {key_of(table.table)}
        assert export.product in PRODUCTS


@each_table
def test_where_it_has_days_people_can_ask_for_one(table: Derived) -> None:
    node = GRAPH.get(key_of(table.table))
    days = isinstance(node.partitions_def, dg.DailyPartitionsDefinition)
    assert days == (table.partitions is not None)
    if table.partitions is not None:
        assert GRAPH.get(dg.AssetCheckKey(node.key, "days")).description


@pytest.mark.parametrize("table", [table for table in TABLES.values() if table.sql], ids=lambda table: table.table)
def test_comments_in_its_sql_change_nothing_and_words_do(table: Derived, tmp_path: Path) -> None:
    text = Path(str(table.sql)).read_text()
    same, other = tmp_path / "same.sql", tmp_path / "other.sql"
    same.write_text(f"-- said again\n{text.replace(' ', '  ')}")
    other.write_text(f"SELECT * FROM ({text}) WHERE true")
    assert replace(table, sql=same).code_hash == table.code_hash
    assert replace(table, sql=other).code_hash != table.code_hash


def test_what_cannot_add_up_is_told_where_it_is_declared() -> None:
    day, total = TOY_TABLES["toys.coin_days"], TOY_TABLES["toys.coin_totals"]
    assert "expected a key of a time and of what adds up, found symbol" in str(
        problem_of(replace(total, accumulates=True), {})
    )
    assert "expected a key of a time and of what adds up, found day" in str(
        problem_of(replace(day, accumulates=True), {})
    )
    both = replace(day, accumulates=True, key=["day", "coins"])
    assert "reaches=datetime.timedelta(0): what adds up is reached by all before it" in str(problem_of(both, {}))


def test_an_input_that_may_be_absent_is_waited_for_only_where_all_are() -> None:
    (one,) = TOY_TABLES["toys.coin_days"].inputs
    other = replace(one, table="toys.other", absent=TOY_TABLES["toys.coin_days"].contract)
    of_two = replace(TOY_TABLES["toys.coin_days"], inputs=[one, other])
    assert of_two.needs({one.table}.__contains__) == [one.table]
    assert of_two.needs({one.table, other.table}.__contains__) == [one.table, other.table]
    assert of_two.needs({other.table}.__contains__) == [one.table, other.table]
    of_none = replace(of_two, inputs=[replace(one, absent=other.absent), other])
    assert of_none.needs(set[str]().__contains__) == [one.table, other.table]
