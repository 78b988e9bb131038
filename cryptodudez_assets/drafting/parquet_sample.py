"""Rows of a Parquet sample as text. Of a large file the first rows are tried, in a file of their own."""

import io
from collections.abc import Iterator
from typing import BinaryIO

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from cryptodudez_assets.drafting.choices import Unusable
from cryptodudez_assets.drafting.shape import Read, Shape
from cryptodudez_assets.lake.formats.csv.headers import repeated
from cryptodudez_assets.lake.formats.parquet.batches import batches, column_of
from cryptodudez_assets.lake.formats.parquet.footer import Footer, read_footer
from cryptodudez_assets.lake.formats.parquet.values import fitted

MAX_BYTES, MAX_ROWS = 32 << 20, 200_000


def parquet_sample(content: BinaryIO) -> Read:
    """What is to be landed, its rows, how they are written, and whether the file holds no more."""
    footer = read_footer(content)
    if problem := repeated(footer.names):
        raise Unusable(problem.replace("the header", "the file"))
    found = list(_first(content, footer))
    if not found:
        raise Unusable("there is no row in it: give a sample that has some")
    size, n_rows = content.seek(0, 2), sum(rows.num_rows for rows in found)
    is_all = size <= MAX_BYTES and n_rows == sum(group.n_rows for group in footer.groups)
    content.seek(0)
    data = content.read() if is_all else _anew(found)
    texts = {
        name: pa.chunked_array([fitted(column_of(rows, name), pl.String)[0] for rows in found], pa.string())
        for name in footer.names
    }
    return data, pl.DataFrame({name: pl.from_arrow(text) for name, text in texts.items()}), Shape("parquet"), is_all


def _first(content: BinaryIO, footer: Footer) -> Iterator[pa.RecordBatch]:
    n_rows = n_bytes = 0
    for batch in batches(content, footer):
        rows = batch.rows.slice(0, MAX_ROWS - n_rows)
        n_rows, n_bytes = n_rows + rows.num_rows, n_bytes + rows.nbytes
        yield rows
        if n_rows >= MAX_ROWS or n_bytes >= MAX_BYTES:
            return


def _anew(found: list[pa.RecordBatch]) -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.Table.from_batches(found), file)
    return file.getvalue()
