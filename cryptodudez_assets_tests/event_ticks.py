"""Ticks of the sensor that drains a bucket's queue, with what Dagster's daemon does around them, in a process that may die at it.

The daemon launches what a tick asks for, and stores the cursor behind that. Here the one is a line in a file, the other a file, so
that a test sees what was left by whom.
"""

import json
import os
import signal
import sys
from pathlib import Path

import dagster as dg

from cryptodudez_assets.defs.build import build_definitions
from cryptodudez_assets.defs.event_sensor import NAME
from cryptodudez_assets.defs.resources import LakeResource
from cryptodudez_assets_tests.toy_source import SOURCE

ASKED, STORED = "asked", "stored"


def tick(home: Path, folder: Path, dies_when: str = "") -> None:
    """One tick that goes on from the cursor in the folder; `dies_when` it has asked for runs, or has stored its cursor."""
    resource = LakeResource(home=str(home))
    sensor = next(one for one in build_definitions([SOURCE], lake=resource).sensors or () if one.name == NAME)
    kept = folder / "cursor"
    cursor = kept.read_text() if kept.exists() else None
    result = sensor(dg.build_sensor_context(dg.DagsterInstance.ephemeral(), cursor=cursor))
    assert isinstance(result, dg.SensorResult)
    with (folder / ASKED).open("a") as asked:
        for request in result.run_requests or ():
            (op,) = request.run_config["ops"].values()
            asked.write(
                json.dumps([request.run_key, op["config"]["keys"], json.loads(str(result.cursor))["taken"]]) + "\n"
            )
    if dies_when == ASKED:
        os.kill(os.getpid(), signal.SIGKILL)
    kept.write_text(str(result.cursor))
    if dies_when == STORED:
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    tick(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
