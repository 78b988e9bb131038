"""The sensor that drains the queue in which a bucket tells what landed, and asks for the runs of the sources that this is for.

One for the lake: sensors that share a queue would take each other's messages. Reading messages is in `lake/bucket_events/`.
"""

import json
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Self

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from cryptodudez_assets.declared_rules import rules_about
from cryptodudez_assets.declared_rules.declaration import DeadLetter
from cryptodudez_assets.defs.kept_instance import instance_of
from cryptodudez_assets.defs.resources import LakeResource
from cryptodudez_assets.defs.source_sensors import is_running, run_for, versions
from cryptodudez_assets.lake.bucket_events import EventsUnusable
from cryptodudez_assets.lake.bucket_events.draining import LOOK_SECONDS, MOST_MESSAGES, Looked, drain, look_at
from cryptodudez_assets.lake.bucket_events.opening import open_queue
from cryptodudez_assets.lake.bucket_events.queue import Queue
from cryptodudez_assets.lake.iceberg.kept import Kept
from cryptodudez_assets.lake.lake import Lake, now
from cryptodudez_assets.lake.metastore.discovery import PAGE
from cryptodudez_assets.notifications.event import Event, Kind
from cryptodudez_assets.notifications.notifier import open_outbox
from cryptodudez_assets.sources.declaration import Source

NAME = "bucket_events"
MOST_WAITING = 5 * MOST_MESSAGES
"""So many keys may wait for runs; while there are more, messages stay in the queue, and the cursor small."""


def build_event_sensor(
    sources: Sequence[Source], lake: LakeResource, jobs: Sequence[UnresolvedAssetJobDefinition]
) -> dg.SensorDefinition:
    """The sensor over the queue of this lake, which asks for runs of these jobs (see `ingest_job`)."""
    kept: list[Queue] = []  # connections are made at the first tick of a process

    @dg.sensor(
        name=NAME,
        jobs=jobs,
        minimum_interval_seconds=lake.settings.sensor_seconds,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Takes what the bucket tells of new objects from its queue, and has these ingested.",
    )
    def bucket_events(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        opened, before = lake.open(), Cursor.parse(context.cursor)
        kept[:] = kept or [open_queue(opened.settings)]
        # The tick that took these has ended, and what it asked for, and its cursor, are in Dagster's storage.
        try:
            kept[0].acknowledge(before.taken)
        except EventsUnusable as error:
            context.log.warning("they come again: %s", error)
        most = min(MOST_MESSAGES, MOST_WAITING - before.waits)
        # What waits is asked for as soon as the run before it has ended.
        drained = drain(opened, sources, kept[0], most, is_patient=not before.waits)
        if drained.dead:
            context.log.warning("dead letters: %s", "; ".join(drained.dead))
            _tell(opened, drained.dead)
        waiting = {
            source.name: sorted({*before.waiting.get(source.name, []), *drained.keys.get(source.name, [])})
            for source in sources
        }
        requests, told, until = [], drained.passed_over, time.monotonic() + LOOK_SECONDS
        for source in sources:
            if waiting[source.name] and not is_running(instance_of(context), source):
                some, others = waiting[source.name][:PAGE], waiting[source.name][PAGE:]
                request, looked = _ask(opened, source, some, until)
                waiting[source.name] = [*looked.left, *others]
                requests += request
                told += looked.passed_over
        after = Cursor(drained.receipts, {name: keys for name, keys in waiting.items() if keys})
        said = f"{len(drained.receipts)} messages, {after.waits} keys wait for a run{_in_words(told)}"
        if drained.receipts:
            context.log.info(said)
        return dg.SensorResult(
            run_requests=requests, skip_reason=None if requests else dg.SkipReason(said), cursor=str(after)
        )

    return bucket_events


@dataclass(frozen=True)
class Cursor:
    """What the last tick left: receipts of the messages that it took, and keys that wait for a run, by source.

    Dagster stores it behind the runs that the tick asked for. Whatever dies before that has the same messages handed out again.
    """

    taken: list[str] = field(default_factory=list)
    waiting: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str | None) -> Self:
        """What was written."""
        return cls(**json.loads(text)) if text else cls()

    def __str__(self) -> str:
        return json.dumps(asdict(self))

    @property
    def waits(self) -> int:
        """How many keys wait."""
        return sum(map(len, self.waiting.values()))


def _ask(lake: Lake, source: Source, keys: Sequence[str], until: float) -> tuple[list[dg.RunRequest], Looked]:
    """The run for these keys, if the catalogue does not know what is there now; and what was seen of them until then."""
    with Kept.in_a_pass():
        looked = look_at(lake, source.name, keys, until)
    keys = [one.key for one in looked.new]
    return [run_for(source, lake.settings, versions(looked.new), keys)] if keys else [], looked


def _tell(lake: Lake, dead: Sequence[str]) -> None:
    """Have people told of dead letters."""
    second = int(now().timestamp())
    outbox = open_outbox(lake.settings)
    try:
        for rule, _ in rules_about(DeadLetter):
            outbox.put(
                [
                    Event(
                        rule=rule.name,
                        subject=lake.settings.events,
                        kind=Kind.HAPPENED,
                        started_at=second - second % max(int(rule.quiet_for.total_seconds()), 1),
                        at=second,
                        severity=rule.severity,
                        title=f"{rule.title}: {lake.settings.events}",
                        text=f"{len(dead)} messages cannot be read, and are kept aside: {dead[0]}",
                        details={"messages": len(dead)},
                    )
                ]
            )
    finally:
        outbox.close()


def _in_words(told: Counter[str]) -> str:
    return "".join(f", {number} {why}" for why, number in sorted(told.items()))
