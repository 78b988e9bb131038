"""Locks between processes, released by the system when their holder dies: a file lock beside SQLite, an advisory lock in PostgreSQL."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote

from cryptodudez_assets.settings import Settings

PATIENCE_SECONDS = 600


@contextmanager
def exclusive(settings: Settings, name: str, patience_seconds: float | None = None) -> Iterator[None]:
    """Hold the lock `name` against every other process (and thread) that uses the same catalog; wait for it if need be.

    Raises TimeoutError where that takes longer than `patience_seconds` (PATIENCE_SECONDS).
    """
    patience = PATIENCE_SECONDS if patience_seconds is None else patience_seconds
    if settings.catalog.startswith("sqlite"):
        from filelock import FileLock

        # Beside the database, not in the home: two homes may share one catalog.
        database = Path(unquote(settings.catalog.partition(":///")[2]))
        folder = database.parent / "locks" if database.is_absolute() else settings.home / "locks"
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / f"{name.replace('/', '.')}.lock", timeout=patience, is_singleton=False):
            yield
    else:
        import psycopg

        number = int.from_bytes(hashlib.sha256(f"cryptodudez/{name}".encode()).digest()[:8], signed=True)
        with psycopg.connect(settings.catalog.replace("+psycopg", ""), autocommit=True) as connection:
            connection.execute(f"SET lock_timeout = '{int(1000 * patience)}ms'")
            try:
                connection.execute("SELECT pg_advisory_lock(%s)", (number,))
            except psycopg.errors.LockNotAvailable as error:
                raise TimeoutError(f"somebody else holds the lock {name!r}") from error
            yield
