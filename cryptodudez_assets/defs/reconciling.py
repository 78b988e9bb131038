"""The sensor that asks what is behind, whatever the reason, and has it made. Automation follows events and is faster; this follows
the state of the lake, so that what a killed or cancelled run left is done, too. It also closes runs whose process is gone.
"""

import json
import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

import dagster as dg

from cryptodudez_assets.declarations import LeftOut
from cryptodudez_assets.defs import declarations_check
from cryptodudez_assets.defs.dead_runs import close_dead_runs
from cryptodudez_assets.defs.judged import Blocking, Judged, judged
from cryptodudez_assets.defs.metadata import key_of
from cryptodudez_assets.defs.resources import LakeResource
from cryptodudez_assets.defs.source_assets import catalogue_key, quarantine_key, table_keys
from cryptodudez_assets.defs.source_sensors import RUNNING, SOURCE_TAG, run_key_of
from cryptodudez_assets.defs.up_to_date import evaluation_of
from cryptodudez_assets.lake.lake import now
from cryptodudez_assets.products.standing import Behind, Product, standing
from cryptodudez_assets.sources.declaration import Source

SECONDS = 30
# So long automation has to do it, and nothing is said: whatever lands is behind for a moment.
GRACE = timedelta(seconds=30)
NAME = "what_is_behind"
NOT_OF_ASSETS = {"maintenance"}


def build_reconciling_sensor(
    sources: Sequence[Source],
    products: Sequence[Product],
    blocking: Blocking,
    left_out: Sequence[LeftOut] | None = None,
) -> dg.SensorDefinition:
    """The sensor over all products. It tells what is left out, too, unless nobody has looked (None)."""
    of_source = {
        source.name: {catalogue_key(source), quarantine_key(source), *table_keys(source)} for source in sources
    }

    @dg.sensor(
        name=NAME,
        target=dg.AssetSelection.all(),
        minimum_interval_seconds=SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Requests, in one run, what was made from something else than its inputs are now, and closes runs whose "
        "process is gone.",
    )
    def what_is_behind(context: dg.SensorEvaluationContext, lake: LakeResource) -> dg.SensorResult:
        opened = lake.open()
        for closed in close_dead_runs(context.instance, opened.settings):
            context.log.warning(closed)
        found = standing(opened, products)
        since = _since(context.cursor, found.behind)
        late = [one for one in found.behind if now() - since[one.name] >= GRACE]
        going = _going(context.instance, of_source)
        known = judged(context.instance, opened, blocking)
        keys = set() if going is None else set(_to_do(late, going, known))
        events = [*_said(context.cursor, late), *_said_of(context.cursor, left_out)]
        cursor = json.dumps(
            {
                "since": {name: at.isoformat() for name, at in since.items()},
                "late": [one.name for one in late],
                "left_out": [str(one) for one in left_out or ()],
            }
        )
        if not keys:
            waits = f"{len(found.behind)} behind, each under way, held back by a check or only just so"
            return dg.SensorResult(
                skip_reason=waits if found.behind else "nothing is behind", cursor=cursor, asset_events=events
            )
        run_key = run_key_of([f"{one.name} {one.reason}" for one in late], time.time())
        request = dg.RunRequest(run_key=run_key, asset_selection=sorted(keys))
        return dg.SensorResult(run_requests=[request], cursor=cursor, asset_events=events)

    return what_is_behind


def _since(cursor: str | None, behind: Iterable[Behind]) -> dict[str, datetime]:
    """Since when each is behind: as its inputs tell, or else since it was first seen to be."""
    before = json.loads(cursor).get("since", {}) if cursor else {}
    return {
        one.name: one.since or (datetime.fromisoformat(before[one.name]) if one.name in before else now())
        for one in behind
    }


def _said(cursor: str | None, late: Sequence[Behind]) -> list[dg.AssetCheckEvaluation]:
    """The check's new answer, where it has changed."""
    before = json.loads(cursor).get("late", []) if cursor else []
    return [evaluation_of(late)] if before != [one.name for one in late] else []


def _said_of(cursor: str | None, left_out: Sequence[LeftOut] | None) -> list[dg.AssetCheckEvaluation]:
    """The answer of the check of declarations, where it has changed."""
    before = json.loads(cursor).get("left_out") if cursor else None
    changed = left_out is not None and before != [str(one) for one in left_out]
    return [declarations_check.evaluation_of(left_out or ())] if changed else []


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


def _to_do(late: Iterable[Behind], going: set[dg.AssetKey], known: Judged) -> Iterator[dg.AssetKey]:
    """What is late and can be made now, and the inputs that no check has judged yet."""
    held = set(going)
    for one in late:
        inputs, own = {key_of(name) for name in one.inputs}, {key_of(name) for name in one.names}
        if (inputs | own) & held or inputs & known.unsound:
            held |= own
        else:
            yield from own | (inputs & known.unchecked)
