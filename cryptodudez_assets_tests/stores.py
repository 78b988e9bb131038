"""The five kinds of store on which a suite is run: `--stores`, the marks `every_store` and `core`, and settings of lakes on them.

Servers are not here: fixtures of `integration/conftest.py` start them and say where they are.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from cryptodudez_assets.settings import PREFIX, Settings

FOLDER, S3, VERSIONED_S3, GS, POSTGRES = STORES = ("folder", "s3", "s3-versioned", "gs", "postgres")
"""A folder; a bucket of S3; lake and raw zone in buckets of S3 that keep old versions; a bucket of Google's stand-in; and a bucket of S3
with the catalog in PostgreSQL, as a cluster has it. Of the others SQLite in the home is the catalog."""
BUCKET, VERSIONED = "lake", "versioned"
SHARED = ("lake", "raw", "catalog", "s3_endpoint", "gs_endpoint")
"""What homes of one lake have in common."""


@dataclass(frozen=True)
class Store:
    """A kind of store. `endpoint`: of its buckets; `server`: of its catalogs' databases."""

    name: str = FOLDER
    endpoint: str = ""
    server: str = ""

    @property
    def is_folder(self) -> bool:
        """Whether lakes lie in folders of this machine."""
        return self.name == FOLDER

    def settings(self, home: Path, **more: Any) -> Settings:
        """Settings of a home and of a new lake, empty and of its own. Files count as settled at once."""
        told: dict[str, str] = {}
        lake = uuid4().hex
        if self.name == GS:
            told = {"lake": f"gs://{BUCKET}/{lake}", "gs_endpoint": self.endpoint}
        elif not self.is_folder:
            told = {"lake": f"s3://{BUCKET}/{lake}", "s3_endpoint": self.endpoint}
        if self.name == VERSIONED_S3:
            told |= {"lake": f"s3://{VERSIONED}/{lake}", "raw": f"s3://{VERSIONED}/landed/{lake}"}
        if self.server:
            told["catalog"] = new_database(self.server)
        return Settings(home=home, **{"settle_seconds": 0, **told, **more})


def new_database(server: str) -> str:
    """URL of an empty database of this PostgreSQL server, of the caller's own."""
    name = f"test_{uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    return server.replace("/postgres?", f"/{name}?")


def other_home(settings: Settings, home: Path) -> Settings:
    """Settings of another home, as of another machine, that uses the same lake and catalog."""
    return Settings(home=home, settle_seconds=0, **{name: getattr(settings, name) for name in SHARED})


@contextmanager
def in_environment(settings: Settings) -> Iterator[None]:
    """Have whoever is told only the home find lake and catalog: Dagster's resource, and other processes."""
    with pytest.MonkeyPatch.context() as patch:
        for name in SHARED:
            patch.setenv(f"{PREFIX}{name.upper()}", getattr(settings, name))
        yield


def chosen(told: str, is_core: bool) -> Sequence[str]:
    """The stores of a test, as `--stores` says; where it says nothing, a folder, and of the core all of them.

    Raises UsageError where it names another.
    """
    if not told:
        return STORES if is_core else (FOLDER,)
    names = STORES if told == "all" else told.split(",")
    if unknown := set(names) - set(STORES):
        raise pytest.UsageError(f"--stores: no {', '.join(sorted(unknown))}; there are {', '.join(STORES)}, and all")
    return names
