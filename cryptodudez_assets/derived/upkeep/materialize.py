"""Bring a derived table up to date with its inputs: only the keys and days that a change can reach are computed anew.

The snapshots of the inputs that a table was made from are noted in its own; what changed since is read from the files that
differ. Where no row that the table reads did, only the note is renewed, so that nothing behind the table has to move. A changed
definition, or a lost snapshot, means computing everything. What is reached, computing it and the commit are plain functions
beside this one.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import polars as pl
from pyiceberg.table import Table

from cryptodudez_assets.derived.declaration import Derived
from cryptodudez_assets.derived.upkeep.commit import agree, begin, table_specs
from cryptodudez_assets.derived.upkeep.dividing import divide
from cryptodudez_assets.derived.upkeep.reach import AffectedRange, Pinned, affected_by, changed_keys, hull_of
from cryptodudez_assets.derived.upkeep.tasks import ComputeTask, compute_portions, grouped
from cryptodudez_assets.lake.iceberg.kept import Kept
from cryptodudez_assets.lake.iceberg.provenance import MadeFrom, content_of, made_from
from cryptodudez_assets.lake.iceberg.scan import TableAt
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.store.locks import FOREVER, WRITING, exclusive

__all__ = [
    "Materialized",
    "NoRows",
    "made_from_by",
    "materialize",
    "materialize_days",
    "stale",
    "table_specs",
    "without_rows",
]

Say = Callable[[str], None]


class NoRows(LookupError):
    """An input is not there yet; the message names it."""


@dataclass(frozen=True)
class Materialized:
    """What was done: how many rows were computed, in how many tasks, within which reach (None: all), from which content of the inputs.

    `reaches`: the same in stretches that do not overlap; `days`: of what was computed, where the table has days.
    """

    rows: int
    reach: AffectedRange | None
    snapshots: Mapping[str, int]
    reaches: Sequence[AffectedRange] | None = None
    days: Sequence[date] = ()
    tasks: int = 0


def materialize(
    lake: Lake, table: Derived, *, full: bool = False, run_id: str | None = None, progress: Say = lambda _: None
) -> Materialized:
    """Compute what is not up to date and write it, in one commit per table. Raises `NoRows` where an input has none yet.

    One process at a time does it: others wait, whose work it would be, too.
    """
    with _writing(lake, table, run_id), Kept.in_a_pass():
        pinned = _pinned(lake, table)
        now = MadeFrom(table.code_hash, {name: one.content for name, one in pinned.items()})
        own = _own(lake, table)
        before = None if full else made_from_by(table, own.__getitem__)
        changes = _changes(table, before, pinned)
        if changes is not None and changes.is_empty():
            if before != now:
                agree(lake, table, now)
            return Materialized(0, None, now.inputs)
        reaches = None if changes is None else affected_by(changes, table)
        return _carry_out(lake, table, own, pinned, changes, reaches, now, progress)


def materialize_days(
    lake: Lake,
    table: Derived,
    first: date,
    last: date,
    *,
    run_id: str | None = None,
    progress: Say = lambda _: None,
) -> Materialized:
    """Compute the rows of these days anew, whatever changed, from the inputs as they are. What else is behind stays so.

    Raises `NoRows` where an input has none yet.
    """
    start, end = (datetime.combine(day, time(), UTC) for day in (first, last + timedelta(days=1)))
    with _writing(lake, table, run_id), Kept.in_a_pass():
        pinned = _pinned(lake, table)
        return _carry_out(
            lake, table, _own(lake, table), pinned, None, [AffectedRange(None, start, end)], None, progress
        )


@contextmanager
def _writing(lake: Lake, table: Derived, run_id: str | None) -> Iterator[None]:
    """Nobody else computes the table, and upkeep leaves alone what was computed and is not committed yet."""
    with ExitStack() as held:
        for name in sorted(spec.name for spec in table_specs(table)):
            held.enter_context(exclusive(lake.settings, f"{WRITING}{name}", FOREVER, run_id))
        yield


def stale(lake: Lake, table: Derived) -> Sequence[AffectedRange] | None:
    """What of a table does not agree with its inputs as they are now; None where it is all of it. Raises `NoRows`."""
    pinned = _pinned(lake, table)
    changes = _changes(table, made_from_by(table, lake.tables.table), pinned)
    if changes is None:
        return None
    return [] if changes.is_empty() else affected_by(changes, table)


def _changes(table: Derived, before: MadeFrom | None, pinned: Mapping[str, Pinned]) -> pl.DataFrame | None:
    if before is None or before.code_hash != table.code_hash:
        return None
    return changed_keys(table, before, pinned)


def _carry_out(
    lake: Lake,
    table: Derived,
    own: Mapping[str, Table | None],
    pinned: Mapping[str, Pinned],
    changes: pl.DataFrame | None,
    reaches: Sequence[AffectedRange] | None,
    made: MadeFrom | None,
    progress: Say,
) -> Materialized:
    reach = None if reaches is None else hull_of(reaches)
    progress(f"{table.short_name}: {reach or 'everything is computed'}")
    inputs = {name: one.rows for name, one in pinned.items()}
    division = divide(inputs, table, changes, reaches)
    # Before a table is made: where nothing can be computed, nothing is to be there.
    targets = [lake.tables.target(spec, own[spec.name]) for spec in table_specs(table)]
    before = own[table.table] if table.accumulates and reaches is not None else None
    there = None if before is None or content_of(before) is None else TableAt(before)
    tasks = [
        ComputeTask(table, inputs, part, targets, there) for part in grouped(division.chains, lake.engine.parallel)
    ]
    done = list(lake.engine.run(compute_portions, tasks, progress))
    with ExitStack() as stack:
        tables = begin(lake, stack, table, division.replaced, made)
        for computed in done:
            for change, files in zip(tables, computed.files, strict=True):
                change.adopt(files)
    snapshots = {name: one.content for name, one in pinned.items()}
    days = sorted({day for computed in done for day in computed.days})
    return Materialized(sum(computed.n_rows for computed in done), reach, snapshots, reaches, days, len(tasks))


def _own(lake: Lake, table: Derived) -> dict[str, Table | None]:
    """Its tables as they are: while their locks are held, nobody else changes what is in them."""
    return {spec.name: lake.tables.table(spec.name) for spec in table_specs(table)}


def made_from_by(table: Derived, find: Callable[[str], Table | None]) -> MadeFrom | None:
    """What all of its tables were made from, by how one is found; None unless they agree and have a snapshot.

    Earlier versions made none where there were no rows.
    """
    tables = [find(spec.name) for spec in table_specs(table)]
    told = [made_from(one) for one in tables if content_of(one) is not None]
    return told[0] if len(told) == len(tables) and all(one == told[0] for one in told) else None


def without_rows(lake: Lake, table: Derived) -> list[str]:
    """The inputs that are not there yet, or that nothing was ever written to, and that it cannot be made without."""
    there = _there(lake, table)
    return [name for name in table.needs(there.__contains__) if name not in there]


def _there(lake: Lake, table: Derived) -> dict[str, Pinned]:
    found = {one.table: lake.tables.table(one.table) for one in table.inputs}
    return {name: pinned for name, one in found.items() if one is not None and (pinned := _pin(one)) is not None}


def _pinned(lake: Lake, table: Derived) -> dict[str, Pinned]:
    there = _there(lake, table)
    for name in table.needs(there.__contains__):
        if name not in there:
            raise NoRows(f"there are no rows in {name} yet; land something for it first")
    return there


def _pin(table: Table) -> Pinned | None:
    snapshot, content = table.current_snapshot(), content_of(table)
    return None if snapshot is None or content is None else Pinned(table, snapshot.snapshot_id, content)
