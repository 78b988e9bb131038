"""What Dagster does now, asked of its webserver: runs, sensors, daemons.

Nothing here imports Dagster: a server does not have it. Where the webserver does not answer, that is the answer.
"""

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx
import polars as pl

RUNS = 100
SECONDS = 3.0
QUERY = """query Dashboard($runs: Int!) {
  runsOrError(limit: $runs) {
    ... on Runs { results { runId jobName status creationTime startTime endTime tags { key value } } }
    ... on PythonError { message }
  }
  repositoriesOrError {
    ... on RepositoryConnection {
      nodes { sensors { name sensorState { status ticks(limit: 1) { timestamp status } } } }
    }
    ... on PythonError { message }
  }
  instance { daemonHealth { allDaemonStatuses { daemonType healthy required lastHeartbeatTime } } }
}"""
QUESTION = {"query": " ".join(QUERY.split()), "variables": {"runs": RUNS}}
JOBS = {"__ASSET_JOB": "assets"}  # runs of no named job
BY = ("dagster/sensor_name", "dagster/schedule_name", "dagster/backfill")
MOMENT = pl.Datetime("us", "UTC")
Schema = Mapping[str, pl.DataType]
OF_RUNS: Schema = {
    "run": pl.String(),
    "job": pl.String(),
    "status": pl.String(),
    "by": pl.String(),
    "created": MOMENT,
    "seconds": pl.Float64(),
    "waited": pl.Float64(),
}
OF_SENSORS: Schema = {
    "sensor": pl.String(),
    "status": pl.String(),
    "last_look": MOMENT,
    "seconds_ago": pl.Float64(),
    "outcome": pl.String(),
}
OF_DAEMONS: Schema = {"daemon": pl.String(), "healthy": pl.Boolean(), "heartbeat": MOMENT, "seconds_ago": pl.Float64()}


@dataclass(frozen=True)
class Told:
    """What it told; `problem` says why it told nothing, and is empty where it did."""

    problem: str = ""
    runs: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=OF_RUNS))
    sensors: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=OF_SENSORS))
    daemons: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=OF_DAEMONS))


def asked(url: str, now: datetime) -> Told:
    """Ask the webserver at this address. Never raises for what it says, or does not."""
    try:
        answer = httpx.post(f"{url}/graphql", json=QUESTION, timeout=SECONDS)
        answer.raise_for_status()
        return _told(answer.json()["data"], now)
    except httpx.HTTPError as error:
        return Told(f"{type(error).__name__}: {error}")
    except (KeyError, TypeError, ValueError) as error:
        return Told(f"it answered, but not as this version of Dagster does ({type(error).__name__}: {error})")


def command_for(url: str) -> str:
    """How a person asks the same."""
    header = "content-type: application/json"
    return shlex.join(["curl", "-s", f"{url}/graphql", "-H", header, "-d", json.dumps(QUESTION)])


def _told(data: Mapping[str, Any], now: datetime) -> Told:
    for part in (data["runsOrError"], data["repositoriesOrError"]):
        if "message" in part:
            return Told(str(part["message"]))
    sensors = [one for node in data["repositoriesOrError"]["nodes"] for one in node["sensors"]]
    daemons = data["instance"]["daemonHealth"]["allDaemonStatuses"]
    return Told(
        runs=pl.DataFrame([_run(one) for one in data["runsOrError"]["results"]], schema=OF_RUNS),
        sensors=pl.DataFrame([_sensor(one, now) for one in sensors], schema=OF_SENSORS).sort("sensor"),
        daemons=pl.DataFrame([_daemon(one, now) for one in daemons if one["required"]], schema=OF_DAEMONS),
    )


def _run(run: Mapping[str, Any]) -> dict[str, object]:
    tags = {one["key"]: one["value"] for one in run["tags"]}
    created, began, ended = run["creationTime"], run["startTime"], run["endTime"]
    return {
        "run": run["runId"][:8],
        "job": JOBS.get(run["jobName"], run["jobName"]),
        "status": run["status"],
        "by": next((tags[key] for key in BY if key in tags), "a person or a command"),
        "created": _moment(created),
        "seconds": round(ended - began, 1) if began and ended else None,
        "waited": round(began - created, 1) if began and created else None,
    }


def _sensor(sensor: Mapping[str, Any], now: datetime) -> dict[str, object]:
    state = sensor["sensorState"]
    tick = next(iter(state["ticks"]), None)
    looked = _moment(tick["timestamp"]) if tick else None
    return {
        "sensor": sensor["name"],
        "status": state["status"],
        "last_look": looked,
        "seconds_ago": round((now - looked).total_seconds(), 1) if looked else None,
        "outcome": tick["status"] if tick else None,
    }


def _daemon(daemon: Mapping[str, Any], now: datetime) -> dict[str, object]:
    beat = _moment(daemon["lastHeartbeatTime"])
    ago = round((now - beat).total_seconds(), 1) if beat else None
    return {"daemon": daemon["daemonType"], "healthy": daemon["healthy"], "heartbeat": beat, "seconds_ago": ago}


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
