"""From a feed's declaration to its asset, its schedule, and the sensor that makes up for what no schedule asked for."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
from dagster._utils.schedules import reverse_cron_string_iterator

from cryptodudez_assets.defs.derived_assets import HANDLES, days_asked
from cryptodudez_assets.defs.kept_instance import instance_of
from cryptodudez_assets.defs.metadata import raw_schema
from cryptodudez_assets.defs.resources import LakeResource
from cryptodudez_assets.defs.source_assets import FETCHED, feed_key
from cryptodudez_assets.defs.source_sensors import RUNNING
from cryptodudez_assets.defs.without_days import allow_runs_without_days
from cryptodudez_assets.feeds.declaration import Feed
from cryptodudez_assets.fetching.access import access_of, is_on
from cryptodudez_assets.fetching.run import Fetched, Stretch, fetch, missing, span_of
from cryptodudez_assets.fetching.standing import standing_of
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.sources.declaration import Source
from cryptodudez_assets.venues.http import Failed, Missing
from cryptodudez_assets.venues.pages import Page

FEED_TAG = "cryptodudez/feed"
LOOK_SECONDS = 60
TAKES_LONGEST = timedelta(minutes=10)
"""A schedule's tick that is longer ago than this, and brought no answer, is made up for."""


class FetchConfig(dg.Config):
    """What to ask for instead of what the feed declares, by the names of its choices."""

    chosen: dict[str, list[str]] = {}  # noqa: RUF012  (pydantic copies it)


def days_of_feed(feed: Feed) -> dg.DailyPartitionsDefinition:
    """The days by which people may ask for it; today is one of them."""
    return dg.DailyPartitionsDefinition(start_date=f"{feed.first_day:%Y-%m-%d}", end_offset=1)


def build_feed_asset(feed: Feed, source: Source) -> dg.AssetsDefinition:
    """The asset that asks. A run for days asks for these, any other for the days that the feed covers; what the lake has as final is
    not asked for again. Where nothing can be asked (it is off, a token is missing) it says so and is skipped."""
    allow_runs_without_days()

    @dg.asset(
        key=feed_key(feed),
        description=f"{feed.description} Answers land byte for byte in raw/{feed.source}/. Costs: {feed.costs}.",
        group_name=FETCHED,
        owners=[feed.owner],
        kinds={"http", feed.suffix.lstrip(".")},
        partitions_def=days_of_feed(feed),
        backfill_policy=HANDLES,
        output_required=False,
        metadata={"dagster/column_schema": raw_schema(source), "asked at": f"{feed.cron} (UTC)", "costs": feed.costs},
    )
    def fetch_feed(context: dg.AssetExecutionContext, config: FetchConfig, lake: LakeResource) -> Iterable[Any]:
        opened = lake.open()
        try:
            done = _fetch(context, opened, feed, config)
        except Missing as error:
            context.log.warning(f"nothing is asked of {feed.venue}: {error}")
            return
        except Failed as error:
            raise dg.Failure(str(error), allow_retries=False) from None
        for name, reason in done.failed.items():
            context.log.error(f"not all of {name}: {reason}")
        if done.failed:
            told = f"{len(done.failed)} series did not come whole: {'; '.join(sorted(set(done.failed.values())))}"
            raise dg.Failure(told, allow_retries=False)
        if days_asked(context) is None:
            _tell_days(context, feed, done)
        series = {stretch.series.name for stretch in done.stretches}
        yield dg.MaterializeResult(
            metadata={"answers": len(done.keys), "bytes": done.n_bytes, "series asked for": ", ".join(sorted(series))}
        )

    return fetch_feed


def _fetch(context: dg.AssetExecutionContext, lake: Lake, feed: Feed, config: FetchConfig) -> Fetched:
    if not is_on(lake.settings, feed):
        raise Missing(f"it is off; CRYPTODUDEZ_FEEDS={feed.name} puts it on")
    span = span_of(feed, *(days_asked(context) or ()))

    def wanted() -> list[Stretch]:
        found = missing(lake, feed, feed.series(config.chosen), span, lake.settings.feed_days_again)
        context.log.info(f"{feed.venue}: {len(found)} stretches are missing between {span}")
        return found

    def on_page(stretch: Stretch, page: Page) -> None:
        context.log.info(f"{stretch.series.name}: {page.covered}, {len(page.answer.body):,} bytes")

    return fetch(lake, feed, wanted, access_of(lake.settings, feed, context.log.info), on_page)


def _tell_days(context: dg.AssetExecutionContext, feed: Feed, done: Fetched) -> None:
    """Have Dagster know which days were asked for."""
    days = {
        (one.span.first + timedelta(days=number)).date()
        for one in done.stretches
        for number in range(int(one.span.seconds // 86_400) + 1)
    }
    for day in sorted(day for day in days if day >= feed.first_day):
        context.log_event(dg.AssetMaterialization(feed_key(feed), partition=day.isoformat()))


def build_feed_schedule(feed: Feed) -> dg.ScheduleDefinition:
    """When a feed that is on is asked."""

    @dg.schedule(
        name=f"{feed.name}_feed",
        target=dg.AssetSelection.assets(feed_key(feed)),
        cron_schedule=feed.cron,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"Asks {feed.venue} for what is new.",
    )
    def ask(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        return dg.RunRequest(tags={FEED_TAG: feed.name})

    return ask


def build_feed_sensor(feed: Feed, lake: LakeResource) -> dg.SensorDefinition:
    """Asks for a feed that is on where a tick of its schedule brought no answer: nobody ran then, or the run failed."""

    @dg.sensor(
        name=f"{feed.name}_feed_made_up_for",
        target=dg.AssetSelection.assets(feed_key(feed)),
        minimum_interval_seconds=LOOK_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"Asks {feed.venue} where a tick of the schedule brought no answer, at once where there was none ever.",
    )
    def look(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        at = datetime.now(UTC)
        answered_at = standing_of(lake.open(), feed).answered_at
        due = last_tick(feed, at - TAKES_LONGEST)
        if answered_at is not None and answered_at >= due:
            return dg.SkipReason(f"answered at {answered_at:%Y-%m-%d %H:%M} UTC")
        asked = dg.RunsFilter(statuses=RUNNING, tags={FEED_TAG: feed.name})
        if instance_of(context).get_run_records(asked, limit=1):
            return dg.SkipReason("a run for this feed is under way")
        # A run key is used once for ever: with the hour in it, who refuses is asked again each hour, and no more often.
        return dg.RunRequest(run_key=f"{feed.name}-{due:%Y%m%d%H%M}-{at:%Y%m%d%H}", tags={FEED_TAG: feed.name})

    return look


def last_tick(feed: Feed, before: datetime) -> datetime:
    """The last time at which the schedule was to ask."""
    tick: datetime = next(reverse_cron_string_iterator(before.timestamp(), feed.cron, "UTC"))
    return tick.astimezone(UTC)
