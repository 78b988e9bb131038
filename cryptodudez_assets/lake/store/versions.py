"""What a bucket keeps of objects that were replaced or deleted: old versions, found, opened and removed; and for how long what was
removed can be brought back all the same (soft delete).

obstore knows no versions: they are asked for with the clouds' own clients, which need not be installed. Objects as they are now are
in `objects.py`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from importlib.util import find_spec
from tempfile import SpooledTemporaryFile
from typing import Any, BinaryIO, Protocol, cast

from cryptodudez_assets.settings import Settings

IN_MEMORY_BYTES = 16 << 20


class VersionsUnknown(Exception):
    """Whether a bucket keeps old versions cannot be asked; the message says why, and what to do."""


@dataclass(frozen=True)
class OldVersion:
    """One that is not the object as it is now."""

    key: str
    """Within the bucket."""
    version: str
    place: str
    """Where the object lies, or lay, as people see it."""


class Versions(Protocol):
    """The old versions below a root in a bucket."""

    soft_delete: timedelta | None
    """So long whatever is removed can be brought back; None where the store does not tell of any such time."""

    def old(self) -> Iterator[OldVersion]:
        """All of them, also those of objects that were deleted."""

    def open(self, one: OldVersion) -> BinaryIO:
        """Its bytes."""

    def remove(self, one: OldVersion) -> None:
        """Remove this version alone."""


def versions_below(root: str, settings: Settings) -> Versions:
    """The old versions below `s3://bucket/prefix` or `gs://bucket/prefix`. Raises `VersionsUnknown` without the cloud's client."""
    needed, extra = ("boto3", "aws") if root.startswith("s3://") else ("google.cloud.storage", "gcp")
    if not _is_installed(needed):
        raise VersionsUnknown(
            f"whether {root} keeps old versions cannot be asked without {needed}: pip install 'cryptodudez[{extra}]'"
        )
    return _S3(root, settings) if root.startswith("s3://") else _Google(root, settings)


class _S3:
    soft_delete: timedelta | None = None

    def __init__(self, root: str, settings: Settings) -> None:
        import boto3

        self._bucket, _, prefix = root.removeprefix("s3://").partition("/")
        self._prefix = f"{prefix}/" if prefix else ""
        self._client: Any = boto3.client(
            "s3", endpoint_url=settings.s3_endpoint or None, region_name=settings.s3_region
        )

    def old(self) -> Iterator[OldVersion]:
        pages = self._client.get_paginator("list_object_versions").paginate(Bucket=self._bucket, Prefix=self._prefix)
        for page in pages:
            for one in page.get("Versions", ()):
                if not one["IsLatest"]:
                    yield OldVersion(one["Key"], one["VersionId"], f"s3://{self._bucket}/{one['Key']}")

    def open(self, one: OldVersion) -> BinaryIO:
        content = cast(BinaryIO, SpooledTemporaryFile(IN_MEMORY_BYTES))  # noqa: SIM115  (whoever asked closes it)
        self._client.download_fileobj(self._bucket, one.key, content, ExtraArgs={"VersionId": one.version})
        content.seek(0)
        return content

    def remove(self, one: OldVersion) -> None:
        self._client.delete_object(Bucket=self._bucket, Key=one.key, VersionId=one.version)


class _Google:
    def __init__(self, root: str, settings: Settings) -> None:
        from google.auth.credentials import AnonymousCredentials
        from google.cloud import storage

        name, _, prefix = root.removeprefix("gs://").partition("/")
        self._prefix = f"{prefix}/" if prefix else ""
        stand_in = {"credentials": AnonymousCredentials(), "project": "none"} if settings.gs_endpoint else {}
        options = {"api_endpoint": settings.gs_endpoint} if settings.gs_endpoint else None
        client: Any = storage.Client(client_options=options, **stand_in)
        self._bucket = client.get_bucket(name)
        seconds = self._bucket.soft_delete_policy.retention_duration_seconds
        self.soft_delete: timedelta | None = timedelta(seconds=int(seconds)) if seconds else None

    def old(self) -> Iterator[OldVersion]:
        for blob in self._bucket.list_blobs(prefix=self._prefix, versions=True):
            if blob.time_deleted is not None:
                yield OldVersion(blob.name, str(blob.generation), f"gs://{self._bucket.name}/{blob.name}")

    def open(self, one: OldVersion) -> BinaryIO:
        content = cast(BinaryIO, SpooledTemporaryFile(IN_MEMORY_BYTES))  # noqa: SIM115  (whoever asked closes it)
        self._bucket.blob(one.key, generation=int(one.version)).download_to_file(content)
        content.seek(0)
        return content

    def remove(self, one: OldVersion) -> None:
        self._bucket.blob(one.key, generation=int(one.version)).delete()


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # of a package above it
        return False
