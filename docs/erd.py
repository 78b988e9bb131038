"""The entity-relationship diagram of tables: as Mermaid, and as shapes to be drawn.

Where a table stands in the picture is decided here; what is drawn how is in `drawing.py`, which tables there are in `accounts_made.py`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import polars as pl
from drawing import Box, Dot, Line, Shape, Text

from cryptodudez_assets.contracts.base import Column

WIDTH, ROW, BAND, GAP, GUTTER, MARGIN = 350, 22, 34, 36, 116, 30
LANE, FOOT, TURN = 22, 11, 5.5
NAMES = {"String": "text", "Int64": "bigint", "Boolean": "boolean", "Date": "date", "Float64": "double"}


@dataclass(frozen=True)
class Entity:
    """A table in the diagram. `kind`: dimension, fact or derived; `refers`: columns, each with the table that it leads to."""

    name: str
    kind: str
    key: Sequence[str]
    columns: Sequence[Column]
    refers: Mapping[str, str]

    @property
    def height(self) -> float:
        """How much of the picture it takes."""
        return BAND + ROW * len(self.columns) + 6

    def row(self, column: str) -> int:
        """Which row of it a column is."""
        return [one.name for one in self.columns].index(column)


def type_name(dtype: pl.DataType) -> str:
    """A type as SQL has it, in small letters."""
    if isinstance(dtype, pl.Datetime):
        return "timestamptz"
    if isinstance(dtype, pl.Decimal):
        return f"decimal({dtype.precision},{dtype.scale})"
    return NAMES[str(dtype)]


def mermaid(entities: Sequence[Entity]) -> str:
    """The diagram as Mermaid's `erDiagram`."""
    lines = ["```mermaid", "erDiagram"]
    for one in entities:
        lines.append(f"  {one.name} {{")
        for column in one.columns:
            marks = [*(["PK"] if column.name in one.key else []), *(["FK"] if column.name in one.refers else [])]
            # Mermaid's words may not hold commas
            kind = type_name(column.dtype).replace(",", "_").replace("(", "_").replace(")", "")
            null = ' "null"' if column.nullable else ""
            lines.append(f"    {kind} {column.name}{' ' if marks else ''}{', '.join(marks)}{null}")
        lines.append("  }")
    for one in entities:
        for column, other in one.refers.items():
            lines.append(f"  {other} ||--o{{ {one.name} : {column}")
    return "\n".join([*lines, "```", ""])


@dataclass(frozen=True)
class Placed:
    """An entity and its left upper corner."""

    entity: Entity
    x: float
    y: float

    def y_of(self, column: str) -> float:
        """The middle of a column's row."""
        return self.y + BAND + ROW * self.entity.row(column) + ROW / 2 + 3


def picture(
    left: Sequence[Entity], middle: Sequence[Entity], right: Sequence[Entity]
) -> tuple[list[Shape], float, float]:
    """Facts to the left and right of what they refer to, with wires between; and the picture's width and height."""
    stacks = (left, middle, right)
    heights = [sum(one.height for one in stack) + GAP * (len(stack) - 1) for stack in stacks]
    height = max(heights) + 2 * MARGIN + 40
    placed: list[list[Placed]] = []
    for number, (stack, tall) in enumerate(zip(stacks, heights, strict=True)):
        x, y = MARGIN + number * (WIDTH + GUTTER), MARGIN + (max(heights) - tall) / 2
        column = []
        for one in stack:
            column.append(Placed(one, x, y))
            y += one.height + GAP
        placed.append(column)
    wires = [*_wires(placed[0], placed[1], leftwards=True), *_wires(placed[2], placed[1], leftwards=False)]
    tables = [shape for stack in placed for one in stack for shape in _table(one)]
    width = 3 * WIDTH + 2 * GUTTER + 2 * MARGIN
    return [*wires, *tables, *_legend(height - MARGIN + 4)], width, height


def _table(one: Placed) -> Iterator[Shape]:
    entity, x, y = one.entity, one.x, one.y
    yield Box(x, y, WIDTH, entity.height, "card", "line")
    yield Box(x, y, WIDTH, BAND, entity.kind)
    yield Text(x + 12, y + 22, entity.name, "on_band", 14.5, bold=True)
    yield Text(x + WIDTH - 12, y + 22, entity.kind, "on_band", 12, from_right=True)
    for number, column in enumerate(entity.columns):
        top = y + BAND + 3 + ROW * number
        if number % 2:
            yield Box(x + 1, top, WIDTH - 2, ROW, "stripe")
        is_key = column.name in entity.key
        mark = " ".join(["PK"] * is_key + ["FK"] * (column.name in entity.refers))
        yield Text(x + 12, top + 15.5, mark, "soft", 10.5)
        yield Text(x + 52, top + 15.5, column.name, "ink", 13, bold=is_key)
        null = " null" if column.nullable else ""
        yield Text(x + WIDTH - 12, top + 15.5, f"{type_name(column.dtype)}{null}", "soft", 11.5, from_right=True)


def _wires(facts: Sequence[Placed], dimensions: Sequence[Placed], *, leftwards: bool) -> Iterator[Shape]:
    """One trunk for each dimension in the gutter, with a branch for each column that refers to it."""
    side = 1 if leftwards else -1
    lanes = [one for one in dimensions if any(one.entity.name in fact.entity.refers.values() for fact in facts)]
    for number, one in enumerate(lanes):
        edge = one.x if leftwards else one.x + WIDTH
        trunk = edge - side * (FOOT + 14 + LANE * number)
        to = one.y_of(f"{one.entity.name.removeprefix('dim_')}_key")
        ends = [
            (fact.x + WIDTH if leftwards else fact.x, fact.y_of(column))
            for fact in facts
            for column, other in fact.entity.refers.items()
            if other == one.entity.name
        ]
        heights = [to, *(y for _, y in ends)]
        yield Line([(edge, to), (trunk, to)])
        yield Line([(edge - side * 7, to - TURN), (edge - side * 7, to + TURN)])
        yield Line([(trunk, min(heights)), (trunk, max(heights))])
        for x, y in ends:
            yield Line([(trunk, y), (x, y)])
            tip = x + side * FOOT
            yield Line([(x, y - TURN), (tip, y), (x, y + TURN)])
        yield from (
            Dot(trunk, y, 3) for y in dict.fromkeys(heights) if min(heights) < y < max(heights) or heights.count(y) > 1
        )


def _legend(y: float) -> Iterator[Shape]:
    told = (
        "PK: key",
        "FK: refers to the dimension that its wire leads to (of dim_user to the version valid then)",
        "wires join at dots",
    )
    yield Text(MARGIN, y, "   ·   ".join(told), "soft", 12)
