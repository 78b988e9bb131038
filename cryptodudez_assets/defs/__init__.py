"""The only room that imports Dagster: assets, checks, sensors and automation, made from declarations."""
