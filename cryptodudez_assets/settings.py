"""The one place where configuration enters. Every setting is a `CRYPTODUDEZ_*` environment variable with a default.

Code below `cli/` and `defs/` is handed a `Settings`; nothing else reads the environment.
"""

import os
import re
from decimal import Decimal
from difflib import get_close_matches
from pathlib import Path
from typing import Literal, Self
from urllib.parse import quote

from pydantic import Field, Json, SecretStr, ValidationInfo, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from cryptodudez_assets.addresses import (
    insist_on_address,
    insist_on_endpoint,
    insist_on_key,
    insist_on_postgresql,
    insist_on_receiver,
    insist_on_rest_catalog,
)

PREFIX = "CRYPTODUDEZ_"
OF_TESTS = {f"{PREFIX}REAL_DATA"}  # no setting, but no mistake
LAKES = ("s3://", "gs://")
LIKE_A_BUCKET = re.compile(r"[a-z0-9+]{2,}:/|(s3|gs)//", re.IGNORECASE)
READ_BY_URLS = frozenset("?#%")  # in a bucket's address each library reads them in a way of its own
DATABASES = ("sqlite:///", "postgresql://")
REST = ("https://", "http://")
CATALOGS = (*DATABASES, *REST)
SOCKETS = ("ws://", "wss://")
PUBSUB, SQS = "pubsub://", "sqs://"
QUEUES = {
    "gs://": re.compile(rf"{PUBSUB}[a-z0-9:.-]+/[A-Za-z][A-Za-z0-9_.~+%-]+"),
    "s3://": re.compile(rf"{SQS}[A-Za-z0-9_-]+|https://sqs[.][a-z0-9.-]+/[0-9]+/[A-Za-z0-9_-]+"),
}
"""Who tells of the objects of a bucket, and how it is named."""
SUBMITTED = "spark-submit"
"""A master: what `spark-submit` was told, which begins the driver."""
MASTERS = re.compile(
    r"local(\[([1-9]\d*|\*)(,[1-9]\d*)?\])?|local-cluster\[\d+,\d+,\d+\]|spark://[^/]+:\d+(,[^/]+:\d+)*|k8s://.+|yarn|"
    + SUBMITTED
)
OF_MASTERS = ("spark.master", "spark.remote", "spark.submit.deployMode")
"""Options of Spark that say where it runs, as a setting of its own does."""
ONLINE = ("sqlite:///", "postgresql://", "postgres://", "redis://", "rediss://", "unix://")

EngineName = Literal["local", "pool", "spark", "ray"]
"""Where tasks are run."""


class Settings(BaseSettings):
    """Where things are kept. Folders are made absolute; URLs (`s3://…`, `gs://…`, `postgresql://…`) are kept as given."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,  # a URL may hold a password
    )

    home: Path = Field(
        default=Path(".cryptodudez"),
        description="Folder for everything that runs leave behind: lake, catalog database, locks, Dagster's own storage.",
    )
    lake: str = Field(
        default="",
        description="Root of the lake: a folder, `s3://bucket/prefix` or `gs://bucket/prefix`. Default: `lake` in the home folder.",
    )
    raw: str = Field(
        default="",
        description="Root of the raw zone, where it is not `raw` in the lake: a folder, `s3://bucket/prefix` or `gs://bucket/prefix`, "
        "such as a bucket that keeps old versions.",
    )
    catalog: str = Field(
        default="",
        description="Iceberg's catalog: `sqlite:///file`, `postgresql://user:password@host/database`, or a REST catalog, "
        "`https://host/path?warehouse=name` (`http://` on this machine). Default: `catalog.db` in the home folder.",
        repr=False,
    )
    catalog_token: SecretStr | None = Field(
        default=None, repr=False, description="Bearer token for a REST catalog that wants one."
    )
    catalog_credential: SecretStr | None = Field(
        default=None,
        repr=False,
        description="`id:secret` for a REST catalog that hands out tokens for it (OAuth2, client credentials).",
    )
    lease_seconds: int = Field(
        default=60,
        ge=2,
        description="Beside a REST catalog locks are objects in the lake's bucket: so long one is good for that its holder does not renew.",
    )
    online: str = Field(
        default="",
        description="Online feature store: `sqlite:///file`, `postgresql://user:password@host/database` or "
        "`redis://host`. Default: `online.db` in the home folder.",
        repr=False,
    )
    notifications: str = Field(
        default="",
        description="Database of what is to be told to people: `sqlite:///file` or `postgresql://user:password@host/database`. "
        "Default: `notifications.db` in the home folder.",
        repr=False,
    )
    dagster: str = Field(
        default="",
        description="Database of Dagster's runs, events and schedules: `postgresql://user:password@host/database` (extra `postgres`). "
        "Default: SQLite files in the home folder, which one machine can use.",
        repr=False,
    )
    dagster_url: str = Field(
        default="",
        description="Address of Dagster's webserver: the dashboard asks it for runs and sensors, and links to it. Default: nobody is "
        "asked; `cryptodudez up` sets it.",
    )
    api_url: str = Field(
        default="http://127.0.0.1:8000",
        description="Address of the API as people reach it: assets in Dagster's UI link to the reports that it serves.",
    )
    run_logs: str = Field(
        default="",
        description="Where what runs print is kept: `s3://bucket/prefix`, or `gs://bucket/prefix` (extra `gcp`). Default: with what the "
        "servers of `cryptodudez up` say.",
    )
    declarations: Path | None = Field(
        default=None,
        description="Folder with declarations of your own, which are taken beside those of the package: `sources/`, `feeds/`, `derived/`, "
        "`features/`, `declared_models/`, `declared_rules/` in it. It is code, and is run.",
    )
    s3_endpoint: str = Field(
        default="", description="Endpoint of an S3-compatible store other than AWS, such as SeaweedFS."
    )
    s3_region: str = Field(default="us-east-1", description="Region of the S3 bucket.")
    gs_endpoint: str = Field(
        default="",
        description="Endpoint of a stand-in for Google Cloud Storage, such as fake-gcs-server; it is asked without credentials.",
    )
    events: str = Field(
        default="",
        description="Queue of what the lake's bucket tells of new objects: `pubsub://project/subscription` for `gs://…` (extra `gcp`), "
        "`https://sqs.region.amazonaws.com/account/queue` or `sqs://queue` for `s3://…` (extra `aws`). Without it buckets are listed.",
    )
    events_endpoint: str = Field(
        default="", description="Endpoint of a stand-in for Pub/Sub, which is asked without credentials, or for SQS."
    )
    reconcile_seconds: int = Field(
        default=600,
        ge=1,
        description="How often a source's sensor looks at the raw zone where `CRYPTODUDEZ_EVENTS` tells what is new.",
    )
    settle_seconds: float = Field(
        default=2.0,
        ge=0,
        description="A file in a local raw zone is read once it has not changed for this long, so that half-written files wait.",
    )
    batch_megabytes: int = Field(
        default=256,
        ge=1,
        description="How many megabytes of raw text one commit takes at most (a larger file is a batch of its own).",
    )
    engine: EngineName = Field(
        default="local",
        description="Where files are read and tables computed: `local` in the run's own process, `pool` in a process for each core, "
        "`spark` on Apache Spark, `ray` on Ray (extras of these names). A run may ask for another one.",
    )
    spark_master: str = Field(
        default="",
        description="Spark's master: `local[2]`, `spark://host:7077`, `k8s://https://host:443` or `yarn`; `spark-submit` is what "
        "that command was told, which began the run. Default: this machine, a task for each core, and each is tried four times.",
    )
    spark_options: Json[dict[str, str]] = Field(
        default="{}",
        validate_default=True,
        repr=False,
        description='More options of Spark, as JSON: `{"spark.executor.memory": "4g", "spark.ui.enabled": "true"}`. They win; none says '
        "where it runs.",
    )
    ray_address: str = Field(
        default="",
        description="A running Ray: `host:6379` where this machine is a node of it, else `ray://host:10001`. Default: an instance of "
        "the run's own, on this machine, a task for each core.",
    )
    dataproc_project: str = Field(
        default="", description="Google Cloud's project in which `cryptodudez launch` has runs on Dataproc."
    )
    dataproc_region: str = Field(default="", description="Its region, such as `us-central1`.")
    dataproc_image: str = Field(
        default="", description="Container image with the project, for serverless batches: `host/project/name:tag`."
    )
    dataproc_main: str = Field(
        default="file:///opt/cryptodudez/run.py",
        description="What Spark begins with there, `deploy/dataproc/run.py`: a file of the image or of the nodes, or `gs://…`.",
    )
    dataproc_runtime: str = Field(
        default="", description="Version of the runtime of batches; one with Spark 4. Default: Google's."
    )
    dataproc_service_account: str = Field(
        default="", description="Account that batches run as. Default: the project's own for Compute Engine."
    )
    dataproc_subnetwork: str = Field(
        default="",
        description="Subnetwork of batches, from which the catalog's server can be reached. Default: the region's.",
    )
    dataproc_cluster: str = Field(
        default="", description="Cluster on which the job `dataproc` of Dagster runs, instead of a serverless batch."
    )
    dataproc_bucket: str = Field(
        default="",
        description="Bucket through which a run on that cluster tells Dagster what it does, without `gs://`.",
    )
    sensor_seconds: int = Field(default=3, ge=1, description="How often a source's sensor looks at the raw zone.")

    rolling_days: int = Field(
        default=0,
        ge=0,
        le=3650,
        description="Window of `features.stock_rolling` in calendar days; 0 for the last 30 rows of each symbol.",
    )
    api_key: SecretStr | None = Field(
        default=None,
        description="Key that callers of the API send as `X-API-Key`. Required where it listens on anything but loopback.",
    )
    requests_per_minute: int = Field(
        default=6000,
        ge=0,
        description=(
            "How many requests callers may send to the API in a minute with the key, or each address without it; 0 for any number."
        ),
    )

    erasure_key: SecretStr | None = Field(
        default=None,
        repr=False,
        min_length=16,
        description="Key by which identities that were erased are known again when they land: 16 characters or more, the same for good. "
        "Without it `cryptodudez erase-user` refuses.",
    )

    notify_webhook: SecretStr | None = Field(
        default=None,
        repr=False,
        description="Address that alerts are posted to, signed with `CRYPTODUDEZ_NOTIFY_SECRET`; `https://…`, or `http://…`.",
    )
    notify_secret: SecretStr | None = Field(
        default=None,
        repr=False,
        validate_default=True,
        description="What posts to `CRYPTODUDEZ_NOTIFY_WEBHOOK` are signed with: `whsec_` and a key in base64, or any text.",
    )
    notify_slack: SecretStr | None = Field(
        default=None,
        repr=False,
        description="Address of an incoming webhook of Slack, or of what takes the same JSON, that alerts are posted to.",
    )
    record_books: str = Field(
        default="",
        description="Order books that `cryptodudez up` records, such as `btc_mxn,usd_mxn`; without it none, but in a home of sample "
        "data these two of a simulated exchange.",
    )
    record_window_seconds: int = Field(
        default=600,
        ge=2,
        le=86_400,
        description="Seconds of order books in a file that a recorder lands.",
    )
    bitso_rest_url: str = Field(default="", description="Bitso's REST interface, where it is not the public one.")
    bitso_ws_url: str = Field(default="", description="Bitso's websocket, where it is not the public one.")

    feeds: str = Field(
        default="",
        description="Feeds that are asked by schedule where `cryptodudez up` runs, such as `binance,x`; without it none.",
    )
    feed_days_again: int = Field(
        default=3,
        ge=0,
        le=365,
        description="So many of the last whole days are asked for again of venues that revise what they told.",
    )
    binance_url: str = Field(default="", description="Binance's REST interface, where it is not the public one.")
    binance_archives_url: str = Field(
        default="", description="Archives of Binance's candles, where they are not at the public address."
    )
    x_url: str = Field(default="", description="X's API, where it is not the public one.")
    x_token: SecretStr | None = Field(
        default=None, description="Bearer token of an app at X; without it X is not asked."
    )
    x_dollars_a_month: Decimal = Field(
        default=Decimal(0),
        ge=0,
        le=1_000_000,
        description="How many dollars may be spent on reads of X in a month (UTC); without it none, so that X is not asked.",
    )
    kaggle_username: str = Field(
        default="", description="User name of the Kaggle account; empty if the key is an API token."
    )
    kaggle_key: SecretStr | None = Field(default=None, description="Key from Kaggle's `kaggle.json`, or an API token.")

    @field_validator("home")
    @classmethod
    def _absolute(cls, home: Path) -> Path:
        return _nameable(home.expanduser().absolute())

    @field_validator("declarations")
    @classmethod
    def _there(cls, declarations: Path | None) -> Path | None:
        if declarations is not None and not declarations.expanduser().is_dir():
            raise ValueError("there is no such folder")
        return declarations and declarations.expanduser().absolute()

    @field_validator("dagster")
    @classmethod
    def _on_a_server(cls, dagster: str) -> str:
        return _readable(_beginning_with(DATABASES[1:], dagster))

    @field_validator("run_logs")
    @classmethod
    def _in_a_bucket(cls, run_logs: str) -> str:
        return cls._folder_or_bucket(_beginning_with(LAKES, run_logs))

    @field_validator("lake", "raw")
    @classmethod
    def _folder_or_bucket(cls, lake: str) -> str:
        if "://" in lake and not lake.startswith(LAKES):
            raise ValueError(f"must be a folder or begin with {_either(LAKES)}")
        if "://" not in lake and LIKE_A_BUCKET.match(lake):
            raise ValueError(f"must begin with {_either(LAKES)}; for a folder of that name write ./{lake}")
        if "://" in lake and "@" in lake.removeprefix("s3://").removeprefix("gs://").partition("/")[0]:
            raise ValueError(
                "must have no key or password: credentials are found where the cloud's own tools find them"
            )
        if "://" in lake and READ_BY_URLS.intersection(lake):
            raise ValueError(f"must have none of {' '.join(sorted(READ_BY_URLS))} in it")
        if "://" not in lake:
            _nameable(Path(lake))
        return lake

    @field_validator("catalog")
    @classmethod
    def _known_catalog(cls, catalog: str) -> str:
        _beginning_with(CATALOGS, catalog)
        return insist_on_rest_catalog(catalog) if catalog.startswith(REST) else _readable(catalog)

    @field_validator("notifications")
    @classmethod
    def _known_database(cls, notifications: str) -> str:
        return _readable(_beginning_with(DATABASES, notifications))

    @field_validator("online")
    @classmethod
    def _known_online_store(cls, online: str) -> str:
        return _readable(_beginning_with(ONLINE, online))

    @field_validator("events")
    @classmethod
    def _of_the_bucket(cls, events: str, told: ValidationInfo) -> str:
        raw_zone = told.data.get("raw") or told.data.get("lake", "")
        cloud = next((one for one in LAKES if raw_zone.startswith(one)), None)
        if events and cloud is None:
            raise ValueError("is of a bucket: CRYPTODUDEZ_LAKE, or CRYPTODUDEZ_RAW, must be s3://… or gs://…")
        if events and cloud and not QUEUES[cloud].fullmatch(events):
            raise ValueError(
                f"must be {PUBSUB}project/subscription for gs://…, {SQS}queue or "
                "https://sqs.region.amazonaws.com/account/queue for s3://…"
            )
        return events

    @field_validator("spark_master")
    @classmethod
    def _known_master(cls, master: str) -> str:
        if master and not MASTERS.fullmatch(master):
            raise ValueError(
                f"must be local, local[cores], local[cores,tries], spark://host:port, k8s://…, yarn or {SUBMITTED}"
            )
        return master

    @field_validator("spark_options")
    @classmethod
    def _of_no_master(cls, options: dict[str, str]) -> dict[str, str]:
        if theirs := [name for name in OF_MASTERS if name in options]:
            raise ValueError(f"must not have {theirs[0]}: where Spark runs is said by CRYPTODUDEZ_SPARK_MASTER")
        return options

    @field_validator("notify_webhook", "notify_slack")
    @classmethod
    def _posted_to(cls, address: SecretStr | None) -> SecretStr | None:
        if address is not None:
            insist_on_receiver(address.get_secret_value())
        return address

    @field_validator("notify_secret")
    @classmethod
    def _signs(cls, secret: SecretStr | None, told: ValidationInfo) -> SecretStr | None:
        if secret is None and told.data.get("notify_webhook") is not None:
            raise ValueError("is missing: what is posted to CRYPTODUDEZ_NOTIFY_WEBHOOK is signed with it")
        if secret is not None:
            insist_on_key(secret.get_secret_value())
        return secret

    @field_validator(
        *(
            "dagster_url",
            "api_url",
            "s3_endpoint",
            "gs_endpoint",
            "events_endpoint",
            "bitso_rest_url",
            "binance_url",
            "binance_archives_url",
            "x_url",
        )
    )
    @classmethod
    def _endpoint(cls, endpoint: str) -> str:
        return insist_on_endpoint(endpoint)

    @field_validator("bitso_ws_url")
    @classmethod
    def _socket(cls, url: str) -> str:
        _beginning_with(SOCKETS, url)
        insist_on_endpoint(url.replace("ws", "http", 1))
        return url

    @model_validator(mode="after")
    def _defaults_in_home(self) -> Self:
        lake = self.lake or str(self.home / "lake")
        if "://" not in lake:
            lake = str(Path(lake).expanduser().absolute())
        object.__setattr__(self, "lake", lake.rstrip("/"))
        raw = self.raw if not self.raw or "://" in self.raw else str(Path(self.raw).expanduser().absolute())
        object.__setattr__(self, "raw", raw.rstrip("/") if raw.rstrip("/") != f"{self.lake}/raw" else "")
        object.__setattr__(self, "catalog", self.catalog or _sqlite(self.home / "catalog.db"))
        object.__setattr__(self, "spark_master", self.spark_master or f"local[{os.cpu_count() or 1},4]")
        object.__setattr__(self, "online", self.online or _sqlite(self.home / "online.db"))
        object.__setattr__(self, "notifications", self.notifications or _sqlite(self.home / "notifications.db"))
        return self

    @property
    def samples(self) -> Path:
        """Folder of the demo's simulated archives."""
        return self.home / "samples"

    @property
    def logs(self) -> Path:
        """Folder of what the servers of `cryptodudez up` say."""
        return self.home / "logs"

    @property
    def fetching(self) -> Path:
        """Folder of what is counted of requests to venues."""
        return self.home / "fetching"

    @property
    def receipts(self) -> Path:
        """Database of served predictions."""
        return self.home / "receipts.db"

    @property
    def lake_is_local(self) -> bool:
        """Whether the lake is a folder of this machine."""
        return "://" not in self.lake

    @property
    def catalog_is_rest(self) -> bool:
        """Whether Iceberg's catalog is asked over HTTP, and not in SQL."""
        return self.catalog.startswith(REST)

    @property
    def raw_zone(self) -> str:
        """Root of the raw zone."""
        return self.raw or f"{self.lake}/raw"

    @property
    def raw_is_local(self) -> bool:
        """Whether the raw zone is a folder of this machine."""
        return "://" not in self.raw_zone

    @property
    def only_here(self) -> str:
        """The setting by which lake or raw zone are a folder of this machine; empty where both are buckets."""
        return "lake" if self.lake_is_local else "raw" if self.raw_is_local else ""

    @property
    def nothing_yet(self) -> bool:
        """Whether there can be nothing: lake and catalog are kept in a home that does not exist."""
        inside = (self.lake, self.catalog) == (str(self.home / "lake"), _sqlite(self.home / "catalog.db"))
        return inside and not os.path.lexists(self.home)


def own_declarations() -> Path | None:
    """The folder of `Settings.declarations`, for modules that are imported before there are settings; it need not be there."""
    told = os.environ.get(f"{PREFIX}DECLARATIONS", "")
    return Path(told).expanduser().absolute() if told else None


def may_be_told(name: str) -> bool:
    """Whether the value of a setting may be repeated to whoever reads a terminal or a log: that of a number or a folder.

    Any text may hold a password, if only by mistake.
    """
    field = Settings.model_fields.get(name)
    return field is not None and field.annotation in {int, float, Decimal, Path, Path | None}


def unknown_variables() -> dict[str, str]:
    """Variables that are named as if they were settings, each with the setting of the nearest name."""
    known = [f"{PREFIX}{name}".upper() for name in Settings.model_fields]
    strange = {name for name in os.environ if name.upper().startswith(PREFIX)} - OF_TESTS
    return {
        name: get_close_matches(name.upper(), known, n=1, cutoff=0)[0]
        for name in sorted(strange)
        if name.upper() not in known
    }


def _nameable(folder: Path) -> Path:
    """The folder, if tables can name their files in it: they write names as UTF-8."""
    try:
        str(folder).encode()
    except UnicodeEncodeError:
        raise ValueError("must be a path in UTF-8") from None
    if "\0" in str(folder):
        raise ValueError("must be a path without null bytes")
    return folder


def _beginning_with(schemes: tuple[str, ...], url: str) -> str:
    if url and not url.startswith(schemes):
        raise ValueError(f"must begin with {_either(schemes)}")
    return url


def _readable(url: str) -> str:
    """The address of a database, if every library reads it alike."""
    if not url or url.startswith("sqlite:///"):
        return url
    return insist_on_postgresql(url) if url.startswith("postgres") else insist_on_address(url)


def _either(schemes: tuple[str, ...]) -> str:
    return " or ".join(filter(None, (", ".join(schemes[:-1]), schemes[-1])))


def _sqlite(path: Path) -> str:
    return f"sqlite:///{quote(str(path))}"
