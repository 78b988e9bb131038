"""Iceberg tables: made from contracts, read as Polars frames, changed in atomic commits. Knows no source and no raw file."""
