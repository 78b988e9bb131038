"""What must hold of computed rows before they take the place of others: keys, each once, and something at all. Writes nothing."""

import polars as pl

from cryptodudez_assets.derived.declaration import Derived, Frames
from cryptodudez_assets.derived.quality import Quality


class Refused(ValueError):
    """What was computed is not let into its table, which stays as it was; the message says why."""


def refuse_unsound(table: Derived, rows: pl.DataFrame, inputs: Frames) -> None:
    """Raise `Refused` where rows lack a part of their key, repeat one, or are none although there are inputs for some."""
    if table.quality is None:
        return
    key = table.identity
    if problem := _problem(rows, key) or _nothing(table.quality, rows, inputs):
        raise Refused(f"{table.table} stays as it was: {problem}; mend what it is made of, or how, and run again")


def _problem(rows: pl.DataFrame, key: list[str]) -> str | None:
    lacking = {name: n for name in key if (n := rows[name].null_count())}
    if lacking:
        return f"of {len(rows):,} rows {', '.join(f'{n:,} have no {name}' for name, n in lacking.items())}"
    repeated = rows.filter(rows.select(key).is_duplicated()) if len(rows) else rows
    if repeated.is_empty():
        return None
    example = ", ".join(f"{name} {value}" for name, value in repeated.select(key).row(0, named=True).items())
    return f"{len(repeated):,} of {len(rows):,} rows have a key that another has, such as {example}"


def _nothing(quality: Quality, rows: pl.DataFrame, inputs: Frames) -> str | None:
    if len(rows):
        return None
    numbers = {name: quality.made_of(frame).select(pl.len()).collect().item() for name, frame in inputs.items()}
    told = ", ".join(f"{n:,} of {name}" for name, n in numbers.items() if n)
    return f"no row was made of the rows that were read, {told}" if told else None
