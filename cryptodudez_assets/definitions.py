"""The Dagster code location."""

import dagster as dg

from cryptodudez_assets.defs.build import build_definitions
from cryptodudez_assets.features import configured_tables, left_out
from cryptodudez_assets.feeds import all_feeds
from cryptodudez_assets.fetching.access import feeds_on
from cryptodudez_assets.lake.iceberg.homes import own
from cryptodudez_assets.settings import Settings
from cryptodudez_assets.sources import all_sources


@dg.definitions
def defs() -> dg.Definitions:
    """Every asset, check, sensor and job of the platform; a home that is not whole and its own is told when this is loaded."""
    own(Settings())
    return built()


def built() -> dg.Definitions:
    """The same, of a home that nobody has looked at. Neither its catalog nor a bucket is asked."""
    settings = Settings()
    feeds_on(settings, all_feeds())  # a feed that the setting misspells is told now, not missed later
    tables, feeds = configured_tables(settings.rolling_days), all_feeds().values()
    return build_definitions(all_sources().values(), tables, left_out=left_out(), feeds=feeds)
