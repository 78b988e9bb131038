"""One connection to Dagster's storage for all ticks of a process. Sensors ask for it here, and take no resources of Dagster's.

Dagster opens its storage anew for each tick that uses it, or any resource, which costs more than all that our sensors look at.
"""

import threading

import dagster as dg
from dagster._core.instance import InstanceRef

_LOCK = threading.Lock()
_KEPT: list[tuple[InstanceRef, dg.DagsterInstance]] = []


def instance_of(context: dg.SensorEvaluationContext) -> dg.DagsterInstance:
    """The instance that a tick belongs to: that of the tick before, where it is the same. Tests hand one over."""
    ref = context.instance_ref
    if ref is None:
        return context.instance
    with _LOCK:
        if not _KEPT or _KEPT[0][0] != ref:
            _KEPT[:] = [(ref, dg.DagsterInstance.from_ref(ref))]
        return _KEPT[0][1]
