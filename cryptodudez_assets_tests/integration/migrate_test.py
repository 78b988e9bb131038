"""A home's lake and catalog are brought to another folder, to S3 and PostgreSQL, to a stand-in for Google's bucket: all of it, and once."""

import io
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import polars as pl
import psycopg
import pytest
from click.testing import CliRunner

from cryptodudez_assets.cli import main
from cryptodudez_assets.defs.resources import LakeResource
from cryptodudez_assets.erasing.work import Work
from cryptodudez_assets.fetching.access import spending_url
from cryptodudez_assets.lake.iceberg.homes import HomeRefused
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.metastore.discovery import discover_all
from cryptodudez_assets.lake.moving.migrating import Listeners
from cryptodudez_assets.lake.store.database import open_database
from cryptodudez_assets.lake.store.locks import exclusive, sign_of_life
from cryptodudez_assets.lake.store.moved import KEY, HomeMoved
from cryptodudez_assets.lake.upkeep.maintenance import maintain
from cryptodudez_assets.lake.upkeep.verify import verify_raw, verify_table
from cryptodudez_assets.migrating import migrate
from cryptodudez_assets.models.explain import explain
from cryptodudez_assets.models.registry import Registry
from cryptodudez_assets.models.shared_receipts import SPEC
from cryptodudez_assets.models.verify import verify_models
from cryptodudez_assets.settings import Settings
from cryptodudez_assets.sources import all_sources
from cryptodudez_assets.venues.x.spending import TABLES
from cryptodudez_assets_tests.builders import READINGS, csv, open_lake, rows_of, take_in
from cryptodudez_assets_tests.conftest import Once
from cryptodudez_assets_tests.homes_builder import files_with_hashes, land
from cryptodudez_assets_tests.migrations import answer, bring, copied, fill, objects, picture, to_folder, versions
from cryptodudez_assets_tests.model_builders import register_base_rates
from cryptodudez_assets_tests.serving_builders import MODEL


@pytest.fixture(scope="session")
def lived(once: Once) -> Path:
    """A home that tests copy."""
    return once("migrations", lambda folder: fill(folder / "home")) / "home"


@pytest.fixture
def source(lived: Path, tmp_path: Path) -> Settings:
    return copied(lived, tmp_path / "home")


@pytest.fixture(params=["folder", "s3", "gs"])
def target(source: Settings, request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """Where the home's lake goes: in S3 the raw zone to a bucket of its own."""
    if request.param == "folder":
        return to_folder(source)
    told = {f"{request.param}_endpoint": request.getfixturevalue(f"{request.param}_endpoint")}
    if request.param == "s3":
        told["raw"] = f"s3://versioned/{tmp_path.name}"
    lake, catalog = f"{request.param}://lake/{tmp_path.name}", request.getfixturevalue("database")
    return Settings(home=source.home, lake=lake, catalog=catalog, settle_seconds=0, **told)


@pytest.mark.servers
def test_all_of_a_home_is_there_and_goes_on(source: Settings, target: Settings, tmp_path: Path) -> None:
    receipt = answer(source)
    before, then = picture(source), versions(open_lake(source))
    done, _ = bring(source, target)
    assert done is not None
    assert [one.differing for one in done.tables] == [[]] * len(done.tables)
    assert {one.table for one in done.tables} == {name for name, _ in then} > {"ml.receipts"}
    assert picture(target) == before

    lake = open_lake(target)
    for (name, one), rows in then.items():
        found = lake.tables.scan(name, snapshot_id=one)
        assert found is not None
        assert found.collect().equals(rows), f"{name} {one}"
    for name in lake.tables.names():
        told = verify_table(lake, name)
        assert (told.unrecorded, told.differences) == ([], [])
        texts = rows_of(lake, name).select(pl.selectors.string())
        named = texts.select(
            pl.any_horizontal(pl.all().str.starts_with(f"{source.lake}/").fill_null(value=False)).any()
        )
        assert not named.item(), name
    assert verify_raw(lake, READINGS.name).differences == []
    assert [one.differences for one in verify_models(target)] == [[]]

    assert discover_all(lake, READINGS.name) == []
    n_rows = rows_of(lake, READINGS.table).height
    land(lake, "more.csv", csv("more", range(7), bad=1))
    take_in(lake)
    assert rows_of(lake, READINGS.table).height == n_rows + 7
    list(maintain(lake))
    assert rows_of(lake, READINGS.table).height == n_rows + 7

    elsewhere = open_lake(target.model_copy(update={"home": tmp_path / "another"}))
    assert explain(elsewhere, receipt).replay.replayed
    assert explain(lake, answer(target)).replay.replayed
    assert not any(
        (source.home / name).is_symlink() and (source.home / name).exists() for name in ("models", "reports")
    )

    assert picture(source) == before  # as it was, and to be read
    with pytest.raises(HomeMoved, match=f"was moved to {target.lake}"):
        land(open_lake(source), "late.csv", csv("late", range(3)))
    done, steps = bring(source, target)
    assert done is not None
    assert (done.was_done, steps) == (True, [])


@pytest.mark.servers
@pytest.mark.parametrize("to", ["folder", "gs"])
def test_a_lake_in_a_bucket_goes_to_a_folder_or_another_bucket(
    source: Settings, to: str, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("moving.migrating", "store.objects"):  # each look is made, so that nobody waits for one of before
        monkeypatch.setattr(f"cryptodudez_assets.lake.{module}.LOOK_SECONDS", 0.0)
    catalogs = [f"sqlite:///{tmp_path}/{name}.db" for name in ("first", "second")]
    s3 = {"lake": f"s3://lake/{tmp_path.name}", "s3_endpoint": request.getfixturevalue("s3_endpoint")}
    bucket = Settings(home=source.home, catalog=catalogs[0], settle_seconds=0, **s3)
    assert bring(source, bucket)[0] is not None
    if to == "folder":
        target = to_folder(source)
    else:
        gs = {"lake": f"gs://lake/{tmp_path.name}", "gs_endpoint": request.getfixturevalue("gs_endpoint")}
        target = bucket.model_copy(update={"catalog": catalogs[1], **gs})
    before, then = picture(bucket), versions(open_lake(bucket))

    assert bring(bucket, target, dies_at="staged")[0] is None
    with pytest.raises(HomeMoved, match="is being moved to"):
        land(open_lake(bucket), "late.csv", csv("late", range(3)))
    done, _ = bring(bucket, target)
    assert done is not None
    assert [one.differing for one in done.tables] == [[]] * len(done.tables)
    assert picture(target) == picture(bucket) == before
    lake = open_lake(target)
    for (name, one), rows in then.items():
        found = lake.tables.scan(name, snapshot_id=one)
        assert found is not None
        assert found.collect().equals(rows), f"{name} {one}"
    with pytest.raises(HomeMoved, match=f"was moved to {target.lake}"):
        land(open_lake(bucket), "late.csv", csv("late", range(3)))

    assert discover_all(lake, READINGS.name) == []
    n_rows = rows_of(lake, READINGS.table).height
    land(lake, "more.csv", csv("more", range(7), bad=1))
    take_in(lake)
    assert rows_of(lake, READINGS.table).height == n_rows + 7


def test_links_and_files_in_the_lakes_own_folder_stay_and_are_named(source: Settings, tmp_path: Path) -> None:
    target, root = to_folder(source), Path(source.lake)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "kept.csv").touch()
    (root / "shelf").symlink_to(tmp_path / "elsewhere")
    (root / "notes.txt").write_text("by hand")
    done, _ = bring(source, target)
    assert done is not None
    assert done.inventory.odd == {
        f"{root}/notes.txt": "it lies in none of the lake's folders",
        f"{root}/shelf": "symbolic link",
    }
    assert not {"shelf", "notes.txt"} & {one.name for one in Path(target.lake).iterdir()}


def test_where_a_file_is_missing_nothing_is_switched_and_the_lake_goes_on(source: Settings) -> None:
    target, lake = to_folder(source), open_lake(source)
    table = lake.tables.load(READINGS.table)
    lost = Path(next(iter(table.scan().plan_files())).file.file_path)
    kept = lost.read_bytes()
    lost.unlink()
    with pytest.raises(HomeRefused, match=rf"{lost.name}: `cryptodudez rebuild {READINGS.table}`, then migrate again"):
        migrate(source, target, all_sources())
    land(open_lake(source), "after.csv", csv("after", range(3)))
    take_in(lake)
    lost.write_bytes(kept)
    migrate(source, target, all_sources())
    assert rows_of(open_lake(target), READINGS.table).filter(sensor="after").height == 3


def test_a_table_that_begins_while_the_lake_leaves_is_refused(source: Settings) -> None:
    target, lake = to_folder(source), open_lake(source)

    def begins(line: str) -> None:
        if line == "sealed":
            # As somebody does who looked before the lake said so, and waited for the catalog's lock since.
            with pytest.raises(HomeMoved):
                lake.tables._ensure(replace(SPEC, name="ml.begun"))

    migrate(source, target, all_sources(), Listeners(step=begins))


def test_who_fetches_is_waited_for_and_the_lake_goes_on(source: Settings) -> None:
    with (
        exclusive(source, "feed.x"),
        pytest.raises(HomeRefused, match="something is at work"),
    ):
        migrate(source, to_folder(source), all_sources())
    land(open_lake(source), "after.csv", csv("after", range(3)))


def test_nobody_is_erased_while_the_lake_is_copied(source: Settings) -> None:
    (source.home / "moves").mkdir()
    (source.home / "moves" / "1.jsonl").touch()
    with pytest.raises(HomeRefused, match="the lake is being copied elsewhere"):
        Work.insist_on_one_lake(SimpleNamespace(lake=open_lake(source)))  # type: ignore[arg-type]


def test_what_is_written_meanwhile_arrives(source: Settings) -> None:
    target, lake = to_folder(source), open_lake(source)
    last: list[str] = []

    def meanwhile(line: str) -> None:
        if line.startswith("copied") and last == ["begun"]:
            land(lake, "meanwhile.csv", csv("meanwhile", range(3)))
            take_in(lake)
            lake.store.write("exports/some/part.csv", io.BytesIO(b"other rows"))
            lake.store.delete("exports/some/.made_from.json")
        last.append(line)

    migrate(source, target, all_sources(), Listeners(step=meanwhile))
    assert picture(target) == picture(source)
    assert rows_of(open_lake(target), READINGS.table).filter(sensor="meanwhile").height == 3
    assert objects(target)["exports/some/part.csv"] == b"other rows"


@pytest.mark.parametrize("where", [5, "sealed", "staged", "switched", "whole"])
def test_whoever_dies_leaves_one_lake_that_is_whole_and_the_same_call_goes_on(
    source: Settings, where: int | str
) -> None:
    """More steps are in `migrate_kills_test`."""
    target, expected = to_folder(source), picture(source)
    done, steps = bring(source, target, dies_at=where)
    assert done is None
    assert where in (len(steps), steps[-1])
    if where == "whole":
        assert picture(target) == expected
    else:
        with pytest.raises(HomeMoved, match="is being filled"):
            open_lake(target)
    assert picture(source) == expected
    done, _ = bring(source, target)
    assert done is not None
    assert picture(target) == expected
    with pytest.raises(HomeMoved, match="was moved to"):
        land(open_lake(source), "late.csv", b"")


WRITING = [
    ["run"],
    ["land", "crypto_prices", "FILE"],
    ["quarantine", "replay", "crypto_prices"],
    ["rebuild", "lab.readings"],
    ["demo", "--size", "tiny"],
    ["record", "--book", "btc_mxn"],
    ["fetch", "binance"],
    ["erase-user", "somebody-1234567"],
    ["comply"],
    ["up"],
    ["serve"],
]
READING = [["status"], ["status", "--files"], ["sql", "from lab.readings"], ["quarantine", "list"], ["verify"]]


@pytest.fixture(scope="module")
def left(lived: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, Settings]:
    """A home whose lake was moved, with the settings of before and of now."""
    source = copied(lived, tmp_path_factory.mktemp("left") / "home")
    target = to_folder(source)
    assert bring(source, target)[0] is not None
    return source, target


@pytest.mark.parametrize("command", [*WRITING, *READING], ids=" ".join)
def test_every_command_that_writes_says_where_the_lake_is_and_those_that_read_go_on(
    left: tuple[Settings, Settings], command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = left
    monkeypatch.setenv("CRYPTODUDEZ_HOME", str(source.home))
    monkeypatch.setenv("CRYPTODUDEZ_ERASURE_KEY", "a key of sixteen characters")
    (tmp_path / "FILE").write_text("x")
    before = files_with_hashes(source.home)
    said = CliRunner().invoke(main, [str(tmp_path / one) if one == "FILE" else one for one in command])
    assert files_with_hashes(source.home) == before
    if command in READING:
        assert said.exit_code == 0, said.output
        return
    assert said.exit_code == 1
    assert said.output == (
        f"Error: the lake {source.lake} was moved to {target.lake}, and is only read since: "
        f"set CRYPTODUDEZ_LAKE={target.lake} CRYPTODUDEZ_CATALOG={target.catalog}\n"
    )


WAYS: dict[str, Callable[[Lake], object]] = {
    "runs and sensors": lambda lake: LakeResource(home=str(lake.settings.home)).open(),
    "training": lambda lake: register_base_rates(Registry(lake.settings, MODEL)),
    "receipts": lambda lake: answer(lake.settings),
    "a commit": lambda lake: lake.tables.changing(SPEC).__enter__(),
    "upkeep": lambda lake: lake.tables.rearranging(READINGS.table).__enter__(),
    "rebuilding": lambda lake: lake.tables.staged([READINGS.table]).swap_in([READINGS.table]),
    "landing": lambda lake: land(lake, "late.csv", b"x"),
    "removing": lambda lake: lake.store.delete("raw/readings/a.csv"),
    "creating": lambda lake: lake.store.create("models/x/y", b""),
    "exporting": lambda lake: lake.store.replace("exports/x", [], "y"),
}


@pytest.mark.parametrize("way", WAYS)
def test_what_writes_by_code_is_refused_too(left: tuple[Settings, Settings], way: str) -> None:
    lake = open_lake(left[0])
    before = files_with_hashes(lake.settings.home)
    with pytest.raises(HomeMoved, match="was moved to"):
        WAYS[way](lake)
    assert files_with_hashes(lake.settings.home) == before


def test_half_of_the_new_settings_is_told_the_other_half(left: tuple[Settings, Settings]) -> None:
    source, target = left
    with pytest.raises(HomeMoved, match=f"set .*CRYPTODUDEZ_CATALOG={target.catalog}"):
        open_lake(source.model_copy(update={"lake": target.lake}))
    with pytest.raises(HomeRefused, match=f"lie in {target.lake}/tables, not in its lake"):
        open_lake(source.model_copy(update={"catalog": target.catalog}))


def test_places_that_hold_another_lake_are_refused_and_stay_as_they_are(source: Settings, lived: Path) -> None:
    target = to_folder(source)
    other = copied(lived, source.home.parent / "other")
    for lake, catalog, why in (
        (other.lake, target.catalog, "is not empty"),
        (target.lake, other.catalog, "names .* tables of another lake"),
        (source.lake, target.catalog, "name another place"),
        (f"{source.lake}/deeper", target.catalog, "name another place"),
        (target.lake, source.catalog, "another one than it is now"),
    ):
        before = files_with_hashes(source.home), files_with_hashes(other.home)
        with pytest.raises(HomeRefused, match=why):
            bring(source, target.model_copy(update={"lake": lake, "catalog": catalog}))
        assert (files_with_hashes(source.home), files_with_hashes(other.home)) == before
    assert bring(source, target, dies_at=4)[0] is None
    with pytest.raises(HomeRefused, match="holds another lake, which came from"):
        bring(other, target)
    sealed, _ = bring(source, to_folder(source, "second"))
    assert sealed is not None
    with pytest.raises(HomeMoved, match="was moved to"):
        bring(source, to_folder(source, "third"))


@pytest.mark.parametrize("who", ["daemon", "run.1", "batch.1", "recorder-one", "serving.1"])
def test_nothing_is_moved_while_something_is_at_work(source: Settings, who: str) -> None:
    target = to_folder(source)
    with sign_of_life(source, who), pytest.raises(HomeRefused, match="something is at work in"):
        bring(source, target)
    assert not Path(target.lake).exists()


def test_whoever_begins_at_the_last_moment_keeps_the_lake_open(source: Settings) -> None:
    target = to_folder(source)
    with ExitStack() as alive:

        def begins(line: str) -> None:
            if line == "sealed":
                alive.enter_context(sign_of_life(source, "daemon"))

        with pytest.raises(HomeRefused, match="something is at work"):
            migrate(source, target, all_sources(), Listeners(step=begins))
        land(open_lake(source), "late.csv", csv("late", range(3)))
    done, _ = bring(source, target)
    assert done is not None
    assert "raw/readings/late.csv" in objects(target)


def test_damage_is_not_brought_along(source: Settings) -> None:
    path = next(Path(source.lake, "tables/lab/readings/data").rglob("*.parquet"))
    content_before = path.read_bytes()
    path.write_bytes(content_before[:-9] + b"x" + content_before[-8:])
    with pytest.raises(HomeRefused, match=f"{path} is not what was written: `cryptodudez verify`"):
        bring(source, to_folder(source))
    path.write_bytes(content_before)
    assert bring(source, to_folder(source))[0] is not None


def test_a_table_that_does_not_say_the_same_is_not_switched_to(source: Settings) -> None:
    target = to_folder(source)

    def change(line: str) -> None:
        if line == "staged":
            path = next(Path(target.lake, "tables/lab/readings/data").rglob("*.parquet"))
            rows = pl.read_parquet(path)
            rows.with_columns(value=pl.col("value") + (pl.int_range(pl.len()) == 0)).write_parquet(path)

    with pytest.raises(HomeRefused, match=r"lab\.readings does not say the same in .*: the column value"):
        migrate(source, target, all_sources(), Listeners(step=change))
    with pytest.raises(HomeMoved, match="is being filled"):
        open_lake(target)
    with pytest.raises(HomeMoved, match=f"is being moved to {target.lake}"):
        land(open_lake(source), "late.csv", b"")
    assert bring(source, target)[0] is not None
    assert picture(target) == picture(source)


def test_without_its_note_the_old_lake_is_what_it_was(source: Settings) -> None:
    before = picture(source)
    assert bring(source, to_folder(source))[0] is not None
    Path(source.lake, KEY).unlink()
    lake = open_lake(source)
    assert picture(source) == before
    land(lake, "late.csv", csv("late", range(3)))
    take_in(lake)
    assert rows_of(lake, READINGS.table).filter(sensor="late").height == 3


def test_the_command_says_what_it_does_and_no_password(
    source: Settings, tmp_path: Path, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRYPTODUDEZ_HOME", str(source.home))
    told = ["migrate", "--to-lake", str(tmp_path / "lake"), "--to-catalog"]
    refused = CliRunner().invoke(main, [*told, "postgresql://dudez:hidden-word@db/catalog"])
    assert refused.exit_code == 2
    assert "PGPASSWORD" in refused.output
    assert "hidden-word" not in refused.output
    wrong = CliRunner().invoke(main, ["migrate", "--to-lake", "ftp://x", "--to-catalog", "sqlite:///x"])
    assert "--to-lake must be a folder or begin with" in wrong.output
    n_files = len(objects(source))
    done = CliRunner().invoke(main, [*told, database])
    assert done.exit_code == 0, done.output
    assert "are left to copy, and" in done.output
    assert f"\nset now: CRYPTODUDEZ_LAKE={tmp_path}/lake CRYPTODUDEZ_CATALOG='postgresql:///" in done.output
    assert "same in both" in done.output
    assert n_files == len(objects(Settings(home=source.home, lake=str(tmp_path / "lake"), catalog=database)))
    again = CliRunner().invoke(main, [*told, database])
    assert "nothing is left to do" in again.output


@pytest.mark.servers
@pytest.mark.parametrize("what", ["a bucket", "a folder", "a database"])
def test_a_place_that_cannot_be_used_is_told_before_anything_is_copied(
    source: Settings, what: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    changed = {}
    if what == "a bucket":
        changed = {"lake": "s3://nowhere/lake", "s3_endpoint": request.getfixturevalue("s3_endpoint")}
    elif what == "a folder":
        (tmp_path / "file").touch()
        changed = {"lake": f"{tmp_path}/file/lake"}
    else:
        database = request.getfixturevalue("database")
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute("DROP ROLE IF EXISTS limited")
            connection.execute("CREATE ROLE limited LOGIN")
        changed = {"catalog": database.replace("postgres:@", "limited:@")}
    target = to_folder(source).model_copy(update=changed)
    with pytest.raises(HomeRefused, match=r"cannot be used .*Nothing was copied"):
        bring(source, target)
    assert not (source.home / "moves").exists()
    land(open_lake(source), "late.csv", csv("late", range(3)))


def test_a_migration_that_goes_on_with_another_catalog_leaves_the_tables_that_this_one_names(
    source: Settings, lived: Path
) -> None:
    other = copied(lived, source.home.parent / "other")
    before = picture(other)
    assert bring(source, to_folder(source), dies_at=4)[0] is None
    with pytest.raises(HomeRefused, match="tables of another lake"):
        bring(source, to_folder(source).model_copy(update={"catalog": other.catalog}))
    assert picture(other) == before


@pytest.mark.servers
def test_what_was_spent_counts_in_the_new_place_too(source: Settings, database: str) -> None:
    target = to_folder(source).model_copy(update={"catalog": database})
    call = ("1", "posts", "", "2026-11-28", "2026-11", "settled", 5_000, 1, "2026-11-28T00:00:00")
    before = open_database(spending_url(source), TABLES, "x_spending")
    before.run(f"INSERT INTO x_calls VALUES ({', '.join('?' * len(call))})", call)
    assert bring(source, target, dies_at="staged")[0] is None
    assert bring(source, target)[0] is not None
    assert open_database(spending_url(target), TABLES, "x_spending").run("SELECT * FROM x_calls") == [call]
