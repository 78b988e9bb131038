"""Put the code location together. Tests build it with sources and a lake of their own."""

from collections.abc import Iterable, Mapping, Sequence

import dagster as dg

from cryptodudez_assets.declarations import LeftOut
from cryptodudez_assets.defs.automation import automation_sensor
from cryptodudez_assets.defs.complying import build_complying
from cryptodudez_assets.defs.contract_check import build_full_check
from cryptodudez_assets.defs.declarations_check import build_declarations_check
from cryptodudez_assets.defs.derived_assets import build_derived_assets, build_registry, derived_keys, first_day_of
from cryptodudez_assets.defs.derived_checks import build_derived_checks
from cryptodudez_assets.defs.event_sensor import build_event_sensor
from cryptodudez_assets.defs.export_assets import build_export_asset
from cryptodudez_assets.defs.feature_checks import build_look_ahead_check
from cryptodudez_assets.defs.feed_assets import build_feed_asset, build_feed_schedule, build_feed_sensor
from cryptodudez_assets.defs.feed_checks import build_feed_checks
from cryptodudez_assets.defs.forgetting import build_forgetting_sensor
from cryptodudez_assets.defs.incident_assets import build_incident_assets
from cryptodudez_assets.defs.jobs import build_jobs
from cryptodudez_assets.defs.judged import blocking_checks
from cryptodudez_assets.defs.lake_assets import build_erasures, build_inventory, build_maintenance
from cryptodudez_assets.defs.launching import build_launching
from cryptodudez_assets.defs.metadata import key_of
from cryptodudez_assets.defs.model_assets import build_model_assets, signals_over
from cryptodudez_assets.defs.model_checks import build_model_checks
from cryptodudez_assets.defs.notifying import build_notifying_sensor
from cryptodudez_assets.defs.online_assets import build_online_asset
from cryptodudez_assets.defs.reconciling import build_reconciling_sensor
from cryptodudez_assets.defs.resources import LakeResource
from cryptodudez_assets.defs.source_assets import build_source_assets, quarantine_key, table_keys
from cryptodudez_assets.defs.source_checks import build_source_checks
from cryptodudez_assets.defs.source_sensors import build_source_sensor, ingest_job
from cryptodudez_assets.defs.study_assets import build_study_assets, build_study_checks, study_keys
from cryptodudez_assets.defs.table_checks import INTACT
from cryptodudez_assets.defs.up_to_date import build_up_to_date_check
from cryptodudez_assets.defs.volume_assets import build_volume_assets, build_volume_checks
from cryptodudez_assets.defs.watching import watched_checks
from cryptodudez_assets.derived.declaration import Derived
from cryptodudez_assets.feature_store.registry import REGISTRY
from cryptodudez_assets.features.declaration import FeatureView
from cryptodudez_assets.feeds.declaration import Feed
from cryptodudez_assets.fetching.access import is_on
from cryptodudez_assets.lake.erasing.registry import ERASURES
from cryptodudez_assets.products.declared import products_of
from cryptodudez_assets.products.exports import exports_of
from cryptodudez_assets.sources.declaration import Source


def build_definitions(
    sources: Iterable[Source],
    derived: Iterable[Derived] = (),
    lake: LakeResource | None = None,
    loggers: Mapping[str, dg.LoggerDefinition] | None = None,
    left_out: Sequence[LeftOut] | None = None,
    feeds: Iterable[Feed] = (),
) -> dg.Definitions:
    """Everything that Dagster is to know. `left_out`: what a check is to name; None where nobody has looked for declarations."""
    sources, derived, lake = list(sources), list(derived), lake or LakeResource()
    views = [table for table in derived if isinstance(table, FeatureView)]
    settings = lake.settings
    filled = {feed.source: feed for feed in feeds if feed.source in {source.name for source in sources}}
    on = [feed for feed in filled.values() if is_on(settings, feed)]
    tables = [key for source in sources for key in (*table_keys(source), quarantine_key(source))]
    tables += [key for table in derived for key in derived_keys(table)]
    tables += [
        *study_keys(derived),
        *(key_of(name) for one in signals_over(views) for name in (one.training_set, one.record)),
    ]
    products = products_of(sources, derived)
    checks = [
        *(check for source in sources for check in build_source_checks(source)),
        *(check for table in derived for check in build_derived_checks(table)),
        *map(build_look_ahead_check, views),
        *build_study_checks(derived),
        *build_model_checks(views),
        *build_volume_checks(views),
        *(check for feed in filled.values() for check in build_feed_checks(feed)),
        *([build_up_to_date_check(products)] if products else []),
        *([] if left_out is None else [build_declarations_check(left_out)]),
    ]
    checked = {key.asset_key for one in checks for key in one.check_keys if key.name == INTACT}
    maintenance, nightly_maintenance = build_maintenance(
        [source.name for source in sources], [".".join(key.path) for key in checked]
    )
    full_check, nightly_full_check = build_full_check(checks)
    complying, daily_complying = build_complying(lake)
    ingests = [ingest_job(source) for source in sources]  # of two sensors, where there are events
    return dg.Definitions(
        assets=[
            *(build_feed_asset(filled[source.name], source) for source in sources if source.name in filled),
            *(asset for source in sources for asset in build_source_assets(source, filled.get(source.name))),
            *(build_derived_assets(table, first_day_of(derived)) for table in derived),
            *(build_online_asset(view, settings.online) for view in views),
            *build_study_assets(derived, settings.api_url),
            *build_incident_assets(sources, settings.api_url),
            *build_model_assets(views, settings.api_url),
            *build_volume_assets(views),
            *([build_registry(views)] if views else []),
            *map(build_export_asset, exports_of(sources, derived)),
            *(
                [build_erasures()]
                if any(ERASURES.name == one.table for table in derived for one in table.inputs)
                else []
            ),
            build_inventory([*tables, *([key_of(REGISTRY.name)] if views else [])]),
        ],
        asset_checks=checks,
        jobs=[
            *build_jobs(views, signals_over(views)),
            *(maintenance, full_check, complying),
            *([build_launching()] if settings.dataproc_project else []),
        ],
        schedules=[nightly_maintenance, nightly_full_check, daily_complying, *map(build_feed_schedule, on)],
        sensors=[
            *(build_source_sensor(source, lake, job) for source, job in zip(sources, ingests, strict=True)),
            *([build_event_sensor(sources, lake, ingests)] if settings.events else []),
            *(build_feed_sensor(feed, lake) for feed in on),
            automation_sensor,
            build_reconciling_sensor(sources, products, blocking_checks(checks), lake, left_out),
            build_forgetting_sensor(),
            build_notifying_sensor(watched_checks(checks), signals_over(views), lake),
        ],
        loggers=loggers,
        resources={"lake": lake},
        # One process per run: starting a process per step costs seconds, and a landed file should not wait for them.
        executor=dg.in_process_executor,
    )
