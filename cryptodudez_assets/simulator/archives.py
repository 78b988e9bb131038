"""Zip files as the public archives are: CSV members between the junk that a Mac leaves behind.

Nothing in them depends on the clock, so the same content gives the same bytes.
"""

import csv
import io
import zipfile
from collections.abc import Callable, Iterable
from datetime import date, timedelta
from pathlib import Path, PurePosixPath
from random import Random
from typing import IO, Self

from cryptodudez_assets.simulator.dirt import Dirt, Kind, Row, soiled
from cryptodudez_assets.simulator.truth import Archive, BadRow, Member

BUFFER_CHARS = 1 << 20
NOON = (12, 0, 0)
APPLE_DOUBLE = bytes.fromhex("00051607 00020000") + b"Mac OS X        "


class ArchiveWriter:
    """Writes one archive member by member, soils its CSV files as asked, and keeps account of them."""

    def __init__(self, path: Path, dirt: Dirt, seed: int, last_day: date, on_progress: Callable[[str], None]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._name = path.name
        self._zip = zipfile.ZipFile(path, "w")
        self._dirt = dirt
        self._seed = seed
        day_after = last_day + timedelta(days=1)
        self._packed = (day_after.year, day_after.month, day_after.day, *NOON)
        self._on_progress = on_progress
        self._members: list[Member] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._zip.close()

    @property
    def account(self) -> Archive:
        """What has been written."""
        return Archive(self._name, tuple(self._members))

    def folder(self, name: str) -> None:
        """Add a folder entry."""
        self._zip.writestr(self._entry(f"{name}/"), b"")
        self._members.append(Member(f"{name}/", ignored=True, rows=0, bad=()))

    def junk(self, name: str) -> None:
        """Add a binary file of the kind that Finder adds, to be ignored."""
        noise = self._rng(name).randbytes(100)
        self._zip.writestr(self._entry(name), APPLE_DOUBLE + noise)
        self._members.append(Member(name, ignored=True, rows=0, bad=()))

    def foreign(self, name: str, text: str) -> None:
        """Add a file that is for another source."""
        self._zip.writestr(self._entry(name), text)
        self._members.append(Member(name, ignored=True, rows=0, bad=()))

    def csv(self, name: str, header: str, rows: Iterable[Row], *, good_rows: int, line_end: str = "\n") -> None:
        """Add a CSV file of `good_rows` rows, and the dirty rows planned for it."""
        rng = self._rng(name)
        columns = header.replace('"', "").split(",")
        plan = self._dirt.plan(PurePosixPath(name).name, good_rows, has_prices="close" in header.lower(), rng=rng)
        with self._zip.open(self._entry(name), "w") as member:
            bad = _write_csv(member, header, soiled(rows, plan, columns, rng), line_end)
        self._members.append(Member(name, ignored=False, rows=good_rows + len(bad), bad=bad))
        self._on_progress(f"{self._name}: {name}")

    def _rng(self, member: str) -> Random:
        return Random(f"{self._seed}/{self._name}/{member}")

    def _entry(self, name: str) -> zipfile.ZipInfo:
        entry = zipfile.ZipInfo(name, self._packed)
        entry.create_system = 3  # Unix wherever it is written, so that the bytes are the same
        is_folder = name.endswith("/")
        entry.compress_type = zipfile.ZIP_STORED if is_folder else zipfile.ZIP_DEFLATED
        entry.external_attr = (0o40755 if is_folder else 0o100644) << 16
        return entry


def _write_csv(
    member: IO[bytes], header: str, rows: Iterable[tuple[Row, Kind | None]], line_end: str
) -> tuple[BadRow, ...]:
    """Write the rows and return where the dirty ones start. A row of commas at the very end gets no line end."""
    buffer = io.StringIO(newline="")
    buffer.write(header + line_end)
    record = csv.writer(buffer, lineterminator=line_end)
    bad: list[BadRow] = []
    lines_written = 0
    kind: Kind | None = None

    def flush() -> int:
        text = buffer.getvalue()
        member.write(text.encode())
        buffer.seek(0)
        buffer.truncate()
        return text.count("\n")

    for row, kind in rows:
        if kind or buffer.tell() > BUFFER_CHARS:
            lines_written += flush()
        if kind:
            bad.append(BadRow(lines_written + 1, kind))
        record.writerow(row)
    if kind == "empty_fields":
        buffer.truncate(buffer.tell() - len(line_end))
    flush()
    return tuple(bad)
