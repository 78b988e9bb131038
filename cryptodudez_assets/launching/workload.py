"""What a workload on Dataproc is told: its command, settings and Spark's options.

Whoever may look at a workload reads them, so that no secret is among them.
"""

import re
from collections.abc import Sequence
from importlib.util import find_spec
from urllib.parse import urlsplit, urlunsplit

from cryptodudez_assets.addresses import LOOPBACK
from cryptodudez_assets.launching import Unlaunchable
from cryptodudez_assets.settings import PREFIX, SUBMITTED, Settings

TOLD = (
    *("lake", "raw", "catalog", "online", "notifications", "s3_endpoint", "s3_region"),
    *("batch_megabytes", "rolling_days"),
)
"""Settings of a run that a workload is told, where they are set here. The others are its own."""
SERVERS = ("catalog", "online", "notifications")
SECRET = re.compile(r"(?i)secret|password|token|access[.]?key")
"""What an option is called that Spark would not show either."""


def arguments(settings: Settings, sources: Sequence[str], *, check_all: bool = False) -> list[str]:
    """What `deploy/dataproc/run.py` is told: settings as `NAME=value`, then the command. Raises Unlaunchable."""
    told = [f"{PREFIX}SPARK_MASTER={SUBMITTED}"]
    for name in TOLD:
        if name in settings.model_fields_set and (value := getattr(settings, name)) != "":
            told.append(f"{PREFIX}{name.upper()}={_without_password(name, value) if name in SERVERS else value}")
    chosen = [word for source in sources for word in ("--select", source)]
    return [*told, "run", "--engine", "spark", *chosen, *(["--check-all"] if check_all else [])]


def properties(settings: Settings) -> dict[str, str]:
    """Spark's options. Raises Unlaunchable."""
    if secret := next(filter(SECRET.search, settings.spark_options), None):
        raise Unlaunchable(
            f"CRYPTODUDEZ_SPARK_OPTIONS has {secret}, and whoever may look at a workload reads its options: "
            "let the workload find it in its own environment"
        )
    return settings.spark_options


def insist_on_launchable(settings: Settings) -> None:
    """Refuse what could not work there: an extra or a setting that is missing, a lake or catalog that it could not reach."""
    if find_spec("dagster_gcp") is None:
        raise Unlaunchable(
            "launching on Dataproc needs Google's and Dagster's clients, which are not installed: pip install 'cryptodudez[dataproc]'"
        )
    needed = ["dataproc_project", "dataproc_region"]
    needed += ["dataproc_bucket"] if settings.dataproc_cluster else ["dataproc_image"]
    if missing := [f"{PREFIX}{name}".upper() for name in needed if not getattr(settings, name)]:
        raise Unlaunchable(f"launching on Dataproc needs {' and '.join(missing)}")
    if name := settings.only_here:
        raise Unlaunchable(
            f"Dataproc cannot see the folder {getattr(settings, name)}: set CRYPTODUDEZ_{name.upper()} to gs://… or s3://…"
        )
    if settings.catalog.startswith("sqlite:"):
        raise Unlaunchable("Dataproc cannot see a catalog in SQLite: set CRYPTODUDEZ_CATALOG to postgresql://…")
    for name in settings.model_fields_set.intersection(SERVERS):
        if (host := urlsplit(getattr(settings, name)).hostname) in LOOPBACK:
            raise Unlaunchable(
                f"Dataproc cannot reach {PREFIX}{name.upper()} at {host}, which is this machine, or a proxy beside this process: "
                "name the server itself"
            )


def _without_password(name: str, address: str) -> str:
    """An address for others to read. PostgreSQL's library finds a password by itself, in PGPASSWORD or PGPASSFILE."""
    variable, parts = f"{PREFIX}{name}".upper(), urlsplit(address)
    if address.startswith("sqlite:"):
        raise Unlaunchable(f"Dataproc cannot see the SQLite file of {variable}: set it to a server, or do not set it")
    if not parts.password and not SECRET.search(parts.query):
        return address
    if not address.startswith("postgres") or SECRET.search(parts.query):
        raise Unlaunchable(
            f"{variable} has a password, and whoever may look at a workload reads what it is told: "
            f"let {variable} be set in the workload's own environment, and not here"
        )
    login, _, hosts = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{login.partition(':')[0]}@{hosts}"))
