"""What differs between one lake on Amazon and another: `Pulumi.<stack>.yaml`, read into a frozen dataclass."""

from typing import Annotated

from pydantic import Field, StringConstraints
from pydantic.dataclasses import dataclass
from stack.config import STRICT

Principal = Annotated[str, StringConstraints(pattern=r"^arn:aws:iam::[0-9]{12}:(role|user)/[A-Za-z0-9+=,.@_/-]+$")]


@dataclass(frozen=True, config=STRICT, kw_only=True)
class AmazonConfig:
    """A lake. Lists are tuples of ARNs of roles or users; times are days."""

    platform: Annotated[tuple[Principal, ...], Field(min_length=1)]
    """Who runs the platform."""
    operators: Annotated[tuple[Principal, ...], Field(min_length=1)]
    """Who erases, and looks at dead letters."""
    producers: tuple[Principal, ...] = ()
    """Who lands raw files, and can do nothing else."""
    alerts_to: Annotated[str, StringConstraints(pattern=r"^[^@\s]+@[^@\s]+$")]
    old_versions_days: Annotated[int, Field(ge=1, le=3650)] = 30
    """A raw file that was overwritten or deleted is kept for so long."""
    protected: bool = True
    """Whether Pulumi refuses to delete the buckets."""
