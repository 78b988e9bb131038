"""What is asked for by conditions: models, which verdicts and the time of day decide on, and checks that no run would look at.

Tables and what is made of them follow the state of the lake (`reconciling.py`). Dagster writes down each evaluation of a condition,
tens of kilobytes where anything happened, so that nothing is evaluated here which is told by a look at the lake. Every
condition of an asset holds back what stands on a failed blocking check; `eager()` alone does not: within a run a failed check
stops what follows, but across runs it would be requested anyway.
"""

from collections.abc import Iterable
from functools import reduce
from operator import or_
from typing import Any

import dagster as dg

from cryptodudez_assets.defs.metadata import MODELS

# One source must not wait for another that never had a file: a table that is not there has no check that could pass.
inputs_are_sound = dg.AutomationCondition.all_deps_match(
    dg.AutomationCondition.missing()
    | dg.AutomationCondition.all_checks_match(
        dg.AutomationCondition.check_passed() | dg.AutomationCondition.will_be_requested(), blocking_only=True
    )
).with_label("inputs_are_sound")

# Features of several tables are computed once all of them are there.
on_sound_update_of_all = (dg.AutomationCondition.eager() & inputs_are_sound).with_label("on_sound_update_of_all")

# Of a check that came with a later release than the table, or was left out of the run that made it: what stands on the table
# would wait for it.
never_looked = (dg.AutomationCondition.missing() & ~dg.AutomationCondition.any_deps_missing()).with_label(
    "never_looked"
)

# Of a check that compares tables: whichever of them was made in a run without it.
looks_again = (
    (never_looked | dg.AutomationCondition.any_deps_updated()) & ~dg.AutomationCondition.in_progress()
).with_label("looks_again")

# What nobody's run would look at: a check of what is not there. (Dagster types the condition for assets only.)
hourly = (
    dg.AutomationCondition.cron_tick_passed("17 * * * *").since_last_handled()  # type: ignore[misc]
    & ~dg.AutomationCondition.in_progress()
).with_label("hourly")

# What is compared once a day, when the day before is over and its signals were brought into the lake.
once_a_day = (
    dg.AutomationCondition.cron_tick_passed("23 2 * * *").since_last_handled()  # type: ignore[misc]
    & ~dg.AutomationCondition.in_progress()
).with_label("once_a_day")

# A report is about candidates that did not pass, too.
on_any_update = dg.AutomationCondition.eager().with_label("on_any_update")

# A candidate that did not pass stays one, so promotion does not even look at what is only about to be checked.
passed_its_checks = (
    dg.AutomationCondition.eager()
    & inputs_are_sound
    & dg.AutomationCondition.all_deps_match(
        dg.AutomationCondition.missing()
        | dg.AutomationCondition.all_checks_match(dg.AutomationCondition.check_passed(), blocking_only=True)
    )
).with_label("passed_its_checks")

# Each retraining is another look at the same days: once a day is enough, unless there is no model yet or the world has changed.
no_model_yet = dg.AutomationCondition.missing() & dg.AutomationCondition.any_deps_updated()
daily = no_model_yet | dg.AutomationCondition.on_cron("0 1 * * *")
daily_on_new_data = (daily & ~dg.AutomationCondition.in_progress() & inputs_are_sound).with_label("daily_on_new_data")


def retrain_on_drift(looks: Iterable[dg.AssetKey]) -> dg.AutomationCondition[Any]:
    """The same, and whenever one of these looks for drift begins to find some."""
    found = dg.AutomationCondition.any_checks_match(dg.AutomationCondition.check_failed())
    drifted = [dg.AutomationCondition.asset_matches(key, found).newly_true().with_label("drifted") for key in looks]
    wanted = reduce(or_, drifted, daily)
    condition = wanted & ~dg.AutomationCondition.in_progress() & inputs_are_sound
    return condition.with_label("daily_on_new_data_or_drift")


SECONDS = 300
automation_sensor = dg.AutomationConditionSensorDefinition(
    "automation",
    target=dg.AssetSelection.groups(MODELS) | dg.AssetSelection.all_asset_checks(),
    minimum_interval_seconds=SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Requests models as verdicts and the time of day demand it, and checks that no run looks at.",
)
