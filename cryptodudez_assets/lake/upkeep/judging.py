"""Whether a table keeps its contract: every row its rules, and its key unique. What passed once is not judged again.

Data files never change, so a file that passed is sound as long as it is what was written, which checksums tell (`verify.py`).
After a landing only the files are judged that came since, also those that were rewritten or joined; `everything` judges all,
for what no checksum tells. Which snapshot passed under which contract is noted beside the table's metadata. What a rule is, and
how it is evaluated, is in `contracts/rules.py`.
"""

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import polars as pl
from pyiceberg.table import Table

from cryptodudez_assets.contracts.base import Contract
from cryptodudez_assets.contracts.rules import evaluate_rules
from cryptodudez_assets.lake.iceberg.ranges import Range, range_of
from cryptodudez_assets.lake.iceberg.scan import data_files, scan_files
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.store.locks import exclusive
from cryptodudez_assets.lake.store.places import key_within

NOTE = "metadata/contract.passed"
"""In the folder of a table. Not the name of a file that Iceberg's tables have: upkeep leaves it where it is."""

KEY_REPEATS = "key_repeats"
FEW = 8
"""Ranges that are looked for in one file; where there are more, all of its keys are compared."""
Hashes = npt.NDArray[np.uint64]


@dataclass
class Judgement:
    """What was found in the files that were judged: how many rows break which rules, and how much was read for it.

    `compared`: rows of files that passed before whose keys were read beside the new ones.
    """

    files: int = 0
    files_in_all: int = 0
    rows: int = 0
    compared: int = 0
    errors: dict[str, int] = field(default_factory=dict)
    warnings: dict[str, int] = field(default_factory=dict)

    def __str__(self) -> str:
        broken = ", ".join(f"{n:,} × {rule}" for rule, n in self.errors.items())
        told = f"broken rules: {broken}" if broken else "every rule holds"
        passed_before = self.files_in_all - self.files
        return told + f" ({passed_before:,} of {self.files_in_all:,} files passed before)" * bool(passed_before)


def judge_table(
    lake: Lake, name: str, contract: type[Contract], key: Sequence[str], version: str, *, everything: bool = False
) -> Judgement:
    """Judge the data files of a table that are new since it last passed under this version of its contract, or all of them.

    Without a `key`, rows need not be unique. A table that is not there keeps every rule.
    """
    under = f"{version} {', '.join(key)}"
    with exclusive(lake.settings, f"judged.{name}"):  # or a pass could be noted over what another look has just found
        table = lake.tables.table(name)
        snapshot = table.current_snapshot() if table is not None else None
        if table is None or snapshot is None:
            return Judgement()
        passed = None if everything else _passed(lake, table, under)
        if passed == snapshot.snapshot_id:
            return Judgement(files_in_all=len(data_files(table)))
        if everything:
            _note(lake, table, None, under)  # whoever dies over it, or finds a row, leaves no pass behind
        found = _judged(table, contract, key, passed)
        if not found.errors:
            _note(lake, table, snapshot.snapshot_id, under)
        return found


def _judged(table: Table, contract: type[Contract], key: Sequence[str], passed: int | None) -> Judgement:
    files = {file.file_path: file for file in data_files(table)}
    before = {file.file_path for file in data_files(table, snapshot_id=passed)} if passed else set()
    new, old = [path for path in files if path not in before], [path for path in files if path in before]
    found = Judgement(len(new), len(files))
    hashes: list[Hashes] = []
    for path in new:  # one at a time, for memory's sake
        rows = scan_files(table, [path]).collect()
        found.rows += len(rows)
        for finding in evaluate_rules(contract, rows):
            counts = found.warnings if finding.is_warning else found.errors
            counts[finding.rule] = counts.get(finding.rule, 0) + int(finding.broken.sum())
        if key:
            hashes.append(_hashes(rows.lazy(), key))
    if key and new:
        ranges = [range_of(table, files[path], key) for path in new]
        met = {path: _met(range_of(table, files[path], key), ranges) for path in old}
        if repeated := _repeated_keys(table, key, new, hashes, {path: one for path, one in met.items() if one}, found):
            found.errors[KEY_REPEATS] = repeated
    return found


def _met(old: Range, new: Sequence[Range]) -> list[Range]:
    return [one for one in new if one.meets(old)]


def _repeated_keys(
    table: Table,
    key: Sequence[str],
    new: Sequence[str],
    hashes: Sequence[Hashes],
    met: Mapping[str, Sequence[Range]],
    found: Judgement,
) -> int:
    """How many rows have a key that another row has. `met`: files that passed before, and the ranges of new ones they meet.

    A hash for each new row is held, not its key: tables may be large.
    """
    known = np.sort(np.concatenate(hashes))
    suspects = set(new) if (known[1:] == known[:-1]).any() else set()
    for path, ranges in met.items():
        rows = scan_files(table, [path])
        if len(ranges) <= FEW:
            rows = rows.filter(pl.any_horizontal([one.holds for one in ranges]))
        others = _hashes(rows, key)
        found.compared += len(others)
        if len(others) and (known[np.searchsorted(known, others).clip(max=len(known) - 1)] == others).any():
            suspects |= {*new, path}
    if not suspects:
        return 0
    # Equal keys, or else equal hashes by chance: counted exactly.
    repeated = pl.len() - pl.struct(key).n_unique()
    return int(scan_files(table, sorted(suspects)).select(repeated).collect(engine="streaming").item())


def _hashes(rows: pl.LazyFrame, key: Sequence[str]) -> Hashes:
    return rows.select(pl.struct(key).hash()).collect().to_series().to_numpy()


def _passed(lake: Lake, table: Table, under: str) -> int | None:
    """The snapshot that passed, where the present one goes back to it and it is still kept.

    A table that was rolled back or made again has files that no look has seen, whatever was noted.
    """
    key = _key(lake, table)
    if lake.store.stat(key) is None:
        return None
    with lake.store.open(key) as content:
        told = _parsed(content.read())
    if told.get("under") != under:
        return None
    return next((one for one in _ancestors(table) if one == told.get("snapshot")), None)


def _parsed(note: bytes) -> dict[str, object]:
    """A note that cannot be read says nothing: then everything is judged, and it is written anew."""
    try:
        told = json.loads(note)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _ancestors(table: Table) -> Iterator[int]:
    snapshot = table.current_snapshot()
    while snapshot is not None:
        yield snapshot.snapshot_id
        parent = snapshot.parent_snapshot_id
        snapshot = None if parent is None else table.snapshot_by_id(parent)


def _note(lake: Lake, table: Table, snapshot_id: int | None, under: str) -> None:
    note = json.dumps({"snapshot": snapshot_id, "under": under})
    lake.store.write(_key(lake, table), io.BytesIO(note.encode()))


def _key(lake: Lake, table: Table) -> str:
    return f"{key_within(table.location(), lake.settings.lake)}/{NOTE}"
