"""The one place where configuration enters. Every setting is a `CRYPTODUDEZ_*` environment variable with a default.

Code below `cli.py` and `defs/` is handed a `Settings`; nothing else reads the environment.
"""

from pathlib import Path
from typing import Self
from urllib.parse import quote

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Where things are kept. Folders are made absolute; URLs (`s3://…`, `gs://…`, `postgresql://…`) are kept as given."""

    model_config = SettingsConfigDict(env_prefix="CRYPTODUDEZ_", env_ignore_empty=True, frozen=True, extra="forbid")

    home: Path = Field(
        default=Path(".cryptodudez"),
        description="Folder for everything that runs leave behind: lake, catalog database, locks, Dagster's own storage.",
    )
    lake: str = Field(
        default="",
        description="Root of the lake: a folder, `s3://bucket/prefix` or `gs://bucket/prefix`. Default: `lake` in the home folder.",
    )
    catalog: str = Field(
        default="",
        description="Iceberg's SQL catalog: `sqlite:///file` or `postgresql://user:password@host/database`. "
        "Default: `catalog.db` in the home folder.",
        repr=False,
    )
    online: str = Field(
        default="",
        description="Online feature store: `sqlite:///file`, `postgresql://user:password@host/database` or "
        "`redis://host`. Default: `online.db` in the home folder.",
        repr=False,
    )
    s3_endpoint: str = Field(
        default="", description="Endpoint of an S3-compatible store other than AWS, such as SeaweedFS."
    )
    s3_region: str = Field(default="us-east-1", description="Region of the S3 bucket.")
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
        description="How many requests one client may send to the API in a minute; 0 for any number.",
    )

    kaggle_username: str = Field(
        default="", description="User name of the Kaggle account; empty if the key is an API token."
    )
    kaggle_key: SecretStr | None = Field(default=None, description="Key from Kaggle's `kaggle.json`, or an API token.")

    @field_validator("home")
    @classmethod
    def _absolute(cls, home: Path) -> Path:
        return home.expanduser().absolute()

    @model_validator(mode="after")
    def _defaults_in_home(self) -> Self:
        lake = self.lake or str(self.home / "lake")
        if "://" not in lake:
            lake = str(Path(lake).expanduser().absolute())
        object.__setattr__(self, "lake", lake.rstrip("/"))
        object.__setattr__(self, "catalog", self.catalog or _sqlite(self.home / "catalog.db"))
        object.__setattr__(self, "online", self.online or _sqlite(self.home / "online.db"))
        return self

    @property
    def models(self) -> Path:
        """Folder of the registered models."""
        return self.home / "models"

    @property
    def reports(self) -> Path:
        """Folder of the HTML reports."""
        return self.home / "reports"

    @property
    def receipts(self) -> Path:
        """Database of served predictions."""
        return self.home / "receipts.db"

    @property
    def lake_is_local(self) -> bool:
        """Whether the lake is a folder of this machine."""
        return "://" not in self.lake


def _sqlite(path: Path) -> str:
    return f"sqlite:///{quote(str(path))}"
