"""What commands say: to whom, as tables, as CSV or as JSON."""

import json
import sys
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

import click
from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from cryptodudez_assets.terminal import SafeConsole, say, visible, visible_json

if TYPE_CHECKING:
    import polars as pl


console = SafeConsole()


errors = SafeConsole(stderr=True)


unfolded = SafeConsole(width=10_000)  # into a file or a pipe, a row is a line


UNBROKEN = {"id", "line"}


def warn(text: str) -> None:
    """Say something beside the output."""
    say(errors, text)


def print_frame(frame: "pl.DataFrame", format_: Literal["table", "json", "csv"]) -> None:
    """Rows for people, for programs, or for a spreadsheet."""
    import polars as pl

    if format_ == "json":
        has_decimals = any(isinstance(dtype, pl.Decimal) for dtype in frame.dtypes)
        print_json(_with_all_digits(frame) if has_decimals else frame.write_json())
    elif format_ == "csv":
        nested = [name for name, dtype in frame.schema.items() if dtype.is_nested()]
        texts = [pl.Series(name, [as_json(value) for value in frame[name].to_list()], pl.String) for name in nested]
        csv = frame.with_columns(texts).write_csv()
        # Data are UTF-8 whatever the terminal shows: an escape would be other data. People who look at them get no data.
        click.echo(visible(csv, lines=True) if console.is_terminal else csv.encode(), nl=False)
    else:
        table = Table(box=SIMPLE_HEAD)
        for name in frame.columns:
            # Nothing is cut off; what people copy (ids) stays in one piece.
            table.add_column(Text(visible(name)), overflow="fold", no_wrap=name in UNBROKEN)
        for row in frame.iter_rows():
            table.add_row(*(Text("" if value is None else visible(as_text(value))) for value in row))
        (console if console.is_terminal else unfolded).print(table)


def _with_all_digits(frame: "pl.DataFrame") -> str:
    """Rows as JSON in which decimals are numbers, and have the digits that they have: Polars writes them as texts."""
    import polars as pl

    def field(name: str) -> pl.Expr:
        if isinstance(frame.schema[name], pl.Decimal):
            value = pl.col(name).cast(pl.String).fill_null("null")
            return pl.concat_str(pl.lit(f"{json.dumps(name, ensure_ascii=False)}:"), value)
        return pl.struct(name).struct.json_encode().str.slice(1).str.head(-1)  # without the braces

    rows = frame.select(pl.concat_str([field(name).alias(name) for name in frame.columns], separator=",")).to_series()
    return f"[{','.join(f'{{{row}}}' for row in rows)}]"


def print_json(text: str) -> None:
    """Where the stream is not UTF-8, with JSON's own escapes: it means the same."""
    is_utf8 = (getattr(sys.stdout, "encoding", None) or "utf-8").lower().replace("-", "") == "utf8"
    click.echo(visible_json(text, ascii_only=not is_utf8))


def as_text(value: object) -> str:
    """A value for people: decimals with the digits that they have, zero among them, which Python writes as 0E-18."""
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def as_json(value: object) -> str | None:
    """A value as text that fits into a cell."""
    return None if value is None else json.dumps(value, ensure_ascii=False, default=str)
