"""Tables of an Iceberg REST catalog, in a bucket, under locks that are objects there: the whole way, and commits of the paused."""

import io
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from pydantic import SecretStr
from pyiceberg.table.update.snapshot import Operation

from cryptodudez_assets.lake.iceberg.catalog_database import OutOfReach, named
from cryptodudez_assets.lake.iceberg.homes import HomeRefused
from cryptodudez_assets.lake.iceberg.provenance import content_of
from cryptodudez_assets.lake.lake import Lake, now
from cryptodudez_assets.lake.status import unbalanced_files
from cryptodudez_assets.lake.store import endpoints
from cryptodudez_assets.lake.upkeep.maintenance import maintain
from cryptodudez_assets.lake.upkeep.moving import move
from cryptodudez_assets.lake.upkeep.rebuild import rebuild_source
from cryptodudez_assets.lake.upkeep.restoring import restore
from cryptodudez_assets.lake.upkeep.verify import verify_table
from cryptodudez_assets.migrating import migrate
from cryptodudez_assets.settings import Settings
from cryptodudez_assets.sources import all_sources
from cryptodudez_assets_tests import lease_holders, worker
from cryptodudez_assets_tests.builders import READINGS, csv, files, open_lake, picture, rows_of, take_in
from cryptodudez_assets_tests.integration.conftest import free_ports
from cryptodudez_assets_tests.integration.leases_test import SECONDS, objects, pause, wake
from cryptodudez_assets_tests.lease_holders import SPEC, Holder
from cryptodudez_assets_tests.rest_catalog import CREDENTIAL, TOKEN, RestServer, rest_catalog

pytestmark = [pytest.mark.servers, pytest.mark.long]

Start = Callable[["partial[None]"], Holder]


of_s3 = pytest.mark.parametrize("lake_only", ["s3"], indirect=True)
"""For what takes long. On the stand-in for Google's it takes minutes: many contend for one object there."""


@pytest.fixture(params=["s3", "gs"])
def lake_only(tmp_path: Path, request: pytest.FixtureRequest) -> Settings:
    """A lake in a bucket, without a catalog."""
    endpoint = request.getfixturevalue(f"{request.param}_endpoint")
    return Settings(
        home=tmp_path / "home",
        lake=f"{request.param}://lake/{tmp_path.name}",
        lease_seconds=2 * SECONDS,  # a busy machine is no paused one
        catalog_credential=SecretStr(CREDENTIAL),
        **{f"{request.param}_endpoint": endpoint},
    )


@pytest.fixture
def server(lake_only: Settings, tmp_path: Path) -> Iterator[RestServer]:
    """A REST catalog of this lake."""
    folder, (port,) = tmp_path / "server", free_ports(1)
    folder.mkdir()
    with rest_catalog(port, folder, f"{lake_only.lake}/tables", endpoints.for_iceberg(lake_only)) as running:
        yield running


@pytest.fixture
def settings(lake_only: Settings, server: RestServer) -> Settings:
    """The lake with this catalog."""
    return lake_only.model_copy(update={"catalog": server.address})


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """Another one, in a folder with its catalog in a file, to be compared with."""
    return open_lake(Settings(home=tmp_path / "beside"))


@pytest.fixture
def cloud(settings: Settings) -> Lake:
    """The lake, opened."""
    return open_lake(settings)


@pytest.fixture
def start(settings: Settings) -> Iterator[Start]:
    """Start a process on this lake, which ends with the test at the latest."""
    started: list[Holder] = []

    def begin(work: "partial[None]") -> Holder:
        started.append(lease_holders.start(settings, work))
        return started[-1]

    yield begin
    for holder in started:
        holder.end()


def sensors(lake: Lake) -> list[str]:
    return rows_of(lake, SPEC.name)["sensor"].sort().to_list()


def add(lake: Lake, sensor: str) -> None:
    with lake.tables.changing(SPEC) as change:
        change.add(lease_holders.row(sensor))


@of_s3
def test_tables_say_the_same_as_those_of_a_catalog_in_a_file(
    cloud: Lake, lake: Lake, drop: Callable[[str, str, bytes], Path]
) -> None:
    for name, content in [
        ("a.csv", csv("s", range(20), bad=1)),
        ("b.csv", csv("s", range(10, 30), value=2)),
        ("wrong.csv", b"what,is,this\n1\n"),
    ]:
        cloud.store.write(f"raw/readings/{name}", io.BytesIO(content))
        drop("readings", name, content)
        take_in(cloud)
        take_in(lake)
    assert picture(cloud) == picture(lake)
    assert cloud.tables.names() == lake.tables.names()
    assert {one.name for one in cloud.tables.pointers()} == set(lake.tables.names())


def test_what_is_written_has_its_checksums_and_upkeep_leaves_it_whole(cloud: Lake) -> None:
    for number in range(4):
        add(cloud, f"s{number}")
    told = verify_table(cloud, SPEC.name)
    assert not told.differences
    assert all(path.endswith(".metadata.json") for path in told.unrecorded), "the server writes these, and no others"
    list(maintain(cloud, [SPEC.name]))
    assert sensors(cloud) == ["s0", "s1", "s2", "s3"]
    assert not verify_table(cloud, SPEC.name).differences


def test_a_paused_writer_does_not_commit_when_it_wakes(cloud: Lake, start: Start) -> None:
    add(cloud, "before")
    writer = start(partial(lease_holders.commit, "paused"))
    assert writer.says() == "about to commit"
    pause(writer)
    add(cloud, "meanwhile")
    wake(writer)
    writer.go_on()
    assert writer.says().startswith(f"lost: the lock table.{SPEC.name} was taken over by somebody else")
    assert sensors(cloud) == ["before", "meanwhile"]


def test_a_commit_that_is_on_its_way_is_refused_once_the_lock_was_taken(
    cloud: Lake, server: RestServer, start: Start
) -> None:
    """Between the last look at the locks and the server nobody can look: there the server itself refuses."""
    add(cloud, "before")
    table = cloud.tables.load(SPEC.name)
    before, content = table.metadata.current_snapshot_id, content_of(table)
    with server.holding_back() as wait_for_it:
        writer = start(partial(lease_holders.commit, "on its way"))
        assert writer.says() == "about to commit"
        writer.go_on()
        wait_for_it()
        pause(writer)
        with cloud.tables.alone(SPEC.name):  # whoever takes the lock need not commit anything
            pass
    wake(writer)
    assert writer.says().startswith("lost: ")
    assert sensors(cloud) == ["before"]
    fenced = cloud.tables.load(SPEC.name)
    assert fenced.metadata.current_snapshot_id != before
    assert fenced.metadata.snapshots[-1].summary.operation is Operation.APPEND
    assert content_of(fenced) == content, "nothing made of the table counts as out of date"


def test_a_writer_who_was_killed_is_followed_by_the_next(cloud: Lake, start: Start) -> None:
    add(cloud, "before")
    writer = start(partial(lease_holders.commit, "killed"))
    assert writer.says() == "about to commit"
    number = objects(cloud.settings, f"table.{SPEC.name}")[-1][0]
    writer.end()
    add(cloud, "after")
    assert sensors(cloud) == ["after", "before"]
    assert objects(cloud.settings, f"table.{SPEC.name}")[-1][0] > number


def test_a_commit_of_an_engine_that_knows_no_locks_is_no_reason_to_give_up(cloud: Lake) -> None:
    add(cloud, "before")
    theirs = cloud.tables.load(SPEC.name)
    with cloud.tables.changing(SPEC) as change:
        change.add(lease_holders.row("ours"))
        with theirs.transaction() as transaction, transaction.update_snapshot().merge_append():
            pass
    assert sensors(cloud) == ["before", "ours"]


@of_s3
def test_two_processes_at_once_leave_what_one_alone_would(
    settings: Settings, lake: Lake, drop: Callable[[str, str, bytes], Path]
) -> None:
    settings = settings.model_copy(update={"lease_seconds": 30})  # a busy machine is no paused one
    processes = [worker.start(settings, worker.lander(number)) for number in range(2)]
    for process in processes:
        process.go()
    assert all(process.ends_within(400) for process in processes)
    assert [process.process.exitcode for process in processes] == [0, 0]
    for source, name, content in (landing for number in range(2) for landing in worker.landings(number)):
        drop(source.name, name, content)
        take_in(lake, source)
    together, alone = picture(open_lake(settings)), picture(lake)
    for tables in (together, alone):
        for chance in ("catalog.files", "catalog.schemas"):  # which came first
            tables.pop(chance)
    assert together == alone
    assert unbalanced_files(open_lake(settings), worker.SHARED).is_empty()


@of_s3
def test_whoever_is_killed_over_a_batch_is_followed_by_the_next(
    settings: Settings, lake: Lake, drop: Callable[[str, str, bytes], Path]
) -> None:
    contents = {f"{number}.csv": csv(f"s{number}", range(10), bad=1) for number in range(4)}
    cloud = open_lake(settings)
    for name, content in contents.items():
        cloud.store.write(f"raw/readings/{name}", io.BytesIO(content))
        drop("readings", name, content)
    process = worker.start(settings, worker.take_in_by_steps)
    process.go()
    until_claimed(cloud)
    process.kill()
    worker.take_in_by_steps(cloud)
    take_in(lake)
    assert picture(cloud)["lab.readings"] == picture(lake)["lab.readings"]
    assert files(cloud)["status"].to_list() == ["loaded"] * 4


def until_claimed(lake: Lake) -> None:
    """Wait until a batch is somebody's, which is told by a sign of life."""
    while not [one for one in lake.store.list("locks") if one.key.startswith("locks/batch.") and one.size]:
        pass


def test_what_a_rest_catalog_cannot_do_is_refused_with_what_to_do(cloud: Lake) -> None:
    settings = cloud.settings
    add(cloud, "s")
    with pytest.raises(
        HomeRefused, match=r"making tables again needs a catalog in SQLite or PostgreSQL.*drop lab\.readings"
    ):
        rebuild_source(cloud, READINGS)
    with pytest.raises(HomeRefused, match=r"restoring a catalog needs .* restore the server's own backup"):
        restore(settings, now())
    with pytest.raises(HomeRefused, match="moving tables needs"):
        move(str(settings.home), f"{settings.home}2", settings, all_sources())
    with pytest.raises(HomeRefused, match="migrating needs"):
        migrate(settings, Settings(home=settings.home.with_name("other")), all_sources())
    assert sensors(cloud) == ["s"]


def test_a_catalog_that_lost_its_tables_is_no_new_one(cloud: Lake, server: RestServer) -> None:
    add(cloud, "s")
    lost = cloud.settings.model_copy(update={"catalog": f"{server.address}/"})  # the same, asked anew
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("cryptodudez_assets.lake.iceberg.rest_catalog.RestRecordingCatalog.names", lambda self: [])
        with pytest.raises(HomeRefused, match=r"no table is named by the catalog at 127.*\(register\)"):
            open_lake(lost)


def test_a_server_that_does_not_answer_or_does_not_know_us_is_told_without_a_secret(settings: Settings) -> None:
    with pytest.raises(OutOfReach) as silent:
        named(settings.model_copy(update={"catalog": f"http://127.0.0.1:{free_ports(1)[0]}"}))
    stranger = settings.model_copy(update={"catalog_credential": SecretStr("someone:a-wrong-secret")})
    with pytest.raises(OutOfReach) as refused:
        named(stranger)
    assert not {"a-wrong-secret", CREDENTIAL, TOKEN}.intersection(f"{silent.value} {refused.value}".split())
    assert "a-wrong-secret" not in f"{silent.value}{refused.value}{stranger!r}"


@of_s3
def test_a_whole_run_leads_from_landing_to_features(
    settings: Settings, tiny_samples: Path, tmp_path: Path, server: RestServer
) -> None:
    """By the command, as people call it; credentials come by the environment, and are told nowhere."""
    told = {
        name: getattr(settings, name)
        for name in ("home", "lake", "catalog", "s3_endpoint", "gs_endpoint")
        if getattr(settings, name)
    }
    environment = os.environ | {f"CRYPTODUDEZ_{name.upper()}": str(value) for name, value in told.items()}
    environment |= {"CRYPTODUDEZ_CATALOG_CREDENTIAL": CREDENTIAL, "CRYPTODUDEZ_SETTLE_SECONDS": "0"}
    command = str(Path(sys.executable).with_name("cryptodudez"))
    said = ""
    for arguments in (
        ["land", "crypto_prices", *map(str, sorted((tiny_samples / "crypto_prices").iterdir()))],
        ["run", "--select", "crypto_prices"],
        ["sql", "--format", "csv", "select count(*) from features.crypto_daily"],
    ):
        done = subprocess.run([command, *arguments], env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        said += done.stdout + done.stderr
    rows = rows_of(open_lake(settings), "features.crypto_daily").height
    assert rows > 0
    assert said.rstrip().endswith(str(rows))
    logs = "".join(path.read_text(errors="replace") for path in settings.home.rglob("*.log"))
    assert CREDENTIAL.partition(":")[2] not in said + logs
    assert TOKEN not in said + logs
