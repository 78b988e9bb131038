"""Iceberg tables made from contracts: types, nulls, columns added later, all or nothing, several processes' locks."""

from datetime import UTC, date, datetime
from pathlib import Path

import pandera.polars as pa
import polars as pl
import pytest
from pyiceberg.expressions import AlwaysTrue, EqualTo, GreaterThan, In

from cryptodudez_assets.contracts.base import Contract, UtcTime, polars_schema
from cryptodudez_assets.lake.iceberg.homes import HomeRefused
from cryptodudez_assets.lake.iceberg.scan import TableAt, data_files
from cryptodudez_assets.lake.iceberg.spec import TableSpec
from cryptodudez_assets.lake.iceberg.tables import IcebergTables
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.store.locks import exclusive
from cryptodudez_assets.settings import Settings
from cryptodudez_assets_tests.builders import open_lake, rows_of


class Things(Contract):
    """Every type that a contract may use."""

    name: str = pa.Field(description="Name.")
    text: str = pa.Field(description="Text.", nullable=True)
    number: pl.Int64 = pa.Field(description="Number.", nullable=True)
    share: float = pa.Field(description="Share.", nullable=True)
    yes: pl.Boolean = pa.Field(description="Yes.", nullable=True)
    day: pl.Date = pa.Field(description="Day.", nullable=True)
    at: UtcTime = pa.Field(description="Time.", nullable=True)
    tags: pl.List(pl.String) = pa.Field(description="Tags.", nullable=True)  # type: ignore[valid-type]


class MoreThings(Things):
    """The same with two more columns."""

    colour: str = pa.Field(description="Colour.")
    tones: pl.List(pl.String) = pa.Field(description="Tones.", nullable=True)  # type: ignore[valid-type]


SPEC = TableSpec("lab.things", Things, (("name", "identity"),), ("number",))
MORE = TableSpec("lab.things", MoreThings, (("name", "identity"),), ("number",))
FULL = {
    "name": "full",
    "text": "ü\n",
    "number": 2**62,
    "share": 0.1,
    "yes": True,
    "day": date(1960, 2, 29),
    "at": datetime(2021, 1, 1, 1, 2, 3, 456789, UTC),
    "tags": ["a", None, ""],
}


def things(*rows: dict[str, object], contract: type[Contract] = Things) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=polars_schema(contract))


def add(lake: Lake, *rows: dict[str, object], spec: TableSpec = SPEC) -> None:
    with lake.tables.changing(spec) as change:
        change.add(things(*rows, contract=spec.contract))


def names(lake: Lake) -> list[str]:
    return sorted(rows_of(lake, SPEC.name)["name"])


def test_every_type_and_null_comes_back_as_it_went_in(lake: Lake) -> None:
    add(lake, FULL, {"name": "empty"})
    rows = rows_of(lake, SPEC.name)
    assert rows.schema == polars_schema(Things)
    assert rows.filter(name="full").to_dicts() == [FULL]
    assert rows.filter(name="empty").to_dicts() == [dict.fromkeys(FULL) | {"name": "empty"}]


def test_a_null_where_the_contract_forbids_it_is_not_written(lake: Lake) -> None:
    with pytest.raises(ValueError, match="non-nullable"):
        add(lake, {"number": 1})
    assert lake.tables.scan(SPEC.name) is None or names(lake) == []


def test_a_column_that_the_contract_gains_is_null_in_older_rows(lake: Lake) -> None:
    add(lake, {"name": "old"})
    add(lake, {"name": "new", "colour": "red", "tones": ["dark"]}, spec=MORE)
    assert rows_of(lake, SPEC.name).select("name", "colour", "tones").sort("name").rows() == [
        ("new", "red", ["dark"]),
        ("old", None, None),
    ]


def test_a_column_that_the_contract_loses_stays_for_older_rows(lake: Lake) -> None:
    add(lake, {"name": "old", "colour": "red"}, spec=MORE)
    with pytest.raises(ValueError, match="colour"):
        add(lake, {"name": "new"})  # it was required: whoever reads it must be told
    assert names(lake) == ["old"]


class RetypedThings(Things):
    """Things that are counted in another way."""

    number: float = pa.Field(description="Some number.", nullable=True)


RETYPED = TableSpec("lab.things", RetypedThings, (("name", "identity"),), ("number",))


def test_a_column_that_the_contract_retypes_is_refused_until_the_table_is_made_again(lake: Lake) -> None:
    add(lake, {"name": "old", "number": 1})
    refused = r"number is double, the table has it as long.*cryptodudez rebuild lab.things"
    with pytest.raises(HomeRefused, match=refused), lake.tables.changing(RETYPED):
        pytest.fail("a change of the table has begun")
    assert names(lake) == ["old"]
    staged = lake.tables.staged([SPEC.name])
    with staged.changing(RETYPED) as change:
        change.add(pl.DataFrame([{"name": "new", "number": 1.5}], schema=polars_schema(RetypedThings)))
    staged.swap_in([SPEC.name])
    assert rows_of(lake, SPEC.name).select("name", "number").rows() == [("new", 1.5)]


def test_a_change_is_invisible_until_it_ends(lake: Lake) -> None:
    add(lake, {"name": "a"})
    with lake.tables.changing(SPEC) as change:
        change.delete(AlwaysTrue()).add(things({"name": "b"})).add(things({"name": "c"}))
        assert names(lake) == ["a"]
    assert names(lake) == ["b", "c"]


def test_a_change_that_fails_changes_nothing(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "cryptodudez_assets.lake.iceberg.data_files.WRITE_BYTES", 1
    )  # so that files are written before it fails
    add(lake, {"name": "a"})

    def fail() -> None:
        with lake.tables.changing(SPEC) as change:
            change.delete(AlwaysTrue()).add(things({"name": "b"}))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert names(lake) == ["a"]


def test_many_frames_make_as_few_files_as_one(lake: Lake) -> None:
    with lake.tables.changing(SPEC) as change:
        for number in range(20):
            change.add(things({"name": "a", "number": number}))
    table = lake.tables.catalog.load_table(SPEC.name)
    assert (len(data_files(table)), len(table.metadata.snapshots)) == (1, 1)


@pytest.mark.parametrize(
    ("where", "left"),
    [
        (EqualTo("name", "a"), "bb"),
        (GreaterThan("number", 1), "aab"),
        (In("number", [1, 2]), "a"),
        (EqualTo("name", "z"), "aabb"),
    ],
)
def test_deleting_drops_the_rows_that_match_and_no_others(lake: Lake, where: object, left: str) -> None:
    add(lake, {"name": "a", "number": 1}, {"name": "a"}, {"name": "b", "number": 1}, {"name": "b", "number": 2})
    with lake.tables.changing(SPEC) as change:
        change.delete(where)
    assert names(lake) == list(left)


def test_the_older_version_can_still_be_read(lake: Lake) -> None:
    with lake.tables.changing(SPEC) as change:
        change.add(things({"name": "a"}))
    add(lake, {"name": "b"})
    older = lake.tables.scan(SPEC.name, snapshot_id=change.snapshot_id)
    assert older is not None
    assert older.collect()["name"].to_list() == ["a"]


def test_a_change_of_nothing_makes_no_version(lake: Lake) -> None:
    with lake.tables.changing(SPEC) as change:
        change.delete(EqualTo("name", "a")).add(things())
    assert change.snapshot_id is None


def test_a_note_is_kept_until_a_version_is_made_and_told_once(lake: Lake) -> None:
    with lake.tables.changing(SPEC) as change:
        change.note({"who": "me"}).delete(EqualTo("name", "a")).add(things({"name": "a"}))
    with lake.tables.changing(SPEC) as change:
        change.note({"who": "you"}).delete(EqualTo("name", "a")).add(things({"name": "b"}))
    snapshots = lake.tables.catalog.load_table(SPEC.name).metadata.snapshots
    assert [one.summary.additional_properties.get("who") for one in snapshots if one.summary] == ["me", "you"]


def test_exactly_the_files_that_are_named_are_replaced(lake: Lake) -> None:
    for number in range(3):
        add(lake, {"name": "a", "number": number})
    with lake.tables.rearranging(SPEC.name) as change:
        first, second, third = data_files(change.table)
        change.drop([first, second]).add(things({"name": "new"}))
    left = data_files(lake.tables.catalog.load_table(SPEC.name))
    assert third.file_path in [file.file_path for file in left]
    assert names(lake) == ["a", "new"]


def test_a_file_is_dropped_once(lake: Lake) -> None:
    add(lake, {"name": "a"})

    def drop_twice() -> None:
        with lake.tables.rearranging(SPEC.name) as change:
            change.rewrite(change.paths(AlwaysTrue()), lambda rows: rows)
            change.rewrite(change.paths(AlwaysTrue()), lambda rows: rows)

    with pytest.raises(ValueError, match="dropped twice"):
        drop_twice()
    assert names(lake) == ["a"]


@pytest.mark.parametrize("folder", ["with space", "ümläut", "a+b=c"])
def test_the_lake_may_lie_in_any_folder(tmp_path: Path, folder: str) -> None:
    lake = open_lake(Settings(home=tmp_path / folder))
    add(lake, {"name": "a"})
    assert names(open_lake(Settings(home=tmp_path / folder))) == ["a"]


def test_homes_that_share_a_catalog_share_its_locks(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cryptodudez_assets.lake.store.locks.PATIENCE_SECONDS", 0.1)
    other = Settings(home=tmp_path / "other", catalog=settings.catalog)
    with exclusive(settings, "x"), pytest.raises(TimeoutError), exclusive(other, "x"):
        pass
    with exclusive(settings, "x"), exclusive(other, "y"):
        pass


def test_every_table_is_listed_by_its_name(lake: Lake) -> None:
    add(lake, {"name": "a"})
    assert IcebergTables(lake.settings).names() == ["lab.things"]


@pytest.mark.parametrize("column", ["text", "number", "day"])
def test_a_snapshot_reads_the_files_that_may_hold_a_value(lake: Lake, column: str) -> None:
    found = [{"name": str(n), "text": f"{n}" * 30, "number": n, "day": date(2020, 1, n)} for n in range(1, 4)]
    for row in found:
        add(lake, row)
    add(lake, {"name": "null"})
    table = lake.tables.table(SPEC.name)
    assert table is not None
    snapshot = TableAt(table)
    add(lake, {"name": "later"} | {column: found[1][column]})

    def names_with(*rows: dict[str, object]) -> list[str]:
        return sorted(snapshot.scan(pl.Series(column, [row[column] for row in rows])).collect()["name"])

    assert names_with(found[1]) == ["2", "null"]  # of that file nothing is known
    assert names_with(found[0], found[2]) == ["1", "2", "3", "null"]  # a range
    assert sorted(snapshot.scan().collect()["name"]) == ["1", "2", "3", "null"]


def test_manifests_stay_few_however_often_files_are_replaced(lake: Lake) -> None:
    for number in range(12):
        add(lake, {"name": f"kept {number}"})
        with lake.tables.changing(SPEC) as change:
            change.delete(EqualTo("name", "replaced")).add(things({"name": "replaced", "number": number}))
    table = lake.tables.catalog.load_table(SPEC.name)
    snapshot = table.current_snapshot()
    assert snapshot is not None
    assert len(snapshot.manifests(table.io)) <= 5
    rows = lake.tables.scan(SPEC.name)
    assert rows is not None
    assert rows.filter(name="replaced").collect()["number"].to_list() == [11]
    assert rows.collect().height == 13
