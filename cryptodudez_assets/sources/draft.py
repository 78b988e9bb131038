"""Draft the declaration of a new source from a sample file: `cryptodudez new-source`."""

import json
import keyword
import re
from itertools import product
from pathlib import Path

import polars as pl

SAMPLE_ROWS = 1000

# As which times are written, in chrono's terms. A format that is not said would be inferred anew from each file's first value.
DAYS = ["%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y%m%d", "%d/%m/%Y", "%d-%m-%Y", "%d.%m.%Y", "%m/%d/%Y", "%m-%d-%Y"]
CLOCKS = ["%H:%M:%S%.f", "%H:%M"]
ZONES = ["", "%#z", " %#z"]
MOMENTS = ["".join(parts) for parts in product(DAYS, ["T", " "], CLOCKS, ZONES)]

TEMPLATE = '''"""{title}. Drafted from a sample: check the key, the times, the units and the rules."""

import pandera.polars as pa
import polars as pl

from cryptodudez_assets.contracts.base import TableContract
from cryptodudez_assets.sources.declaration import BY_LANDING, Layout, Source


class {contract}(TableContract):
    """{title}."""

{fields}


event_time = {event_time}

SOURCE = Source(
    name="{name}",
    description="{title}.",
    owner="team:platform",
    table="market.{name}",
    contract={contract},
    layouts=[
        Layout(
            name="csv",
            columns={{
{columns}
            }},
            canonical={{
{canonical}
                "event_ts": event_time,
            }},
        )
    ],
    key={key},
    newest_by=BY_LANDING,  # of files that repeat a key, the one that landed last tells it
)
'''


class Unusable(Exception):
    """The sample or the name cannot become a source; the message says why."""


def draft(name: str, sample: Path) -> str:
    """The text of `sources/<name>.py` for files like `sample` (CSV with a header). Raises Unusable."""
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or keyword.iskeyword(name):
        raise Unusable(f"{name!r} is no name for a source: use lower case letters, digits and underscores")
    try:
        rows = pl.read_csv(sample, n_rows=SAMPLE_ROWS, try_parse_dates=True, truncate_ragged_lines=True)
        texts = pl.read_csv(sample, n_rows=SAMPLE_ROWS, infer_schema=False, truncate_ragged_lines=True)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise Unusable(f"{sample} cannot be read as CSV: {error}") from None
    times = [column for column, dtype in rows.schema.items() if dtype.is_temporal()]
    if not times:
        raise Unusable(f"no column of {list(rows.columns)} looks like a date or time; a fact needs one")
    time, others = (
        times[0],
        {column: dtype for column, dtype in rows.schema.items() if column and column not in times[:1]},
    )
    names = _unique([_snake(column) for column in others])
    types = {column: _type(dtype) for column, dtype in others.items()}
    labels = [own for own, dtype in zip(names, types.values(), strict=True) if dtype == "pl.String"]
    return TEMPLATE.format(
        title=name.replace("_", " ").capitalize(),
        name=name,
        contract=name.title().replace("_", ""),
        fields="\n".join(
            f"    {own}: {dtype} = pa.Field(description={_quoted(column)}, nullable={bool(rows[column].null_count())})"
            for own, (column, dtype) in zip(names, types.items(), strict=True)
        ),
        event_time=_event_time(time, rows.schema[time], texts[time]),
        columns=_lines([f"{_quoted(column)}: {dtype}" for column, dtype in {time: "pl.String", **types}.items()]),
        canonical=_lines(
            [f"{_quoted(own)}: pl.col({_quoted(column)})" for own, column in zip(names, types, strict=True)]
        ),
        key=json.dumps([*labels[:1], "event_ts"]),
    )


def _event_time(column: str, dtype: pl.DataType, text: pl.Series) -> str:
    raw = f"pl.col({_quoted(column)}).str"
    if dtype == pl.Date:
        day = _format(column, text, DAYS, pl.Date())
        return f'{raw}.to_date("{day}", strict=False).cast(pl.Datetime("us")).dt.replace_time_zone("UTC")'
    moment = _format(column, text, MOMENTS, pl.Datetime("us", "UTC"))
    return f'{raw}.to_datetime("{moment}", time_unit="us", time_zone="UTC", strict=False)'


def _format(column: str, text: pl.Series, formats: list[str], dtype: pl.Date | pl.Datetime) -> str:
    """The format as which most of the sample can be read."""
    read = {one: int(text.str.strptime(dtype, one, strict=False).count()) for one in formats}
    best = max(formats, key=lambda one: read[one])
    if not read[best]:
        raise Unusable(f"column {column} looks like a time, but {text.drop_nulls()[0]!r} has no known format")
    return best


def _lines(items: list[str]) -> str:
    return "\n".join(f"                {item}," for item in items)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _type(dtype: pl.DataType) -> str:
    if dtype.is_integer():
        return "pl.Int64"
    return "pl.Float64" if dtype.is_float() else "pl.String"


def _snake(column: str) -> str:
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[^0-9A-Za-z]+", "_", column).strip("_").lower()
    return f"column_{spaced}" if not spaced or spaced[0].isdigit() else spaced


def _unique(names: list[str]) -> list[str]:
    taken = {"event_ts", "known_ts", "as_of", "file_id", "file_row", "extra"}
    unique = []
    for name in names:
        while name in taken or keyword.iskeyword(name):
            name += "_"
        taken.add(name)
        unique.append(name)
    return unique
