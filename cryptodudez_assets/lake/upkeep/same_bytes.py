"""Raw files whose times changed, but not their bytes: a plain `cp -r` gives every file the time of the copy."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from cryptodudez_assets.contracts.catalogue import Status
from cryptodudez_assets.lake.store.objects import open_store
from cryptodudez_assets.lake.store.stored import ObjectStore, StoredObject
from cryptodudez_assets.settings import Settings

READ_BYTES = 4 << 20
NEVER_READ = [str(Status.IGNORED)]


@dataclass(frozen=True)
class Generations:
    """Of raw files with the bytes that the catalogue knows: the generation that it knows, and the one they have now."""

    renewed_by_version: pl.DataFrame

    @classmethod
    def of(cls, files: pl.LazyFrame, settings: Settings, progress: Callable[[str], None]) -> "Generations":
        """Look at every raw object of `catalog.files`; those with another time than is known are read and compared."""
        store = open_store(settings)
        objects = files.filter(pl.col("member").is_null()).sort("discovered_at", descending=True)
        known = objects.select("uri", "generation", "size", "sha256", "status").unique(maintain_order=True).collect()
        renewed: list[tuple[str, str, str]] = []
        by_uri = known.partition_by("uri", maintain_order=True, as_dict=True)
        for number, ((uri,), versions) in enumerate(by_uri.items(), 1):
            found = store.stat(store.key(str(uri)))
            if found is None or found.generation in versions["generation"]:
                continue
            progress(f"comparing {found.key}: {number} of {len(by_uri)} raw files")
            same = _version_of(store, found, versions)
            if same is not None:
                renewed.append((str(uri), same, found.generation))
        schema = {"uri": pl.String, "generation": pl.String, "_now": pl.String}
        return cls(pl.DataFrame(renewed, schema=schema, orient="row"))

    def renewed(self, rows: pl.DataFrame) -> pl.DataFrame:
        """The rows of `catalog.files` with the generations of now."""
        joined = rows.join(self.renewed_by_version, on=["uri", "generation"], how="left", maintain_order="left")
        return joined.with_columns(generation=pl.coalesce("_now", "generation")).drop("_now")


def _version_of(store: ObjectStore, found: StoredObject, versions: pl.DataFrame) -> str | None:
    """The newest version that the catalogue knows with these bytes. What was never read is known by its size."""
    alike = versions.filter(pl.col("size") == found.size)
    if alike.is_empty():
        return None
    digest = hashlib.sha256()
    with store.open(found.key) as content:
        while block := content.read(READ_BYTES):
            digest.update(block)
    unread = pl.col("sha256").fill_null("") == ""
    same = alike.filter((pl.col("sha256") == digest.hexdigest()) | (unread & pl.col("status").is_in(NEVER_READ)))
    return None if same.is_empty() else str(same["generation"][0])
