"""What a stack costs a month: what its graph asks for, times prices that somebody has published.

Reckoned of what runs all the time, and of runs and files as many as an `Assumed` says. What has no published price here is named,
not guessed.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from checks.graph import Graph
from checks.manifests import Manifest, amount, containers_of

HOURS = 730
"""Of a month."""
GIB = 1024**3
GKES, STORAGES = "cloud.google.com/kubernetes-engine/pricing", "cloud.google.com/storage/pricing"
OF_OTHERS = "a third party, not Google"


@dataclass(frozen=True)
class Price:
    """In dollars, of us-central1, and who says so."""

    dollars: float
    unit: str
    source: str


PRICES = {
    "cluster": Price(0.10, "hour", GKES),
    "credit": Price(74.40, "month, of one Autopilot cluster", GKES),
    "pod cores": Price(0.0445, "core and hour", f"{OF_OTHERS}, undated"),
    "pod memory": Price(0.0049225, "GB and hour", f"{OF_OTHERS}, undated"),
    "database cores": Price(0.0413, "core and hour", f"{OF_OTHERS}, May 2026"),
    "database memory": Price(0.007, "GB and hour", f"{OF_OTHERS}, May 2026"),
    "objects": Price(0.020, "GB and month", STORAGES),
    "listings": Price(0.005, "1,000 (class A)", STORAGES),
    "reads": Price(0.0004, "1,000 (class B)", STORAGES),
}
HIGHLY_AVAILABLE = 2.0
"""So many times the price: about, says the same list."""
IDLE_LISTINGS, IDLE_READS = 440, 1320
"""An hour, with events and while nothing lands: measured on the twin (docs/operations.md)."""
NOT_PRICED = (
    "the way out (NAT) and what goes through it",
    "load balancer",
    "disks of the database and of recorders, and what pods write beside",
    "logs and metrics",
    "keys, secrets, images",
    "batches of Spark",
    "prices of other regions: those of the example's, europe-west3, are higher",
)
TIER = re.compile(r"db-custom-(?P<cores>\d+)-(?P<megabytes>\d+)")


@dataclass(frozen=True)
class Assumed:
    """What no graph tells: how long runs run, all together, and how much lies in the buckets, in GB."""

    run_hours: float
    gigabytes: float


@dataclass(frozen=True)
class Line:
    """A part of the month's bill, in dollars, and how it comes about."""

    what: str
    dollars: float
    how: str


def month(graph: Graph, run: Manifest, assumed: Assumed) -> list[Line]:
    """The parts. `run`: the job of a run."""
    cores, memory = 0.0, 0.0
    for pod, replicas in _pods(graph):
        asked = _asked(pod)
        cores, memory = cores + replicas * asked[0], memory + replicas * asked[1]
    of_run = _asked(run["spec"]["template"]["spec"])
    (database,) = graph.of("sql/databaseInstance:DatabaseInstance")
    tier = TIER.fullmatch(database.at("settings.tier", ""))
    if tier is None:
        raise ValueError(f"{database.at('settings.tier')}: only tiers db-custom-… have a price here")
    twice = HIGHLY_AVAILABLE if database.at("settings.availabilityType") == "REGIONAL" else 1.0
    of_database = int(tier["cores"]), int(tier["megabytes"]) / 1024
    return [
        Line("cluster", max(0.0, _at("cluster", HOURS) - _at("credit", 1)), "its fee, less the credit for one"),
        Line("pods", _machine("pod", cores, memory, HOURS), f"{cores:g} cores, {memory:g} GB, all the time"),
        Line(
            "runs",
            _machine("pod", *of_run, assumed.run_hours),
            f"{assumed.run_hours:g} hours of {of_run[0]:g} cores, {of_run[1]:g} GB",
        ),
        Line(
            "database",
            twice * _machine("database", *of_database, HOURS),
            f"{of_database[0]} core{'s' * (of_database[0] > 1)}, {of_database[1]:g} GB{', in two zones' if twice > 1 else ''}",
        ),
        Line("objects", _at("objects", assumed.gigabytes), f"{assumed.gigabytes:,g} GB"),
        Line(
            "requests",
            _at("listings", HOURS * IDLE_LISTINGS / 1000) + _at("reads", HOURS * IDLE_READS / 1000),
            f"{IDLE_LISTINGS + IDLE_READS:,} an hour, while nothing lands",
        ),
    ]


def table(stacks: dict[str, list[Line]]) -> str:
    """The months of several stacks side by side, as Markdown."""
    rows = [f"| | {' | '.join(stacks)} |", f"|---|{'---|' * len(stacks)}"]
    for parts in zip(*stacks.values(), strict=True):
        rows.append(f"| {parts[0].what} | {' | '.join(f'${one.dollars:,.0f}: {one.how}' for one in parts)} |")
    sums = (f"**${sum(one.dollars for one in lines):,.0f}**" for lines in stacks.values())
    rows.append(f"| **together** | {' | '.join(sums)} |")
    return "\n".join(rows)


def prices() -> str:
    """The prices, as Markdown."""
    rows = ["| price of | dollars | for each | source |", "|---|---|---|---|"]
    rows += [f"| {name} | {one.dollars:g} | {one.unit} | {one.source} |" for name, one in PRICES.items()]
    return "\n".join(rows)


def _at(price: str, units: float) -> float:
    return PRICES[price].dollars * units


def _machine(kind: str, cores: float, memory: float, hours: float) -> float:
    return _at(f"{kind} cores", cores * hours) + _at(f"{kind} memory", memory * hours)


def _pods(graph: Graph) -> Iterator[tuple[Manifest, int]]:
    """Pods that run all the time, each with how many of it there are; of those that a scaler makes, the fewest."""
    least = {
        one["spec"]["scaleTargetRef"]["name"]: one["spec"]["minReplicas"]
        for one in graph.manifests()
        if one["kind"] == "HorizontalPodAutoscaler"
    }
    for one in graph.manifests():
        if one["kind"] in {"Deployment", "StatefulSet"}:
            name = one["metadata"]["name"]
            yield one["spec"]["template"]["spec"], least.get(name, one["spec"].get("replicas", 1))


def _asked(pod: Manifest) -> tuple[float, float]:
    """Cores and GB that it asks for, with the sidecars that stay."""
    asked = [one["resources"]["requests"] for one in containers_of(pod)]
    return sum(amount(one["cpu"]) for one in asked), sum(amount(one["memory"]) for one in asked) / GIB
