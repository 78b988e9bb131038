"""The truth about simulated archives: their members, where the bad rows lie, and the rows that a correct ingest keeps.

`truth.json` holds the accounts, one parquet file per source the good rows.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Self

import polars as pl
import pyarrow.parquet as pq

from cryptodudez_assets.simulator.dirt import Row

ROWS_PER_GROUP = 50_000


@dataclass(frozen=True)
class BadRow:
    """One dirty row: the physical line on which it starts (the header is line 1) and its kind."""

    line: int
    kind: str


@dataclass(frozen=True)
class Member:
    """One entry of an archive; `rows` counts its data rows, the bad ones too. Folders are entries to be ignored."""

    name: str
    ignored: bool
    rows: int
    bad: tuple[BadRow, ...]


@dataclass(frozen=True)
class Archive:
    """One zip file, or a file in no archive, whose one member has no name."""

    name: str
    members: tuple[Member, ...]


@dataclass(frozen=True)
class Totals:
    """Accounts of a source with all its archives landed: `read == valid + quarantined + duplicate`."""

    files: int
    ignored: int
    read: int
    valid: int
    quarantined: int
    duplicate: int


@dataclass(frozen=True)
class SourceTruth:
    """Archives and accounts of one source."""

    archives: tuple[Archive, ...]
    totals: Totals

    @classmethod
    def of(cls, archives: Sequence[Archive], *, valid: int, duplicate: int = 0) -> Self:
        """Close the accounts: the members give what is read, the caller what of it is kept or an older observation."""
        members = [member for archive in archives for member in archive.members]
        totals = Totals(
            files=sum(not member.ignored for member in members),
            ignored=sum(member.ignored for member in members),
            read=sum(member.rows for member in members),
            valid=valid,
            quarantined=sum(len(member.bad) for member in members),
            duplicate=duplicate,
        )
        return cls(tuple(archives), totals)


@dataclass(frozen=True)
class Truth:
    """What was planted, by source."""

    seed: int
    sources: Mapping[str, SourceTruth]

    def totals(self, source: str) -> Totals:
        """Accounts of one source."""
        return self.sources[source].totals

    def save(self, path: Path) -> None:
        """Write as JSON."""
        path.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` wrote."""
        content = json.loads(path.read_text(encoding="utf-8"))
        return cls(content["seed"], {name: _source(source) for name, source in content["sources"].items()})


def _source(content: dict[str, Any]) -> SourceTruth:
    archives = tuple(
        Archive(archive["name"], tuple(_member(member) for member in archive["members"]))
        for archive in content["archives"]
    )
    return SourceTruth(archives, Totals(**content["totals"]))


def _member(content: dict[str, Any]) -> Member:
    return Member(**{**content, "bad": tuple(BadRow(**bad) for bad in content["bad"])})


class TruthTable:
    """Parquet file of a source's good rows, filled while they pass on their way into the archives."""

    def __init__(self, path: Path, frame: Callable[[list[Row]], pl.DataFrame]) -> None:
        self.rows = 0
        self._frame = frame
        path.parent.mkdir(parents=True, exist_ok=True)
        self._writer = pq.ParquetWriter(path, self._table([]).schema)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._writer.close()

    def keep(self, rows: Iterable[Row]) -> Iterator[Row]:
        """Pass rows on after writing them, a bounded number at a time."""
        remaining = iter(rows)
        while group := list(islice(remaining, ROWS_PER_GROUP)):
            self._writer.write_table(self._table(group))
            self.rows += len(group)
            yield from group

    def _table(self, rows: list[Row]) -> Any:
        return self._frame(rows).to_arrow(compat_level=pl.CompatLevel.oldest())
