"""Dagster's own folder, below our home, with the project's configuration in it; where its runs, events and schedules are kept.

What is configured here needs no Dagster to be written down. The classes that it names are Dagster's, or in `defs/`.
"""

import atexit
import re
import shutil
import tempfile
from functools import cache
from importlib.util import find_spec
from json import dumps
from pathlib import Path
from typing import Any

from cryptodudez_assets.addresses import said_by_driver
from cryptodudez_assets.lake.store.private import make_private
from cryptodudez_assets.settings import PREFIX, Settings

CONFIGURATION = Path(__file__).parent / "dagster.yaml"
"""A link to the one at the top of the project, so that it is in the package, too."""
ANSWER_SECONDS = 10
ENDS_OR_ESCAPES = re.compile(r"[?%]")


class DagsterUnusable(RuntimeError):
    """What a setting of Dagster's names is not installed, or does not answer; the message says what."""


def dagster_home(settings: Settings) -> Path:
    """The folder, made ready; a server that is to keep its records answers. Raises DagsterUnusable."""
    if settings.dagster:
        _insist_on_answer(settings.dagster)
    home = settings.home / "dagster"
    make_private(make_private(settings.home) / home.name)
    (home / "dagster.yaml").write_text(configuration(settings), encoding="utf-8")
    return _under_a_plain_name(home) if ENDS_OR_ESCAPES.search(str(home)) else home


def configuration(settings: Settings) -> str:
    """The project's configuration, with what the settings say of databases and buckets. Raises DagsterUnusable."""
    text = CONFIGURATION.read_text(encoding="utf-8")
    for name, value in {**_storage(settings), **_run_logs(settings)}.items():
        text = re.sub(rf"^{name}:\n( .*\n)*", "", text, flags=re.MULTILINE) + f"\n{name}: {dumps(value)}\n"
    return text


def _storage(settings: Settings) -> dict[str, Any]:
    if not settings.dagster:
        return {}
    _insist_on("dagster_postgres", "DAGSTER", "postgres")
    storage = {"module": "cryptodudez_assets.defs.pooled_postgres", "class": "PooledPostgres"}
    # It may hold a password, which stays in the environment.
    return {"storage": {"custom": {**storage, "config": {"postgres_url": {"env": f"{PREFIX}DAGSTER"}}}}}


def _run_logs(settings: Settings) -> dict[str, Any]:
    if not settings.run_logs:
        return {}
    scheme, _, place = settings.run_logs.partition("://")
    bucket, _, prefix = place.rstrip("/").partition("/")
    meanwhile = str(settings.home / "dagster" / "printed")  # not where everybody may read it
    config: dict[str, Any] = {"bucket": bucket, "prefix": prefix or "dagster", "local_dir": meanwhile}
    if scheme == "gs":
        _insist_on("dagster_gcp", "RUN_LOGS", "gcp")
        name = {"module": "dagster_gcp.gcs.compute_log_manager", "class": "GCSComputeLogManager"}
    else:
        name = {"module": "dagster_aws.s3.compute_log_manager", "class": "S3ComputeLogManager"}
        config |= {"region": settings.s3_region}
        if settings.s3_endpoint:
            config |= {"endpoint_url": settings.s3_endpoint, "use_ssl": settings.s3_endpoint.startswith("https")}
    return {"compute_logs": {**name, "config": config}}


def _insist_on_answer(database: str) -> None:
    """Dagster would tell it in a hundred lines, with the password among them."""
    import psycopg

    try:
        psycopg.connect(database, connect_timeout=ANSWER_SECONDS).close()
    except psycopg.OperationalError as error:
        raise DagsterUnusable(f"{PREFIX}DAGSTER: the server cannot be used: {said_by_driver(error)}") from None


def _insist_on(module: str, setting: str, extra: str) -> None:
    if find_spec(module) is None:
        raise DagsterUnusable(
            f"{PREFIX}{setting} needs {module}, which is not installed: pip install 'cryptodudez[{extra}]'"
        )


@cache
def _under_a_plain_name(home: Path) -> Path:
    """A link to the folder, for as long as this process lives.

    Dagster puts the path into the URL of its databases as it is: a question mark would end it there, a percent sign begin
    an escape, and the databases would lie in another folder or nowhere.
    """
    folder = Path(tempfile.mkdtemp(prefix="cryptodudez-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    link = folder / "dagster"
    link.symlink_to(home, target_is_directory=True)
    return link
