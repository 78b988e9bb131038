"""One sensor per source: a thin shell over `discover`. At most one run per tick, for all that is new.

Where a queue tells what is new (`event_sensor.py`), these look rarely, at what it did not tell, and say how far behind that was found.
"""

import hashlib
import logging
import time
from collections.abc import Iterable, Sequence
from datetime import timedelta

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from cryptodudez_assets.defs.kept_instance import instance_of
from cryptodudez_assets.defs.resources import LakeResource, engine_tag
from cryptodudez_assets.defs.source_assets import catalogue_key, quarantine_key, table_keys
from cryptodudez_assets.lake.iceberg.kept import Kept
from cryptodudez_assets.lake.ingest.upgrade import is_due
from cryptodudez_assets.lake.lake import Lake, now
from cryptodudez_assets.lake.metastore.discovery import Cursor, Listing, discover, listing
from cryptodudez_assets.lake.metastore.file_entries import open_entries
from cryptodudez_assets.lake.raw_folders import make_folders
from cryptodudez_assets.lake.store.stored import StoredObject
from cryptodudez_assets.settings import Settings
from cryptodudez_assets.sources.declaration import Source

log = logging.getLogger("cryptodudez")

# A run key is used once for ever. With the time in it, what a failed run left is asked for again, but not each tick.
RETRY_SECONDS = 600
QUIET_SECONDS = 30.0
# Of what is younger the event may be under way.
UNDER_WAY = timedelta(seconds=60)
SOURCE_TAG = "cryptodudez/source"
INGEST = "ingest_"
RUNNING = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
]


def build_source_sensor(source: Source, lake: LakeResource, job: UnresolvedAssetJobDefinition) -> dg.SensorDefinition:
    """The sensor that watches a source's raw folder in this lake, and asks for runs of this job (see `ingest_job`)."""

    settings, quiet = lake.settings, Quiet()

    @dg.sensor(
        name=f"{source.name}_files",
        job=job,
        minimum_interval_seconds=settings.reconcile_seconds if settings.events else settings.sensor_seconds,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"Watches <lake>/raw/{source.raw}/ and ingests what lands there.",
    )
    def watch(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        opened = lake.open()
        make_folders(opened, [source])  # of one that was declared since this home was opened
        cursor_before = Cursor.parse(context.cursor)
        seen = listing(opened, source.name, cursor_before)
        if quiet.lasts(opened, seen):
            return dg.SensorResult(skip_reason=_nothing(source, quiet.listed), cursor=context.cursor)
        if is_running(instance_of(context), source):
            return dg.SensorResult(skip_reason="a run for this source is under way", cursor=context.cursor)
        with Kept.in_a_pass():  # the catalogue is asked several times
            look = discover(opened, source.name, cursor_before, seen=seen)
            waiting = open_entries(opened.tables, source.name)
            outdated = is_due(opened, source)
        cursor = str(look.cursor)
        if look.left:
            context.log.info("raw/%s: %s", source.raw, look.left)
        if not look.new and waiting.is_empty() and not outdated:
            if not look.left and look.cursor == cursor_before:
                quiet.begins(opened, seen, look.listed)
            return dg.SensorResult(skip_reason=_nothing(source, look.listed, look.left), cursor=cursor)
        told = versions(look.new) + waiting["entry_id"].to_list() + [source.code_hash] * outdated
        # What is no file is found by listing only: then all that is new is catalogued.
        keys = [] if any(found.oddity for found in look.new) else [found.key for found in look.new]
        request = run_for(source, opened.settings, told, keys)
        behind = _behind_events(source, look.new) if opened.settings.events else []
        return dg.SensorResult(run_requests=[request], cursor=cursor, asset_events=behind)

    return watch


def ingest_job(source: Source) -> UnresolvedAssetJobDefinition:
    """The job that a source's runs are of."""
    return dg.define_asset_job(
        f"{INGEST}{source.name}",
        dg.AssetSelection.assets(*made_of(source)),
        description=f"Catalogues and ingests what is new in <lake>/raw/{source.raw}/.",
    )


def made_of(source: Source) -> list[dg.AssetKey]:
    """What a run for a source makes."""
    return [catalogue_key(source), *table_keys(source), quarantine_key(source)]


def run_for(source: Source, settings: Settings, work: Iterable[str], keys: Sequence[str]) -> dg.RunRequest:
    """The run that catalogues the objects of these keys, for none all that are new, and reads what waits. `work`: what it is for."""
    config = {"ops": {catalogue_key(source).to_python_identifier(): {"config": {"keys": list(keys)}}}}
    return dg.RunRequest(
        run_key=run_key_of(work, time.time()),
        job_name=f"{INGEST}{source.name}",
        run_config=config,
        tags={SOURCE_TAG: source.name, **engine_tag(settings)},
        asset_selection=made_of(source),  # without it the UI shows a run without a target
    )


def versions(found: Iterable[StoredObject]) -> list[str]:
    """What a run is for: these objects as they are now."""
    return [f"{one.key}@{one.generation}" for one in found]


def _behind_events(source: Source, new: Iterable[StoredObject]) -> list[dg.AssetObservation]:
    """That objects were found which no event told, and for how long the oldest of them lay there."""
    late = [age for found in new if (age := now() - found.modified) > UNDER_WAY]
    if not late:
        return []
    log.warning("%d new objects of %s were untold by events, and found by listing", len(late), source.name)
    told = {"untold_by_events": len(late), "seconds_behind_events": max(late).total_seconds()}
    return [dg.AssetObservation(catalogue_key(source), metadata=told)]


class Quiet:
    """What was listed of a source when there was nothing to do. While the same is listed, the catalogue is asked rarely.

    Most ticks find nothing, and asking the catalogue costs ten times as much as listing a folder. What others leave to be done in
    the catalogue is found when this time is over.
    """

    def __init__(self) -> None:
        self.listed = 0
        self._of: tuple[str, Listing] | None = None
        self._since = 0.0

    def begins(self, lake: Lake, seen: Listing, listed: int) -> None:
        """There was nothing to do."""
        self.listed, self._of, self._since = listed, (lake.settings.lake, seen), time.monotonic()

    def lasts(self, lake: Lake, seen: Listing) -> bool:
        """Whether nothing needs to be asked."""
        return self._of == (lake.settings.lake, seen) and time.monotonic() < self._since + QUIET_SECONDS


def _nothing(source: Source, listed: int, left: str = "") -> str:
    return f"0 new of {listed} listed in raw/{source.raw}{', ' * bool(left)}{left}"


def run_key_of(work: Iterable[str], at: float) -> str:
    """The same for the same work, until it is time to try again."""
    return f"{hashlib.sha256(repr(sorted(work)).encode()).hexdigest()[:16]}-{int(at) // RETRY_SECONDS}"


def is_running(instance: dg.DagsterInstance, source: Source) -> bool:
    """Whether a run for this source is under way."""
    asked = dg.RunsFilter(statuses=RUNNING, tags={SOURCE_TAG: source.name})
    return bool(instance.get_run_records(asked, limit=1))
