"""Questions put to the tables: numbers, plots, words. Nothing here reads or writes a table, and nothing knows Dagster."""
