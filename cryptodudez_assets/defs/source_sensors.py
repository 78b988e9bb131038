"""One sensor per source: a thin shell over `discover`. At most one run per tick, for all that is new."""

import hashlib
import time
from collections.abc import Iterable

import dagster as dg

from cryptodudez_assets.defs.kept_instance import instance_of
from cryptodudez_assets.defs.resources import LakeResource
from cryptodudez_assets.defs.source_assets import catalogue_key, quarantine_key, table_keys
from cryptodudez_assets.lake.ingest.upgrade import is_due
from cryptodudez_assets.lake.metastore.discovery import Cursor, discover
from cryptodudez_assets.lake.metastore.file_entries import open_entries
from cryptodudez_assets.lake.raw_folders import make_folders
from cryptodudez_assets.sources.declaration import Source

# A run key is used once for ever. With the time in it, what a failed run left is asked for again, but not each tick.
RETRY_SECONDS = 600
SOURCE_TAG = "cryptodudez/source"
RUNNING = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
]


def build_source_sensor(source: Source, lake: LakeResource, seconds: int) -> dg.SensorDefinition:
    """The sensor that watches a source's raw folder in this lake, each so many seconds."""

    made = [catalogue_key(source), *table_keys(source), quarantine_key(source)]

    @dg.sensor(
        name=f"{source.name}_files",
        target=dg.AssetSelection.assets(*made),
        minimum_interval_seconds=seconds,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"Watches <lake>/raw/{source.raw}/ and ingests what lands there.",
    )
    def watch(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        opened = lake.open()
        make_folders(opened, [source])  # of one that was declared since this home was opened
        if _is_running(instance_of(context), source):
            return dg.SensorResult(skip_reason="a run for this source is under way", cursor=context.cursor)
        look = discover(opened, source.name, Cursor.parse(context.cursor))
        waiting = open_entries(opened.tables, source.name)
        cursor = str(look.cursor)
        if look.left:
            context.log.info("raw/%s: %s", source.raw, look.left)
        outdated = is_due(opened, source)
        if not look.new and waiting.is_empty() and not outdated:
            left = f", {look.left}" if look.left else ""
            return dg.SensorResult(
                skip_reason=f"0 new of {look.listed} listed in raw/{source.raw}{left}", cursor=cursor
            )
        told = (
            [f"{found.key}@{found.generation}" for found in look.new]
            + waiting["entry_id"].to_list()
            + [source.code_hash] * outdated
        )
        run_key = run_key_of(told, time.time())
        # What is no file is found by listing only: then all that is new is catalogued.
        keys = [] if any(found.oddity for found in look.new) else [found.key for found in look.new]
        config = {"ops": {catalogue_key(source).to_python_identifier(): {"config": {"keys": keys}}}}
        # Without the selection the UI shows a run without a target.
        request = dg.RunRequest(
            run_key=run_key, run_config=config, tags={SOURCE_TAG: source.name}, asset_selection=made
        )
        return dg.SensorResult(run_requests=[request], cursor=cursor)

    return watch


def run_key_of(work: Iterable[str], at: float) -> str:
    """The same for the same work, until it is time to try again."""
    return f"{hashlib.sha256(repr(sorted(work)).encode()).hexdigest()[:16]}-{int(at) // RETRY_SECONDS}"


def _is_running(instance: dg.DagsterInstance, source: Source) -> bool:
    asked = dg.RunsFilter(statuses=RUNNING, tags={SOURCE_TAG: source.name})
    return bool(instance.get_run_records(asked, limit=1))
