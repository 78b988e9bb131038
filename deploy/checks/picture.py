"""The architecture as a picture, made from the graph: who is there, and a numbered line for each connection and each right, with its words.

Where things stand is decided here, and nothing else: a thing that the graph has and that stands nowhere is an error. What each pod needs in
the same way (names, the metadata server, Google's APIs, the database) is told once, below.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import hypot

from drawing import Box, Dot, Line, Shape, Text
from stack.edges import APIS, DATABASE, DNS, KUBERNETES, LOAD_BALANCER, METADATA, PROMETHEUS, VENUES, Edge, Place

from checks.graph import Graph
from checks.manifests import Manifest

WIDTH, HEIGHT = 1180, 740
WIDE, TALL = 156, 54
BADGE, HEAD = 10, 8
LINE = 19
NAMES_PORT = 53
EACH_POD = (DNS, METADATA, APIS, DATABASE)
PRODUCERS, OPERATORS, RAW, LAKE, TOPIC, SPARK = "producers", "operators", "raw", "lake", "events", "spark"
STANDS = {
    VENUES.name: (30, 190),
    PROMETHEUS.name: (30, 336),
    LOAD_BALANCER.name: (30, 660),
    "recorder": (370, 80),
    "run": (370, 180),
    "daemon": (370, 280),
    "code": (370, 380),
    "webserver": (370, 480),
    "serving": (370, 580),
    RAW: (760, 80),
    TOPIC: (720, 210),
    KUBERNETES.name: (720, 350),
    LAKE: (760, 520),
    PRODUCERS: (1000, 80),
    SPARK: (1000, 270),
    OPERATORS: (1000, 660),
}
WORDS = {
    PRODUCERS: ("Producers", "land raw files"),
    VENUES.name: ("Venues, webhooks", "on the internet"),
    LOAD_BALANCER.name: ("Load balancer", "TLS"),
    OPERATORS: ("Operators", "people"),
    "recorder": ("Recorders", "a volume each"),
    "run": ("Runs", "a job each"),
    "code": ("Code server", "assets, sensors"),
    "daemon": ("Daemon", "one"),
    KUBERNETES.name: ("Kubernetes' API", "of the cluster"),
    "webserver": ("Webserver", "Dagster's UI"),
    "serving": ("Serving", "API, dashboard"),
    PROMETHEUS.name: ("Prometheus", "Google's, managed"),
    RAW: ("Bucket raw", "keeps old versions"),
    TOPIC: ("Pub/Sub", "topic, subscription"),
    SPARK: ("Spark batches", "serverless"),
    LAKE: ("Bucket lake", "tables, models, logs"),
}
ROLES = {
    "objectCreator": "creates",
    "objectViewer": "reads",
    "objectUser": "reads, writes, deletes",
    "legacyBucketReader": "looks at the bucket",
}


@dataclass(frozen=True)
class Arrow:
    """From one thing to another, and what for."""

    source: str
    target: str
    words: str


def arrows(graph: Graph, edges: Sequence[Edge]) -> list[Arrow]:
    """All that the graph has, but for what is the same of each pod; those between the same two are one. `edges` say what connections
    are for."""
    every = sorted(
        (*_rights(graph), *_events(graph), *_connections(graph, edges)),
        key=lambda one: (one.source, one.target, one.words),
    )
    joined = [
        Arrow(*ends, "; ".join(dict.fromkeys(one.words for one in same)))
        for ends, same in groupby(every, key=lambda one: (one.source, one.target))
    ]
    order = list(STANDS)
    return sorted(joined, key=lambda one: (order.index(one.source), order.index(one.target)))


def common(graph: Graph) -> str:
    """What each pod needs in the same way. Raises ValueError where one does not."""
    pods = {one.name for policy in _policies(graph) for one in EACH_POD if one.name in _peers(policy, "egress", "to")}
    if missing := {one.name for one in EACH_POD} - pods:
        raise ValueError(f"no pod reaches {missing}")
    for policy in _policies(graph):
        reached = _peers(policy, "egress", "to")
        if missing := [one.name for one in EACH_POD if one.name not in reached]:
            raise ValueError(f"{policy['metadata']['name']} does not reach {missing}")
    names = [one.name for one in EACH_POD]
    return f"Each pod also reaches {', '.join(names[:-1])} and {names[-1]} (Cloud SQL). Nothing else is let through."


def shapes(graph: Graph, edges: Sequence[Edge]) -> tuple[list[Shape], float]:
    """The picture, and how tall it is."""
    told = arrows(graph, edges)
    drawn: list[Shape] = [
        Box(340, 30, 216, 624, "stripe", "line"),
        Text(352, 52, "GKE Autopilot", "soft", 12, bold=True),
        Text(352, 69, "private nodes, one namespace", "soft", 12),
    ]
    numbers: list[Shape] = []
    for number, arrow in enumerate(told, 1):
        lines, badge = _arrow(arrow, number, told)
        drawn += lines
        numbers += badge
    for name, (x, y) in STANDS.items():
        title, words = WORDS[name]
        drawn += [
            Box(x, y, WIDE, TALL, "card", "wire"),
            Text(x + 12, y + 23, title, bold=True),
            Text(x + 12, y + 42, words, "soft", 12),
        ]
    drawn += numbers
    top, half = HEIGHT + 10.0, (len(told) + 1) // 2
    for number, arrow in enumerate(told, 1):
        column, row = divmod(number - 1, half)
        x, y = 40 + column * 570, top + row * LINE
        ends = f"{WORDS[arrow.source][0]} → {WORDS[arrow.target][0]}: "
        drawn += [
            Text(x, y, str(number), "dimension", 12, bold=True, from_right=True),
            Text(x + 10, y, f"{ends}{arrow.words}", size=12),
        ]
    bottom = top + half * LINE + 14
    drawn.append(Text(30, bottom, common(graph), "soft", 12))
    return drawn, bottom + 20


def _arrow(arrow: Arrow, number: int, told: list[Arrow]) -> tuple[list[Shape], list[Shape]]:
    """The line with its head, and the number on it. Two that lead there and back lie beside each other."""
    (sx, sy), (tx, ty) = (_middle(arrow.source), _middle(arrow.target))
    length = hypot(tx - sx, ty - sy)
    dx, dy = (tx - sx) / length, (ty - sy) / length
    if any((one.source, one.target) == (arrow.target, arrow.source) for one in told):
        sx, sy, tx, ty = sx - dy * 9, sy + dx * 9, tx - dy * 9, ty + dx * 9
    begin, end = _leaves(sx, sy, dx, dy), _leaves(tx, ty, -dx, -dy)
    head = [
        Line([end, (end[0] - HEAD * (dx + side * dy * 0.5), end[1] - HEAD * (dy - side * dx * 0.5))], "wire")
        for side in (1, -1)
    ]
    # Those that begin together go apart with each step: their numbers do not meet.
    at = 0.24 + 0.17 * [one.target for one in told if one.source == arrow.source].index(arrow.target)
    x, y = begin[0] + (end[0] - begin[0]) * at, begin[1] + (end[1] - begin[1]) * at
    label = Text(x + (3.5 if number < 10 else 7), y + 4, str(number), "on_band", 11, bold=True, from_right=True)
    return [Line([begin, end], "wire"), *head], [Dot(x, y, BADGE, "dimension"), label]


def _middle(name: str) -> tuple[float, float]:
    x, y = STANDS[name]
    return x + WIDE / 2, y + TALL / 2


def _leaves(x: float, y: float, dx: float, dy: float) -> tuple[float, float]:
    """Where a line from the middle of a box leaves it."""
    steps = [half / abs(step) for half, step in ((WIDE / 2, dx), (TALL / 2, dy)) if step]
    return x + dx * min(steps), y + dy * min(steps)


def _rights(graph: Graph) -> Iterator[Arrow]:
    """Who may do what in which bucket."""
    accounts = {one.at("accountId"): one.name for one in graph.of("serviceaccount/account:Account")}
    for one in graph.of("storage/bucketIAMMember:BucketIAMMember"):
        bucket = str(one.at("bucket")).rpartition("-")[2]
        role = ROLES[str(one.at("role")).rpartition(".")[2]]
        if bucket not in {RAW, LAKE} or role == ROLES["legacyBucketReader"]:
            continue
        account = str(one.at("member")).partition(":")[2].partition("@")[0]
        known = accounts.get(account)
        who = known or (PRODUCERS if one.name.startswith("producer") else OPERATORS)
        yield Arrow(who, bucket, role)


def _events(graph: Graph) -> Iterator[Arrow]:
    for one in graph.of("storage/notification:Notification"):
        yield Arrow(RAW, TOPIC, f"tells of each object ({', '.join(one.at('eventTypes'))})")
    for one in graph.of("pubsub/subscriptionIAMMember:SubscriptionIAMMember"):
        account = str(one.at("member")).partition(":")[2].partition("@")[0]
        if account.startswith("cryptodudez-"):
            yield Arrow(account.removeprefix("cryptodudez-"), TOPIC, "pulls what is new")
    if graph.of("iap/webIamMember:WebIamMember"):
        yield Arrow(OPERATORS, LOAD_BALANCER.name, "Identity-Aware Proxy asks who they are")


def _connections(graph: Graph, edges: Sequence[Edge]) -> Iterator[Arrow]:
    """Those that network policies let through; told where they begin, or where they end if they begin outside."""
    why = {(_named(one.source), _named(one.target)): one.why for one in edges}
    for policy in _policies(graph):
        pod = policy["metadata"]["name"]
        reached = [(pod, name, ports) for name, ports in _peers(policy, "egress", "to").items()]
        came = [(name, pod, ports) for name, ports in _peers(policy, "ingress", "from").items()]
        for source, target, ports in (
            *reached,
            *(one for one in came if one[0] in {LOAD_BALANCER.name, PROMETHEUS.name}),
        ):
            if target not in {one.name for one in EACH_POD}:
                yield Arrow(source, target, f"{why[source, target]} (port {', '.join(map(str, ports))})")
    for policy in _policies(graph):
        if KUBERNETES.name in _peers(policy, "egress", "to") and policy["metadata"]["name"] == "daemon":
            yield Arrow(KUBERNETES.name, "run", "starts its pod")


def _named(end: Place | str) -> str:
    return end if isinstance(end, str) else end.name


def _policies(graph: Graph) -> list[Manifest]:
    return [one for one in graph.manifests() if one["kind"] == "NetworkPolicy" and one["spec"]["podSelector"]]


def _peers(policy: Manifest, way: str, end: str) -> Mapping[str, list[int]]:
    """By name, the ports of those that a pod may reach, or that may reach it. Raises ValueError where one has no name."""
    found: dict[str, list[int]] = {}
    for rule in policy["spec"][way]:
        for peer in rule[end]:
            name = _name_of(peer, rule["ports"])
            ports = found.setdefault(name, [])
            ports += [one["port"] for one in rule["ports"] if one["port"] not in ports]
    return found


def _name_of(peer: Manifest, ports: Sequence[Manifest]) -> str:
    if set(peer) == {"podSelector"}:
        return str(peer["podSelector"]["matchLabels"]["app.kubernetes.io/name"])
    if [one["port"] for one in ports] != [NAMES_PORT] and peer.get("ipBlock", {}).get("cidr") in METADATA.networks:
        return METADATA.name  # which answers for names, too, at the same address
    for place in (DNS, METADATA, APIS, DATABASE, KUBERNETES, VENUES, LOAD_BALANCER, PROMETHEUS):
        if peer.get("ipBlock", {}).get("cidr") in place.networks or peer in _pods_of(place):
            return place.name
    raise ValueError(f"{peer} is nowhere in the picture")


def _pods_of(place: Place) -> list[Manifest]:
    return [
        {
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
            "podSelector": {"matchLabels": labels},
        }
        for namespace, labels in place.pods
    ]
