"""The sensor that asks what is behind, whatever the reason, and has it made: what landed is followed by what is made of it, and
what a killed or cancelled run left is done, too. It also closes runs whose process is gone.
"""

import hashlib
import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Self

import dagster as dg

from cryptodudez_assets.declarations import LeftOut
from cryptodudez_assets.defs import declarations_check
from cryptodudez_assets.defs.contract_check import ALL_ROWS
from cryptodudez_assets.defs.dead_runs import close_dead_runs
from cryptodudez_assets.defs.judged import Blocking, judged
from cryptodudez_assets.defs.kept_instance import instance_of
from cryptodudez_assets.defs.metadata import key_of
from cryptodudez_assets.defs.resources import LakeResource, engine_tag
from cryptodudez_assets.defs.source_assets import BUT_FETCHED, catalogue_key, quarantine_key, table_keys
from cryptodudez_assets.defs.source_sensors import RUNNING, SOURCE_TAG, run_key_of
from cryptodudez_assets.defs.up_to_date import PATIENCE, evaluation_of
from cryptodudez_assets.lake.lake import Lake, now
from cryptodudez_assets.products.standing import Behind, Product, standing
from cryptodudez_assets.sources.declaration import Source

SECONDS = 5
# Without a commit, what stands is looked at again after so long: models, and what becomes due, are in no table.
LOOK_AGAIN = timedelta(seconds=60)
NEVER = datetime(1, 1, 1, tzinfo=UTC)
NAME = "what_is_behind"
NOT_OF_ASSETS = {"maintenance", "comply", ALL_ROWS}


def build_reconciling_sensor(
    sources: Sequence[Source],
    products: Sequence[Product],
    blocking: Blocking,
    lake: LakeResource,
    left_out: Sequence[LeftOut] | None = None,
) -> dg.SensorDefinition:
    """The sensor over all products of this lake. It tells what is left out, too, unless nobody has looked (None)."""
    of_source = {
        source.name: {catalogue_key(source), quarantine_key(source), *table_keys(source)} for source in sources
    }

    @dg.sensor(
        name=NAME,
        target=BUT_FETCHED,
        minimum_interval_seconds=SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Requests, in one run, what was made from something else than its inputs are now, and closes runs whose "
        "process is gone.",
    )
    def what_is_behind(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        opened, instance = lake.open(), instance_of(context)
        for closed in close_dead_runs(instance, opened.settings):
            context.log.warning(closed)
        before, commits = _Cursor.parse(context.cursor), _commits(opened)
        told = [str(one) for one in left_out or ()]
        if before.is_of(commits) and before.left_out == told:
            return dg.SensorResult(skip_reason="nothing is behind, and nothing was committed", cursor=context.cursor)
        behind = standing(opened, products).behind
        since = _since(before, behind)
        late = [one for one in behind if now() - since[one.name] >= PATIENCE]
        names = [one.name for one in late]
        cursor = str(_Cursor(commits, now(), since, names, told))
        events = [evaluation_of(late)] if before.late != names else []
        if left_out is not None and before.left_out != told:
            events.append(declarations_check.evaluation_of(left_out))
        keys = _to_do(instance, opened, behind, of_source, blocking)
        if not keys:
            waits = f"{len(behind)} behind, each under way or held back by a check"
            return dg.SensorResult(
                skip_reason=waits if behind else "nothing is behind", cursor=cursor, asset_events=events
            )
        # What changed since is another reason: without the time it would be taken for what was asked for before.
        work = [f"{one.name} {one.reason} {one.since}" for one in behind]
        request = dg.RunRequest(
            run_key=run_key_of(work, time.time()), asset_selection=sorted(keys), tags=engine_tag(opened.settings)
        )
        return dg.SensorResult(run_requests=[request], cursor=cursor, asset_events=events)

    return what_is_behind


@dataclass(frozen=True)
class _Cursor:
    """The last look: at which commits, when, what was behind since when, what was told to be late, what was left out."""

    commits: str = ""
    looked_at: datetime = NEVER
    since: Mapping[str, datetime] = field(default_factory=dict)
    late: list[str] = field(default_factory=list)
    left_out: list[str] | None = None

    @classmethod
    def parse(cls, text: str | None) -> Self:
        """What was written; one of an earlier version tells nothing."""
        told = json.loads(text) if text else {}
        if not told.keys() >= {"commits", "looked_at", "since", "late"}:
            return cls()
        since = {name: datetime.fromisoformat(at) for name, at in told["since"].items()}
        return cls(
            told["commits"], datetime.fromisoformat(told["looked_at"]), since, told["late"], told.get("left_out")
        )

    def __str__(self) -> str:
        return json.dumps(asdict(self), default=datetime.isoformat)

    def is_of(self, commits: str) -> bool:
        """Whether another look would see the same: that nothing is behind."""
        return not self.since and not self.late and self.commits == commits and now() - self.looked_at < LOOK_AGAIN


def _commits(lake: Lake) -> str:
    """Another for every commit to any table."""
    told = sorted((one.name, one.metadata_location) for one in lake.tables.pointers())
    return hashlib.sha256(repr(told).encode()).hexdigest()[:16]


def _since(before: _Cursor, behind: Iterable[Behind]) -> dict[str, datetime]:
    """Since when each is behind: as its inputs tell, or else since it was first seen to be."""
    return {one.name: one.since or before.since.get(one.name, now()) for one in behind}


def _going(instance: dg.DagsterInstance, of_source: dict[str, set[dg.AssetKey]]) -> set[dg.AssetKey] | None:
    """What runs are about to make; None where one does not say."""
    going: set[dg.AssetKey] = set()
    for record in instance.get_run_records(dg.RunsFilter(statuses=RUNNING)):
        run = record.dagster_run
        if run.asset_selection:
            going |= run.asset_selection
        elif run.tags.get(SOURCE_TAG) in of_source:
            going |= of_source[run.tags[SOURCE_TAG]]
        elif run.job_name not in NOT_OF_ASSETS:
            return None
    return going


def _to_do(
    instance: dg.DagsterInstance,
    lake: Lake,
    behind: Sequence[Behind],
    of_source: dict[str, set[dg.AssetKey]],
    blocking: Blocking,
) -> set[dg.AssetKey]:
    """What is behind and can be made now, and the inputs that no check has judged yet."""
    going = _going(instance, of_source) if behind else None
    if going is None:
        return set()
    known, held, keys = judged(instance, lake, blocking), set(going), set()
    for one in behind:
        inputs, own = {key_of(name) for name in one.inputs}, {key_of(name) for name in one.names}
        if (inputs | own) & held or inputs & known.unsound:
            held |= own
        else:
            keys |= own | (inputs & known.unchecked)
    return keys
