"""What commands begin with: settings that can be used, a lake, servers that answer."""

import os
import socket
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from pydantic import ValidationError

from cryptodudez_assets.addresses import said_by_driver
from cryptodudez_assets.cli.output import console, warn
from cryptodudez_assets.settings import EngineName, Settings, may_be_told

if TYPE_CHECKING:
    from cryptodudez_assets.lake.lake import Lake


def run_sources(sources: list[str], *, check_all: bool = False, engine: EngineName | None = None) -> bool:
    """Make what is pending for these sources; whether all went well. `check_all`: every row of every table is judged, too.

    `engine`: another than the settings name.
    """
    from cryptodudez_assets.headless import run_pending

    return run_pending(opened_lake(), sources, console, check_all=check_all, engine=engine)


def opened_lake() -> "Lake":
    """The lake of the settings, to be written to, with a folder for each source to drop files into."""
    return _with_folders(staying(usable_settings()))


def _with_folders(settings: Settings) -> "Lake":
    from cryptodudez_assets.lake.lake import Lake
    from cryptodudez_assets.lake.raw_folders import make_folders
    from cryptodudez_assets.sources import all_sources

    lake = Lake.open(settings, all_sources())
    try:
        make_folders(lake, lake.sources.values())
    except OSError as error:
        warn(f"warning: no folder to drop files into: {error.filename}: {error.strerror}")
    return lake


def lake_to_work_on() -> "Lake":
    """The same, with the engine of the settings, for what reads files or computes tables without a run."""
    from cryptodudez_assets.defs.resources import with_engine

    return with_engine(opened_lake())


def lake_to_read() -> "Lake":
    """The lake; where there is nothing yet an empty one, since to read must leave nothing behind."""
    from cryptodudez_assets.lake.lake import Lake
    from cryptodudez_assets.sources import all_sources

    if not nothing_yet(read_settings()):
        return _with_folders(usable_settings())
    empty = click.get_current_context().with_resource(tempfile.TemporaryDirectory())
    return Lake.open(Settings(home=Path(empty), lake="", catalog=""), all_sources())


def staying(settings: Settings) -> Settings:
    """The settings, if their lake may be written to; one that was moved is told by `Commands`."""
    from cryptodudez_assets.lake.store.objects import looks_of

    looks_of(settings).insist_on_staying()
    return settings


def nothing_yet(settings: Settings) -> bool:
    """Whether there can be nothing, which is then said."""
    if not settings.nothing_yet:
        return False
    insist_on_writable(settings.home, next(filter(os.path.exists, settings.home.parents)))
    warn(f"nothing at {settings.home} yet: set CRYPTODUDEZ_HOME, or run cryptodudez demo")
    return True


def insist_on_free(host: str, port: int, option: str = "--port") -> None:
    """Dagster would go on without its UI."""
    try:
        socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET).close()
    except OSError as error:
        hint = f"is something running there? Another port: `{option} {port + 1}`"
        raise click.ClickException(f"cannot listen on {host}:{port}: {error.strerror}; {hint}") from None


def insist_on_key(settings: Settings, host: str) -> None:
    """Refuse to listen where others can reach it, unless they need a key."""
    from cryptodudez_assets.venues.http import is_loopback

    if settings.api_key is None and not is_loopback(host):
        raise click.ClickException(f"{host} can be reached by others: set CRYPTODUDEZ_API_KEY, or leave --host out")


def reachable(settings: Settings) -> Settings:
    """The settings, if the servers that they name answer; a catalog that does not is told by `Commands`."""
    from cryptodudez_assets.feature_store.online import open_online_store
    from cryptodudez_assets.lake.lake import Lake

    Lake.open(staying(settings), {}).tables.pointers()
    if settings.online.startswith("postgres"):
        import psycopg

        try:
            open_online_store(settings.online).close()
        except psycopg.OperationalError as error:
            raise click.ClickException(f"the online store's server cannot be used: {said_by_driver(error)}") from None
    return settings


def read_settings() -> Settings:
    """The settings; what is wrong with them is told without any value of a secret."""
    try:
        return Settings()
    except ValidationError as error:
        raise click.ClickException("\n".join(_wrong(dict(one)) for one in error.errors())) from None


def _wrong(one: dict[str, Any]) -> str:
    """A wrong setting with what is wrong. What was given is not repeated where it may hold a password."""
    name = str(one["loc"][0])
    given = f"={one['input']}" if may_be_told(name) else ""
    return f"CRYPTODUDEZ_{name.upper()}{given}: {one['msg'].removeprefix('Value error, ')}"


def usable_settings() -> Settings:
    """Settings of which the home is there and can be written to."""
    from cryptodudez_assets.lake.store.private import make_private

    settings = read_settings()
    try:
        make_private(settings.home)
    except OSError as error:
        raise unusable(settings.home, error) from None
    insist_on_writable(settings.home, settings.home)
    os.environ.setdefault("MPLCONFIGDIR", str(settings.home / "cache" / "matplotlib"))  # not below the user's home
    return settings


def insist_on_writable(home: Path, folder: Path) -> None:
    """Refuse a home that cannot be made or written to in this folder."""
    try:
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise unusable(home, error) from None


def unusable(home: Path, error: OSError) -> click.ClickException:
    """What to say of a home that the machine refuses."""
    reason = "it is not a folder" if isinstance(error, FileExistsError | NotADirectoryError) else error.strerror
    return click.ClickException(f"CRYPTODUDEZ_HOME={home} cannot be used: {reason}")
