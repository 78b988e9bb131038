"""What the studies of the real archives stand on, for their tests and for the page that tells what was found."""

from collections.abc import Iterable
from pathlib import Path

import dagster as dg

from cryptodudez_assets.defs.build import build_definitions
from cryptodudez_assets.defs.resources import LakeResource
from cryptodudez_assets.derived.upkeep.materialize import materialize
from cryptodudez_assets.features import all_views
from cryptodudez_assets.features.declaration import FeatureView
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.sources import all_sources
from cryptodudez_assets_tests.builders import take_in_archives
from cryptodudez_assets_tests.conftest import ROOT

FINDINGS = ROOT / "docs" / "findings.md"
ARCHIVES = {
    "crypto_prices": ["cryptocurrency_historical_prices.zip"],
    "elon_tweets": ["elon_musk_tweets.zip", "elon_musk_tweets_2010_2019.zip"],
    "stock_prices": ["stock_prices_2020_2021.zip"],
}
OF_DOGECOIN = [all_views()[name] for name in ("crypto_daily", "term_frequency_daily")]
OF_TRENDS = [*OF_DOGECOIN, *(all_views()[name] for name in ("stock_daily", "tweet_sentiment"))]


def compute(lake: Lake, folder: Path, views: Iterable[FeatureView], sources: Iterable[str] = ARCHIVES) -> None:
    """Take these sources' archives in, which lie in the folder as they were published, and compute these views."""
    take_in_archives(lake, {name: [folder / one for one in ARCHIVES[name]] for name in sources})
    for view in views:
        materialize(lake, view)


def materialise(lake: Lake, study: dg.AssetKey, views: Iterable[FeatureView]) -> dg.ExecuteInProcessResult:
    """Materialise a study's asset, as Dagster does."""
    definitions = build_definitions(all_sources().values(), views, LakeResource(home=str(lake.settings.home)))
    job = definitions.resolve_implicit_global_asset_job_def()
    return job.execute_in_process(instance=dg.DagsterInstance.ephemeral(), asset_selection=[study])
