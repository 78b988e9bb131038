"""Parquet among the formats: how a file is known to be one, and which layout it follows."""

from collections.abc import Mapping, Sequence
from typing import cast

import polars as pl
import pyarrow as pa

from cryptodudez_assets.lake.formats.archives import FileRefused
from cryptodudez_assets.lake.formats.csv.headers import all_shown, of_no_layout, repeated
from cryptodudez_assets.lake.formats.parquet.footer import ENCRYPTED, MAGIC, Footer, read_footer
from cryptodudez_assets.lake.formats.parquet.reader import ParquetReader, added_in, missing_from
from cryptodudez_assets.lake.formats.reader import Content, Format, Reader, Recognised, Written
from cryptodudez_assets.lake.formats.signatures import NO_TEXT
from cryptodudez_assets.sources.declaration import Layout

BEGINNING = 512


class Parquet:
    """Columns of typed values in row groups, told by a footer at the end."""

    name = "parquet"

    def follows(self, content: Content, layouts: Sequence[Layout]) -> bool:
        """By the names in its footer."""
        try:
            seen = self.recognise(content, layouts)
        except FileRefused:
            return False
        return seen is not None and seen.layout is not None

    def recognise(self, content: Content, layouts: Sequence[Layout]) -> Recognised | None:
        """By the names in its footer. Raises FileRefused where that cannot be read, or tells of more than is read."""
        if not is_parquet(content.head):
            return None
        with content.whole() as file:
            footer = read_footer(file)
        written = Written(self.name, footer.names)
        if problem := repeated(footer.names):
            return Recognised(written, None, problem=problem.replace("the header", "the file"))
        of_format = [one for one in layouts if one.format in ("", self.name) and not (one.rows or one.told_beside_rows)]
        matching = [one for one in of_format if not missing_from(footer.names, one)]
        if not matching:
            return Recognised(written, None, problem=_why_unknown(footer, of_format), infer=lambda: _types(footer))
        layout = max(matching, key=lambda one: (len(one.columns), bool(one.format)))
        return Recognised(written, layout, tuple(added_in(footer.names, layout)), infer=lambda: _types(footer))

    def reader(self, written: Written, layout: Layout, keeps_extra: bool) -> Reader:
        """Reads its rows, in the order of its row groups."""
        return ParquetReader(written.names, layout, keeps_extra)


def is_parquet(head: bytes) -> bool:
    """Whether a file that begins so is one, or is an encrypted one. A text may begin with the same letters."""
    return head.startswith((MAGIC, ENCRYPTED)) and NO_TEXT.search(head[:BEGINNING]) is not None


def _why_unknown(footer: Footer, layouts: Sequence[Layout]) -> str:
    if not layouts:
        return f"Parquet, and no layout of the source is of that format; found {all_shown(footer.names)}"
    return f"Parquet: {of_no_layout(footer.names, layouts, 'columns')}"


def _types(footer: Footer) -> Mapping[str, str]:
    """The types of its columns, as they are called for every format."""
    return {name: str(_as_polars(dtype)) for name, dtype in footer.types.items()}


def _as_polars(dtype: pa.DataType) -> pl.DataType:
    try:
        return cast(pl.Series, pl.from_arrow(pa.array([], dtype))).dtype
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, pa.ArrowException, TypeError):
        return pl.String()  # there is no such type, and it is read as text


PARQUET: Format = Parquet()
