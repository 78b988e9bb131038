"""When assets follow by themselves. Every condition holds back what stands on a failed blocking check.

`eager()` alone does not: within a run a failed check stops what follows, but across runs it would be requested all the same.
"""

import dagster as dg

# One source must not wait for another that never had a file, so missing inputs do not hold back.
on_sound_update = (
    dg.AutomationCondition.eager()
    .without(~dg.AutomationCondition.any_deps_missing())
    .__and__(dg.AutomationCondition.all_deps_blocking_checks_passed().with_label("inputs_are_sound"))
    .with_label("on_sound_update")
)

automation_sensor = dg.AutomationConditionSensorDefinition(
    "automation",
    target=dg.AssetSelection.all(),
    minimum_interval_seconds=3,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Requests every asset whose inputs were updated and passed their blocking checks.",
)
