"""Try a declaration: land the sample in a lake of its own, ingest it as it would be, and look at what became of it."""

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import polars as pl

from cryptodudez_assets.lake.ingest.cataloguing import catalogue_objects
from cryptodudez_assets.lake.ingest.ingest import ingest
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.landing import land
from cryptodudez_assets.lake.metastore.discovery import discover_all
from cryptodudez_assets.lake.quarantine.review import overview
from cryptodudez_assets.lake.status import SourceStatus, status_of, unbalanced_files
from cryptodudez_assets.settings import Settings
from cryptodudez_assets.sources.declaration import Source

SHOWN = 3


@dataclass(frozen=True)
class Tried:
    """What became of a sample: its counts, the span of its times, and why rows, or all of it, were set aside."""

    counts: SourceStatus
    balanced: bool
    first: datetime | None
    last: datetime | None
    reasons: list[str]


def tried(name: str, text: str, content: bytes) -> Tried:
    """Land `content` in a scratch lake with the source that `text` declares. Nothing is left of it."""
    with tempfile.TemporaryDirectory(prefix="new-source-") as folder:
        sample = Path(folder, "sample")
        sample.write_bytes(content)
        with declared(name, text, Path(folder)) as source:
            lake = Lake.open(Settings(home=Path(folder, "home"), lake="", catalog="", settle_seconds=0), {name: source})
            list(land(lake, name, [sample]))
            catalogue_objects(lake, source, discover_all(lake, name))
            ingest(lake, source)
            return _looked_at(lake, source)


@contextmanager
def declared(name: str, text: str, folder: Path) -> Iterator[Source]:
    """The source that a text declares, while it is there to be read."""
    path = folder / f"{name}.py"
    path.write_text(text, encoding="utf-8")
    spec = spec_from_file_location(f"drafted {name}", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} cannot be imported")
    module = module_from_spec(spec)
    sys.modules[module.__name__] = (
        module  # the version of a source is made of its contract's text, which is looked up there
    )
    try:
        spec.loader.exec_module(module)
        yield module.SOURCE
    finally:
        del sys.modules[module.__name__]


def _looked_at(lake: Lake, source: Source) -> Tried:
    table = lake.tables.scan(source.table)
    times = pl.Series("event_ts", [], pl.Datetime("us", "UTC"))
    if table is not None:
        times = table.select("event_ts").collect().to_series()
    return Tried(
        status_of(lake, source.name),
        unbalanced_files(lake, source).is_empty(),
        times.min(),  # type: ignore[arg-type]
        times.max(),  # type: ignore[arg-type]
        list(_reasons(lake, source)),
    )


def _reasons(lake: Lake, source: Source) -> Iterator[str]:
    """Why something was set aside, each reason with the first line of it."""
    first = pl.coalesce("reason", "why").first().alias("told")
    where = pl.coalesce("place", pl.format("line {}", "line")).first().alias("where")
    found = overview(lake, source.name).group_by("why", maintain_order=True).agg(first, pl.len(), where)
    for why, n, at in found.sort("len", descending=True).select("told", "len", "where").head(SHOWN).iter_rows():
        yield why if at is None else f"{at}: {why}" if n == 1 else f"{at} and {n - 1:,} more: {why}"
