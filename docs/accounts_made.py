"""Files of `docs/accounts/` that are made: the queries, the types of the CSV files, the diagram."""

import hashlib
import re
from pathlib import Path

import polars as pl
from drawing import png_made_of, svg, write_png
from erd import Entity, mermaid, picture

from cryptodudez_assets.contracts.base import columns_of, polars_schema
from cryptodudez_assets.derived import Derived, all_derived
from cryptodudez_assets.metrics import METRICS
from cryptodudez_assets.metrics.accounts import TRANSACTED
from cryptodudez_assets.products.exports import exports_of

FOLDER = Path(__file__).parent / "accounts"
PNG = FOLDER / "erd.png"
NAMESPACE = "accounts"
PLACE = re.compile(r"\$\{([\w.]+)\}")
TITLE = "The star of the exchange's accounts: dimensions in the middle, facts to the left and right of them"
DUCKDB = {"String": "VARCHAR", "Int64": "BIGINT", "Boolean": "BOOLEAN", "Date": "DATE", "Float64": "DOUBLE"}


def tables() -> list[Derived]:
    """The tables of the star."""
    return [one for one in all_derived().values() if one.group == NAMESPACE]


def queries() -> str:
    """`queries.sql`: what metrics declare stands where the template names it."""

    def declared(place: re.Match[str]) -> str:
        metric, _, part = place[1].partition(".")
        return str(getattr(METRICS[metric], part)) if part else TRANSACTED

    head = "-- Made by `make docs` from queries.sql.in and the metrics.\n"
    return head + PLACE.sub(declared, (FOLDER / "queries.sql.in").read_text())


def tables_from_csv() -> str:
    """The tables as views over their CSV files, with declared types."""
    views = "\n".join(_view(one) for one in tables() if one.exports)
    return f"""-- Made by `make docs` from the contracts. The tables of the star as views over the files of exports/accounts: run it where
-- these lie, or SET file_search_path. Types are declared: sniffed, amounts are doubles, which lose digits.
SET TimeZone = 'UTC';
CREATE SCHEMA IF NOT EXISTS accounts;
{views}"""


def _view(table: Derived) -> str:
    (exported,) = exports_of([], [table])
    schema = polars_schema(table.contract)
    columns = ",\n".join(f"    {name}: '{_duckdb_type(schema[of])}'" for name, of in exported.columns.items())
    return f"""
CREATE OR REPLACE VIEW {table.name} AS FROM read_csv(
  '{table.short_name}.csv', auto_detect = false, header = true, delim = ',', quote = '"', escape = '"', nullstr = '',
  allow_quoted_nulls = false, columns = {{
{columns}
  }}
);
"""


def _duckdb_type(dtype: pl.DataType) -> str:
    if isinstance(dtype, pl.Datetime):
        return "TIMESTAMPTZ"
    if isinstance(dtype, pl.Decimal):
        return f"DECIMAL({dtype.precision}, {dtype.scale})"
    return DUCKDB[str(dtype)]


def entities() -> list[Entity]:
    """The tables as entities: a column `<name>_key` refers to `dim_<name>`."""
    there = {one.short_name for one in tables()}
    found = []
    for one in tables():
        columns = columns_of(one.contract)
        dimensions = {column.name: f"dim_{column.name.removesuffix('_key')}" for column in columns}
        refers = {
            name: other
            for name, other in dimensions.items()
            if name.endswith("_key") and other in there - {one.short_name}
        }
        found.append(Entity(one.short_name, _kind(one.short_name), one.key, columns, refers))
    return found


def _kind(name: str) -> str:
    return {"dim": "dimension", "fact": "fact"}.get(name.partition("_")[0], "derived")


def diagram() -> tuple[str, str]:
    """The diagram as Mermaid and as SVG."""
    return mermaid(entities()), svg(*_drawn(), TITLE)


def _drawn() -> tuple[list[object], float, float]:
    """Dimensions in the middle; the others, the largest first, on the side that is shorter so far."""
    middle = [one for one in entities() if one.kind == "dimension"]
    sides: tuple[list[Entity], list[Entity]] = ([], [])
    for one in sorted(
        (one for one in entities() if one.kind != "dimension"), key=lambda one: (one.kind != "fact", -one.height)
    ):
        min(sides, key=lambda side: sum(other.height for other in side)).append(one)
    return picture(sides[0], middle, sides[1])


def files() -> dict[Path, str]:
    """What is made as text, by path."""
    drawn, svg_text = diagram()
    return {
        FOLDER / "queries.sql": queries(),
        FOLDER / "tables_from_csv.sql": tables_from_csv(),
        FOLDER / "erd.svg": svg_text,
        FOLDER
        / "erd.md": f"# Entities and relations of the accounts\n\nMade from the contracts by `make docs`.\n\n{drawn}",
    }


def png_is_current() -> bool:
    """Whether the picture in pixels was made of the shapes that there are now."""
    return png_made_of(PNG) == _fingerprint()


def write_picture() -> None:
    """The diagram in pixels, for where SVG cannot be shown."""
    write_png(PNG, *_drawn(), _fingerprint())


def _fingerprint() -> str:
    return hashlib.sha256(repr(_drawn()).encode()).hexdigest()
