"""Checks of each feed: whether its venue still answers, and what of the days that it covers is missing."""

from collections.abc import Sequence
from datetime import timedelta

import dagster as dg
import polars as pl

from cryptodudez_assets.defs.automation import hourly
from cryptodudez_assets.defs.feed_assets import last_tick
from cryptodudez_assets.defs.resources import LakeResource
from cryptodudez_assets.defs.shown import markdown
from cryptodudez_assets.defs.source_assets import feed_key
from cryptodudez_assets.feeds.declaration import Feed
from cryptodudez_assets.fetching.access import is_on
from cryptodudez_assets.fetching.standing import standing_of
from cryptodudez_assets.lake.freshness import in_words
from cryptodudez_assets.settings import Settings

LATE = timedelta(hours=1)
NAMED = 5


def build_feed_checks(feed: Feed) -> Sequence[dg.AssetChecksDefinition]:
    """Both. Where the feed is off they pass, and say so."""
    return [_answered(feed), _nothing_missing(feed)]


def _answered(feed: Feed) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=feed_key(feed),
        name="answered",
        description=f"{feed.venue} answered since its schedule ({feed.cron}) last ticked, at most an hour later.",
        automation_condition=hourly,  # what does not come makes no run
    )
    def answered(lake: LakeResource) -> dg.AssetCheckResult:
        opened = lake.open()
        if told := _off(opened.settings, feed):
            return dg.AssetCheckResult(passed=True, description=told)
        found = standing_of(opened, feed)
        told = f"{feed.venue} never answered"
        if found.answered_at is not None and found.age is not None:
            told = f"{feed.venue} last answered at {found.answered_at:%Y-%m-%d %H:%M} UTC, {in_words(found.age)} ago"
        passed = found.answered_at is not None and found.answered_at >= last_tick(feed, found.at - LATE)
        return dg.AssetCheckResult(passed=passed, severity=dg.AssetCheckSeverity.WARN, description=told)

    return answered


def _nothing_missing(feed: Feed) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=feed_key(feed),
        name="nothing_missing",
        description=f"The raw zone has all of the last {feed.covers.days} days for good, but of the last two.",
        automation_condition=hourly,
    )
    def nothing_missing(lake: LakeResource) -> dg.AssetCheckResult:
        opened = lake.open()
        if told := _off(opened.settings, feed):
            return dg.AssetCheckResult(passed=True, description=told)
        gaps = standing_of(opened, feed).missing
        named = [f"{one.series.name}: {one.span}" for one in gaps]
        more = f"; {len(named) - NAMED} more" if len(named) > NAMED else ""
        return dg.AssetCheckResult(
            passed=not gaps,
            severity=dg.AssetCheckSeverity.WARN,
            description=("; ".join(named[:NAMED]) + more) or "nothing is missing",
            metadata={
                "missing": markdown(
                    pl.DataFrame({"series": [g.series.name for g in gaps], "span": [str(g.span) for g in gaps]})
                )
            },
        )

    return nothing_missing


def _off(settings: Settings, feed: Feed) -> str:
    return "" if is_on(settings, feed) else f"it is off; CRYPTODUDEZ_FEEDS={feed.name} puts it on"
