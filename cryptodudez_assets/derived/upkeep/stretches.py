"""A long reach in stretches of days, so that what is computed at a time fits into memory however much there is."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from cryptodudez_assets.derived.declaration import Derived
from cryptodudez_assets.derived.upkeep.reach import DAY, AffectedRange
from cryptodudez_assets.lake.iceberg.scan import TableAt

# Days, or ranges of a key, whose inputs have about so many rows are computed at a time.
STRETCH_ROWS = 1_000_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def stretches_of(
    inputs: Mapping[str, TableAt], table: Derived, reach: AffectedRange | None, at_a_time: int | None = None
) -> Sequence[AffectedRange | None]:
    """The reach (None: everything) in stretches of whole days, in their order; itself where there is little to read.

    How many rows a day has is told by what files say of themselves: those of a file are taken to lie evenly between its first and
    its last day. Where a file does not say, nothing is cut. `at_a_time`: how many rows are few enough (STRETCH_ROWS).
    """
    files: list[tuple[int, int, int]] = []
    for one in (one for one in table.inputs if one.table in inputs):
        found = inputs[one.table].days(one.time)
        if found is None:
            return [reach]
        files += found
    start, end = (reach.start, reach.end) if reach else (None, None)
    first = None if start is None else (start - EPOCH) // DAY
    last = None if end is None else -((EPOCH - end) // DAY) - 1
    bounds = [start, *(EPOCH + timedelta(days=day) for day in cuts(files, first, last, at_a_time)), end]
    if len(bounds) == 2:
        return [reach]
    keys = reach.keys if reach else None
    return [AffectedRange(keys, since, until) for since, until in pairwise(bounds)]


def cuts(
    files: Iterable[tuple[int, int, int]], first: int | None, last: int | None, at_a_time: int | None = None
) -> Iterator[int]:
    """Days before which to cut, of `first` to `last`. `files`: how many rows each has, on which days."""
    few_enough = at_a_time or STRETCH_ROWS
    more: dict[int, float] = {}
    for n_rows, begins, ends in files:
        a_day = n_rows / (ends - begins + 1)
        begins = begins if first is None else max(begins, first)
        ends = ends if last is None else min(ends, last)
        if begins <= ends:
            more[begins] = more.get(begins, 0) + a_day
            more[ends + 1] = more.get(ends + 1, 0) - a_day
    held = rows = 0.0
    for day, until in pairwise(sorted(more)):
        rows += more[day]
        for one in range(day, until):
            if held and held + rows > few_enough:
                yield one
                held = 0
            held += rows
