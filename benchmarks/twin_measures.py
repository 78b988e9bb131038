"""What the twin of the cluster needs from a file in the bucket to the signal, and what it costs while nothing lands.

    python benchmarks/twin_measures.py [--landings 4] [--minutes 2] [--pairs 1] [--idle-minutes 0]
        [--without-signal] [--ask]

Goals: from the PUT to the sensor (a run is requested) under 5 s, to the table under 30 s; while nothing lands, sensors, events and
automation take under 2 % of one core of the platform's processes, which is the difference to the same twin with its sensors off,
measured in turns of `--minutes`; under 2,000 store requests an hour, counted at the gateway. The recorder is off. For a machine
that is otherwise idle: with `--ask` it waits for Enter before each part, with the twin's samples and a model there.
"""

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

import httpx
import psutil  # type: ignore[import-untyped]

sys.path.insert(0, str(Path(__file__).parents[1]))
from cryptodudez_assets_tests.integration.conftest import free_ports
from cryptodudez_assets_tests.twin import Twin, land_samples, twin
from cryptodudez_assets_tests.twin_lake import HEADER, TwinLake

SENSOR_GOAL, TABLE_GOAL = 5.0, 30.0  # seconds
CORE_GOAL, REQUESTS_GOAL = 2.0, 2000.0  # percent of a core, an hour
BEHIND_THE_SIGNAL = ("crypto_prices", "stock_prices", "elon_tweets")
WAY = (
    *("market.crypto_prices", "features.crypto_daily"),
    *("features.market_factors_daily", "features.eth_predictors_daily"),
)
STANDING = ("bucket", "gateway of the bucket")
"""What a cloud has itself."""
SETTLING_SECONDS = 15
PREPARING_SECONDS = 3600.0
SENSORS = "{repositoriesOrError{...on RepositoryConnection{nodes{name location{name} sensors{id name sensorState{id status}}}}}}"
STOP = "mutation($id: String!){stopSensor(id: $id){__typename}}"
START = "mutation($chosen: SensorSelector!){startSensor(sensorSelector: $chosen){__typename}}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--landings", type=int, default=4)
    parser.add_argument("--minutes", type=float, default=2, help="Of each turn with sensors on, and off.")
    parser.add_argument("--pairs", type=int, default=1)
    parser.add_argument(
        "--idle-minutes", type=float, default=0, help="For the requests of an hour; else those of the turns."
    )
    parser.add_argument("--without-signal", action="store_true", help="Land no samples, train nothing.")
    parser.add_argument("--ask", action="store_true", help="Begin each part when Enter is pressed.")
    wanted = parser.parse_args()
    first = datetime.now(UTC).date() - timedelta(days=wanted.landings)
    with (
        tempfile.TemporaryDirectory(prefix="twin-measures-") as folder,
        twin(Path(folder), free_ports(3), books=()) as made,
    ):
        lake = TwinLake(made)
        lake.wait_until_ready()
        before, steps = first - timedelta(days=1), list(WAY)
        if wanted.without_signal:
            del steps[2:]
            lake.put("before.csv", ether(before))  # its runs make the tables
            lake.wait(lambda: not lake.rows(steps[-1]).is_empty(), "the first features")
        else:
            land_samples(made, Path(folder) / "samples", "tiny", BEHIND_THE_SIGNAL, before)
            lake.wait(lambda: lake.serves(before), "a signal of the samples", PREPARING_SECONDS)
        settle(lake)
        fine = True
        if wanted.landings:
            begin(wanted.ask)
            days = [first + timedelta(days=n) for n in range(wanted.landings)]
            fine = landings(lake, days, steps, not wanted.without_signal)
        if wanted.pairs:
            begin(wanted.ask)
            fine = idle(lake, wanted.pairs, wanted.minutes) and fine
        if wanted.idle_minutes:
            begin(False)
            with counting(lake, wanted.idle_minutes) as counted:
                pass
            fine = told_requests(counted, wanted.idle_minutes) and fine
    return 0 if fine else 1


def begin(asks: bool) -> None:
    """Wait for Enter where that is wanted, and say how busy the machine is."""
    if asks:
        input(f"it is {datetime.now(UTC):%H:%M:%S}; Enter begins: ")
    print(f"load {psutil.getloadavg()[0]:.1f} on {psutil.cpu_count()} cores", flush=True)


def settle(lake: TwinLake[Twin]) -> None:
    """Until no run is under way for a while."""
    quiet = time.monotonic()
    while time.monotonic() - quiet < SETTLING_SECONDS:
        time.sleep(1)
        if lake.dagster("SELECT 1 FROM runs WHERE status NOT IN ('SUCCESS', 'FAILURE', 'CANCELED') LIMIT 1"):
            quiet = time.monotonic()


def ether(day: date) -> str:
    """A file with a candle of Ether."""
    return f"{HEADER}1,Ethereum,ETH,{day} 23:59:59,4000,2000,3000,3000,12345,1000000\n"


def landings(lake: TwinLake[Twin], days: Sequence[date], steps: Sequence[str], is_served: bool) -> bool:
    """A candle of one more day each time; prints how long each step took, and returns whether goals are met."""
    taken: dict[str, list[float]] = {name: [] for name in ("sensor", *steps)}
    for day in days:
        since = lake.put(f"{day}.csv", ether(day))
        if is_served:
            lake.wait(lambda day=day: lake.serves(day), "the signal")  # type: ignore[misc]
            taken.setdefault("signal", []).append(time.time() - since)
        lake.wait(lambda since=since: lake.changed(steps[-1], since) > 0, "the features")  # type: ignore[misc]
        taken["sensor"].append(lake.first_run(since))
        for name in steps:
            taken[name].append(lake.changed(name, since))
        settle(lake)
    goals = {"sensor": SENSOR_GOAL, WAY[0]: TABLE_GOAL}
    for name, seconds in taken.items():
        goal = f" (goal: under {goals[name]:.0f})" if name in goals else ""
        each = " ".join(f"{one:.1f}" for one in seconds)
        print(f"PUT to {name:32} {median(seconds):6.1f} s in the median of {each}{goal}", flush=True)
    return all(median(taken[name]) < goal for name, goal in goals.items())


def idle(lake: TwinLake[Twin], pairs: int, minutes: float) -> bool:
    """Nothing lands, with sensors off and on in turn; prints what each process took, and returns whether goals are met."""
    on: Counter[str] = Counter()
    off: Counter[str] = Counter()
    asked: Counter[str] = Counter()
    for _ in range(pairs):
        switch(lake.made, is_on=False)
        settle_ticks()
        off.update(taken_in(lake.made, minutes))
        switch(lake.made, is_on=True)
        settle_ticks()
        with counting(lake) as counted:
            on.update(taken_in(lake.made, minutes))
        asked.update(counted)
    percent = {name: 100 / (60 * minutes * pairs) for name in on}
    print(f"percent of a core, while nothing lands, {pairs} x {minutes:g} minutes each; sensors on, off, difference")
    for name in [*sorted(on, key=lambda one: -on[one])]:
        print(
            f"  {name:24} {on[name] * percent[name]:6.2f} {off[name] * percent[name]:6.2f} {(on[name] - off[name]) * percent[name]:6.2f}"
        )
    ours = [name for name in on if name not in STANDING]
    added = sum((on[name] - off[name]) * percent[name] for name in ours)
    total = sum(on[name] * percent[name] for name in ours)
    print(
        f"the platform and PostgreSQL {total:6.2f}; sensors, events and automation add {added:.2f} (goal: under {CORE_GOAL:.0f})"
    )
    return told_requests(asked, minutes * pairs) and added < CORE_GOAL


def told_requests(counted: Mapping[str, int], minutes: float) -> bool:
    """Print requests an hour, and return whether the goal is met."""
    hourly = {kind: number * 60 / minutes for kind, number in sorted(counted.items())}
    parts = ", ".join(f"{kind} {number:.0f}" for kind, number in hourly.items())
    print(
        f"store requests an hour      {sum(hourly.values()):6.0f} (goal: under {REQUESTS_GOAL:.0f}): {parts}",
        flush=True,
    )
    return sum(hourly.values()) < REQUESTS_GOAL


@contextmanager
def counting(lake: TwinLake[Twin], minutes: float = 0) -> Iterator[Counter[str]]:
    """What is asked of the bucket while the context lasts, and so many minutes; known behind it."""
    counted: Counter[str] = Counter()
    lake.made.store.counted()  # what was asked before
    yield counted
    time.sleep(minutes * 60)
    counted.update(lake.made.store.counted())


def taken_in(made: Twin, minutes: float) -> dict[str, float]:
    """Seconds of processor time that each process, with what it started, takes in so many minutes."""
    before = used(made)
    time.sleep(minutes * 60)
    return {name: seconds - before[name] for name, seconds in used(made).items()}


def used(made: Twin) -> dict[str, float]:
    """Seconds of processor time by now."""
    return {name: sum(map(seconds_of, processes)) for name, processes in made.trees().items()}


def seconds_of(process: psutil.Process) -> float:
    """Its processor time, with that of children that have ended."""
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:  # its parent has its times now
        return 0.0
    return float(times.user + times.system + times.children_user + times.children_system)


def settle_ticks() -> None:
    """Until ticks that were under way have ended."""
    time.sleep(SETTLING_SECONDS)


def switch(made: Twin, is_on: bool) -> None:
    """Stop or start all sensors, as the UI does."""
    for repository in asked(made, SENSORS, {})["repositoriesOrError"]["nodes"]:
        for sensor in repository["sensors"]:
            name, place = sensor["name"], repository["location"]["name"]
            chosen = {"sensorName": name, "repositoryName": repository["name"], "repositoryLocationName": place}
            if is_on:
                asked(made, START, {"chosen": chosen})
            else:
                asked(made, STOP, {"id": sensor["id"]})


def asked(made: Twin, query: str, variables: Mapping[str, object]) -> Any:
    """What Dagster's webserver answers."""
    told = httpx.post(
        f"{made.addresses['Dagster UI']}/graphql", json={"query": query, "variables": variables}, timeout=60
    ).json()
    if "errors" in told:
        raise RuntimeError(told["errors"])
    return told["data"]


if __name__ == "__main__":
    sys.exit(main())
