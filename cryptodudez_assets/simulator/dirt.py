"""Dirty rows: which kinds there are, how many to plant in which member, and how a good row is spoiled.

A dirty row is always an additional row, a spoiled copy of the good one before it: no good row is lost to dirt.
"""

import math
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Literal, assert_never

LayoutKind = Literal["extra_fields", "missing_fields", "shifted", "empty_fields", "single_word"]
ValueKind = Literal[
    "bad_number", "negative_price", "bad_date", "not_finite", "high_below_low", "empty_key", "no_values"
]
Kind = LayoutKind | ValueKind
Row = Sequence[object]


@dataclass(frozen=True)
class Dirt:
    """What to plant: `members` has what is bad by file name, `values` the share of bad values in price files.

    Every price file gets at least one row of each kind in `values` whose share is not 0.
    """

    members: Mapping[str, Sequence[Kind]] = field(default_factory=dict)
    values: Mapping[ValueKind, float] = field(default_factory=dict)

    def plan(self, member: str, good_rows: int, *, has_prices: bool, rng: Random) -> list[tuple[int, Kind]]:
        """Dirty rows of one member in file order, each with the number of good rows before it."""
        kinds: list[Kind] = list(self.members.get(member, ()))
        if has_prices:
            kinds += [kind for kind, share in self.values.items() for _ in range(math.ceil(share * good_rows))]
        # The archives end in a row of commas, where a spreadsheet was cut off.
        at_end: list[tuple[int, Kind]] = []
        if "empty_fields" in kinds:
            kinds.remove("empty_fields")
            at_end = [(good_rows, "empty_fields")]
        return sorted((rng.randint(1, good_rows), kind) for kind in kinds) + at_end


CLEAN = Dirt()
REAL_DIRT = Dirt(
    members={
        "coin_Ethereum.csv": ("extra_fields", "empty_fields"),
        "NAN.csv": ("no_values",),
        "TRUE.csv": ("high_below_low",),
        "2021.csv": ("missing_fields", "shifted", "shifted", "single_word", *("empty_fields",) * 5),
    }
)


def soiled(
    rows: Iterable[Row], plan: Iterable[tuple[int, Kind]], columns: Sequence[str], rng: Random
) -> Iterator[tuple[Row, Kind | None]]:
    """The good rows with the planned dirty ones among them, each with its kind (None: good)."""
    waiting = deque(plan)
    for count, row in enumerate(rows, start=1):
        yield row, None
        while waiting and waiting[0][0] <= count:
            _, kind = waiting.popleft()
            yield _spoiled(kind, row, columns, rng), kind


def _spoiled(kind: Kind, row: Row, columns: Sequence[str], rng: Random) -> Row:
    match kind:
        case "extra_fields":
            return [*row[:4], *[""] * (len(row) + 24)]
        case "missing_fields":
            return [*row[: len(row) // 2], ""]
        case "shifted":
            return ["", *row[len(row) // 4 :]]
        case "empty_fields":
            return [""] * 34
        case "single_word":
            return [rng.choice(("kiwi", "stray", "todo"))]
        case _:
            return _with_bad_value(kind, row, columns, rng)


def _with_bad_value(kind: ValueKind, row: Row, columns: Sequence[str], rng: Random) -> Row:
    values = dict(zip((column.lower() for column in columns), row, strict=True))
    match kind:
        case "bad_number":
            values["close"] = rng.choice(("n/a", "12,5", "#REF!"))
        case "negative_price":
            values["close"] = f"-{values['close']}"
        case "bad_date":
            values["date"] = "2021-02-30" + str(values["date"])[10:]
        case "not_finite":
            values["close"] = rng.choice(("NaN", "inf", "1e400"))
        case "high_below_low":
            values["high"] = float(str(values["low"])) / 2
        case "empty_key":
            values["symbol"] = ""
        case "no_values":
            values |= dict.fromkeys(values.keys() - {"symbol", "name", "date"}, "")
        case _:
            assert_never(kind)
    return list(values.values())
