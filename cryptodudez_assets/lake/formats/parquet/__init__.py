"""Parquet: what a footer says, rows in bounded batches, values as a layout declares them. What all formats share is one folder up."""
