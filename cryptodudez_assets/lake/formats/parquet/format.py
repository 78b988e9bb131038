"""Parquet among the formats: how a file is known to be one, and which layout it follows."""

from collections.abc import Sequence

import polars as pl

from cryptodudez_assets.lake.formats.csv.headers import repeated, why_unknown
from cryptodudez_assets.lake.formats.parquet.footer import ENCRYPTED, MAGIC, Footer, read_footer
from cryptodudez_assets.lake.formats.parquet.reader import ParquetReader
from cryptodudez_assets.lake.formats.reader import Content, Recognised, Written
from cryptodudez_assets.lake.formats.signatures import NO_TEXT
from cryptodudez_assets.sources.declaration import Layout
