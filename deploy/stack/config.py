"""What differs between one stack and another: `Pulumi.<stack>.yaml`, read into frozen dataclasses.

A wrong value ends the program in one line a value. What is the same in every stack is a constant of the component that it concerns.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar

from pydantic import ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

STRICT = ConfigDict(extra="forbid")
VENUES_OUTSIDE_THE_US = {"binance": "https://data-api.binance.vision"}
"""Feeds whose venue answers no request from the United States, with the host that has only data and answers any."""

Image = Annotated[str, StringConstraints(pattern=r"^[a-z0-9.-]+(:[0-9]+)?/[a-z0-9._/-]+@sha256:[0-9a-f]{64}$")]
Member = Annotated[str, StringConstraints(pattern=r"^(user|group|serviceAccount):[^@\s]+@[^@\s]+$")]
Network = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,3}(\.[0-9]{1,3}){3}/[0-9]{1,2}$")]
Domain = Annotated[str, StringConstraints(pattern=r"^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}$")]

Declared = TypeVar("Declared")


class Wrong(ValueError):
    """A stack's configuration that cannot be used; a line for each value."""


@dataclass(frozen=True, config=STRICT, kw_only=True)
class Images:
    """What the pods run, each by its digest."""

    code: Image
    serving: Image
    recorder: Image
    proxy: Image
    """Google's Cloud SQL Auth Proxy, version 2."""
    spark: Image | None = None
    """For batches on Serverless for Apache Spark; without it there are none."""


@dataclass(frozen=True, config=STRICT, kw_only=True)
class Size:
    """CPU in cores and memory in GiB of a pod. Autopilot gives what is asked for, and no more: requests are limits."""

    cpu: Annotated[float, Field(ge=0.25, le=30, multiple_of=0.25)]
    memory: Annotated[float, Field(ge=0.5, le=110, multiple_of=0.25)]

    def __post_init__(self) -> None:
        if not 1 <= self.memory / self.cpu <= 6.5:
            raise ValueError(
                f"{self.memory:g} GiB for {self.cpu:g} cores: Autopilot gives between 1 and 6.5 GiB a core; "
                "it would change one of the two"
            )


@dataclass(frozen=True, config=STRICT, kw_only=True)
class Database:
    """The instance of Cloud SQL."""

    tier: Annotated[str, StringConstraints(pattern=r"^db-[a-z0-9-]+$")] = "db-custom-1-3840"
    highly_available: bool = False
    login: Literal["iam", "password"] = "iam"
    """How workloads show who they are: by their identity, through the Auth Proxy, or by a password of Secret Manager."""
    backups_kept: Annotated[int, Field(ge=7, le=365)] = 14
    log_days: Annotated[int, Field(ge=1, le=7)] = 7
    """Any moment of so many days can be restored."""


@dataclass(frozen=True, config=STRICT, kw_only=True)
class StackConfig:
    """A stack. Lists are tuples; times are days; money is in the currency of the billing account."""

    images: Images
    operators: Annotated[tuple[Member, ...], Field(min_length=1)]
    """Who erases, restores, reads secrets and forwards ports."""
    operators_from: Annotated[tuple[Network, ...], Field(min_length=1)]
    """Networks that reach the cluster's control plane."""
    producers: tuple[Member, ...] = ()
    """Who lands raw files, and can do nothing else there."""
    alerts_to: Annotated[str, StringConstraints(pattern=r"^[^@\s]+@[^@\s]+$")]
    billing_account: Annotated[str, StringConstraints(pattern=r"^[0-9A-F]{6}-[0-9A-F]{6}-[0-9A-F]{6}$")]
    budget: Annotated[int, Field(ge=1)]
    """A month; told at a half, nine tenths and all of it."""
    workloads: bool = True
    """Whether pods are made: not before there are images, and before the databases let them in."""
    database: Database = Database()
    domain: Domain | None = None
    """Of the API and the dashboard, with Google's certificate. Without it nothing is reached from outside."""
    dagster_domain: Domain | None = None
    """Of Dagster's UI, behind Identity-Aware Proxy, for the operators. Without it ports are forwarded."""
    feeds: tuple[str, ...] = ()
    books: tuple[str, ...] = ("btc_mxn", "usd_mxn")
    recorders: Annotated[int, Field(ge=0, le=4)] = 2
    serving_most: Annotated[int, Field(ge=2, le=50)] = 4
    """So many pods of the API at most; two at least."""
    run_size: Size = Size(cpu=1, memory=4)
    serving_size: Size = Size(cpu=0.5, memory=1)
    own_keys: bool = False
    """Whether buckets, database, topics and secrets are encrypted by keys of the project's own (CMEK), which are turned each 90 days."""
    old_versions_days: Annotated[int, Field(ge=1, le=3650)] = 30
    """A raw file that was overwritten or deleted is kept for so long."""
    soft_delete_days: Annotated[int, Field(ge=0, le=90)] = 7
    """What was deleted can be restored by Google for so long, also what was erased; 0 for not at all."""
    protected: bool = True
    """Whether cluster, database and buckets refuse to be deleted."""

    def __post_init__(self) -> None:
        if self.soft_delete_days and self.soft_delete_days < 7:
            raise ValueError("soft_delete_days is 0, or from 7 to 90: Google takes no other")
        if self.recorders and not self.books:
            raise ValueError("books is empty: name what is recorded, or set recorders to 0")


def read(told: Mapping[str, Any]) -> StackConfig:
    """The configuration under `cryptodudez:stack`. Raises Wrong."""
    return as_declared(StackConfig, told, "cryptodudez:stack")


def as_declared(kind: type[Declared], told: Mapping[str, Any], name: str) -> Declared:
    """A stack's configuration of this kind, under this name. Raises Wrong, with what was found, what is expected, and where."""
    try:
        return TypeAdapter(kind).validate_python(told)
    except ValidationError as error:
        lines = [_line(one) for one in error.errors(include_url=False)]
        raise Wrong(f"{name}: " + "\n".join(lines)) from None


def venue_hosts(region: str, feeds: tuple[str, ...]) -> dict[str, str]:
    """By feed, the host that its venue is asked at, where the usual one does not answer this region."""
    return {name: host for name, host in VENUES_OUTSIDE_THE_US.items() if name in feeds and region.startswith("us-")}


def _line(error: Any) -> str:
    place = ".".join(map(str, error["loc"])) or "the whole"
    found = "" if error["type"] in {"missing", "value_error"} else f", not {error['input']!r}"
    said = re.sub(r"^Value error, ", "", error["msg"])
    return f"{place}: {said}{found}"
