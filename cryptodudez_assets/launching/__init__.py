"""A run that is begun elsewhere: `cryptodudez run --engine spark` with its driver on Dataproc, followed from here.

What the workload is told is in `workload.py`, a serverless batch from beginning to end in `batches.py`. Here nothing is computed, no lake
is opened and no executor spoken to: that is the workload's, which is the same command. Dagster's part is `defs/launching.py`.
"""


class Unlaunchable(RuntimeError):
    """It cannot be asked for, since something is missing or may not be told; the message says what, and what to do."""


class LaunchFailed(RuntimeError):
    """What was to be launched was refused, or failed, or is no longer seen; the message has the service's words."""
