"""People are told: of what `watching.py` finds, by a sensor, and at the end of headless runs. What waits in the outbox is sent, too."""

from collections.abc import Sequence

import dagster as dg

from cryptodudez_assets.declared_models.signal import SignalModel
from cryptodudez_assets.defs.kept_instance import instance_of
from cryptodudez_assets.defs.resources import LakeResource
from cryptodudez_assets.defs.source_assets import BUT_FETCHED
from cryptodudez_assets.defs.watching import WatchedCheck, look
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.notifications.delivery import Attempt
from cryptodudez_assets.notifications.event import Event
from cryptodudez_assets.notifications.notifier import open_delivery

NAME = "notifies"
SECONDS = 30
BUDGET_SECONDS = 20.0
"""Of sending, in a tick; Dagster gives a tick 60."""


def build_notifying_sensor(
    checks: Sequence[WatchedCheck], models: Sequence[SignalModel], lake: LakeResource
) -> dg.SensorDefinition:
    """The sensor. It never asks for a run."""

    @dg.sensor(
        name=NAME,
        target=BUT_FETCHED,
        minimum_interval_seconds=SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Tells people of failed blocking checks, old data, drift, changed decisions and books that nobody records, "
        "and sends what waits in the outbox.",
    )
    def notifies(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        new, attempts = notify(instance_of(context), lake.open(), checks, models, BUDGET_SECONDS)
        for event in new:
            context.log.info("%s: %s", event.title, event.text)
        for attempt in attempts:
            if attempt.problem:
                context.log.warning("%s to %s: %s", attempt.event.title, attempt.sink, attempt.problem)
        sent = sum(not attempt.problem for attempt in attempts)
        return dg.SkipReason(f"{len(new)} new events, {sent} sent, {len(attempts) - sent} not delivered")

    return notifies


def notify(
    instance: dg.DagsterInstance,
    lake: Lake,
    checks: Sequence[WatchedCheck],
    models: Sequence[SignalModel],
    budget_seconds: float,
) -> tuple[list[Event], list[Attempt]]:
    """Look at everything, put what is new into the outbox, send what waits there; what was new, and how sending went."""
    delivery = open_delivery(lake.settings)
    try:
        new = look(instance, lake, delivery.outbox, checks, models)
        return new, delivery.once(budget_seconds)
    finally:
        delivery.outbox.close()
