"""The lake: raw zone, catalogue, readers, ingest, quarantine and Iceberg tables. Nothing here knows Dagster."""
