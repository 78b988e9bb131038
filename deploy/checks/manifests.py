"""What Kubernetes would be given: whether its schemas take it, and what schemas do not see, such as names that lead nowhere.

A finding is a line; none is what a test wants. Kinds of Google's own (`PodMonitoring`, `BackendConfig` …) have no schema that can be had.
"""

import re
from collections.abc import Iterator
from typing import Any

import kubernetes_validate

Manifest = dict[str, Any]
VERSION = "1.37"
"""Of Kubernetes, whose schemas are meant."""
WITHOUT_SCHEMA = {"PodMonitoring", "ManagedCertificate", "FrontendConfig", "BackendConfig"}
NAMES = {"configMapRef": "ConfigMap", "secretRef": "Secret", "configMapKeyRef": "ConfigMap", "secretKeyRef": "Secret"}
"""How a container names what its environment is made of."""
QUANTITY = re.compile(r"^[0-9]+(\.[0-9]+)?(m|Ki|Mi|Gi|Ti|k|M|G|T)?$")
MULTIPLES = {
    "": 1.0,
    "m": 0.001,
    "Ki": 2.0**10,
    "Mi": 2.0**20,
    "Gi": 2.0**30,
    "Ti": 2.0**40,
    "k": 1e3,
    "M": 1e6,
    "G": 1e9,
    "T": 1e12,
}
LEAST_CPU, MOST_CPU = 0.25, 30.0
LEAST_GIB_A_CORE, MOST_GIB_A_CORE = 1.0, 6.5
MOST_DISK = 10 * 2**30
"""Autopilot's, of a pod of the general-purpose class: what is asked otherwise it changes."""


def findings(manifests: list[Manifest], run: Manifest) -> list[str]:
    """All of what is wrong. `run`: a pod as the launcher of runs makes it (`runs.py`)."""
    return [
        finding
        for check in (_schema, _selectors, _quantities, _references, _ports, _autopilot, _policies)
        for finding in check([*manifests, run])
    ]


def name_of(manifest: Manifest) -> str:
    """`Deployment/serving`."""
    return f"{manifest['kind']}/{manifest['metadata']['name']}"


def pods_of(manifests: list[Manifest]) -> Iterator[tuple[str, Manifest, Manifest]]:
    """Whose it is, its labels and its spec, of each pod that something makes."""
    for manifest in manifests:
        if manifest["kind"] in {"Deployment", "StatefulSet", "Job"}:
            made = manifest["spec"]["template"]
            yield name_of(manifest), made["metadata"]["labels"], made["spec"]


def containers_of(pod: Manifest) -> list[Manifest]:
    """All of a pod's containers, those that begin first among them."""
    return [*pod.get("initContainers", ()), *pod["containers"]]


def amount(quantity: str | float) -> float:
    """The number that a quantity means: cores, or bytes. Raises ValueError."""
    if not QUANTITY.match(str(quantity)):
        raise ValueError(f"{quantity!r} is no quantity")
    digits = re.match(r"[0-9.]+", str(quantity))
    assert digits is not None
    return float(digits[0]) * MULTIPLES[str(quantity)[digits.end() :]]


def _schema(manifests: list[Manifest]) -> Iterator[str]:
    for manifest in manifests:
        if manifest["kind"] in WITHOUT_SCHEMA:
            continue
        try:
            kubernetes_validate.validate(manifest, VERSION, strict=True)
        except kubernetes_validate.ValidationError as error:
            yield f"{name_of(manifest)}: {'.'.join(map(str, error.path))}: {error.message[:300]}"


def _selectors(manifests: list[Manifest]) -> Iterator[str]:
    pods = {owner: labels for owner, labels, _ in pods_of(manifests)}

    def selects(wanted: Manifest) -> bool:
        return any(wanted.items() <= labels.items() for labels in pods.values())

    for manifest in manifests:
        spec, name = manifest.get("spec", {}), name_of(manifest)
        if manifest["kind"] in {"Deployment", "StatefulSet"}:
            if not spec["selector"]["matchLabels"].items() <= pods[name].items():
                yield f"{name}: does not select its own pods"
        elif (manifest["kind"] == "Service" and not selects(spec["selector"])) or (
            manifest["kind"] in {"PodDisruptionBudget", "PodMonitoring"}
            and not selects(spec["selector"]["matchLabels"])
        ):
            yield f"{name}: selects no pod"
        elif manifest["kind"] == "HorizontalPodAutoscaler":
            target = f"{spec['scaleTargetRef']['kind']}/{spec['scaleTargetRef']['name']}"
            if target not in pods:
                yield f"{name}: there is no {target}"


def _quantities(manifests: list[Manifest]) -> Iterator[str]:
    for owner, _, pod in pods_of(manifests):
        for container in containers_of(pod):
            for kind, asked in container.get("resources", {}).items():
                for what, quantity in asked.items():
                    try:
                        amount(quantity)
                    except ValueError as error:
                        yield f"{owner}: {container['name']}: {kind} of {what}: {error}"


def _references(manifests: list[Manifest]) -> Iterator[str]:
    there = {name_of(one) for one in manifests}
    for owner, _, pod in pods_of(manifests):
        yield from (f"{owner}: there is no {one}" for one in _wanted_by(pod) if one not in there)
        yield from _mounts(owner, pod, manifests)
    for manifest in manifests:
        wanted: list[str] = []
        if manifest["kind"] == "RoleBinding":
            wanted = [f"{one['kind']}/{one['name']}" for one in (manifest["roleRef"], *_ours(manifest))]
        elif manifest["kind"] == "Ingress":
            paths = [path for rule in manifest["spec"]["rules"] for path in rule["http"]["paths"]]
            wanted = [f"Service/{path['backend']['service']['name']}" for path in paths]
        yield from (f"{name_of(manifest)}: there is no {one}" for one in wanted if one not in there)


def _ours(binding: Manifest) -> list[Manifest]:
    """Those that are bound of our own namespace."""
    here: list[Manifest] = [one for one in binding["subjects"] if one["namespace"] == binding["metadata"]["namespace"]]
    return here


def _wanted_by(pod: Manifest) -> Iterator[str]:
    """What a pod names, that must be there before it starts."""
    yield f"ServiceAccount/{pod.get('serviceAccountName', 'default')}"
    if "priorityClassName" in pod:
        yield f"PriorityClass/{pod['priorityClassName']}"
    for volume in pod.get("volumes", ()):
        if "configMap" in volume:
            yield f"ConfigMap/{volume['configMap']['name']}"
        if "secret" in volume:
            yield f"Secret/{volume['secret']['secretName']}"
    for container in containers_of(pod):
        told = [*container.get("envFrom", ()), *(one.get("valueFrom", {}) for one in container.get("env", ()))]
        for source in told:
            for name, kind in NAMES.items():
                if name in source:
                    yield f"{kind}/{source[name]['name']}"


def _mounts(owner: str, pod: Manifest, manifests: list[Manifest]) -> Iterator[str]:
    claims = next((one["spec"].get("volumeClaimTemplates", ()) for one in manifests if name_of(one) == owner), ())
    volumes = {one["name"] for one in pod.get("volumes", ())} | {one["metadata"]["name"] for one in claims}
    for container in containers_of(pod):
        for mount in container.get("volumeMounts", ()):
            if mount["name"] not in volumes:
                yield f"{owner}: {container['name']}: there is no volume {mount['name']}"


def _ports(manifests: list[Manifest]) -> Iterator[str]:
    """A service, and a probe, lead to a port that somebody listens at."""
    for owner, labels, pod in pods_of(manifests):
        for container in containers_of(pod):
            ports = {str(key) for one in container.get("ports", ()) for key in (one.get("name"), one["containerPort"])}
            for kind in ("startupProbe", "readinessProbe", "livenessProbe"):
                probe = container.get(kind, {})
                asked = probe.get("httpGet", probe.get("grpc", {})).get("port")
                if asked is not None and str(asked) not in ports:
                    yield f"{owner}: {container['name']}: {kind} asks at port {asked}, where nobody listens"
        named = {one.get("name") for container in containers_of(pod) for one in container.get("ports", ())}
        for manifest in manifests:
            if manifest["kind"] != "Service" or not manifest["spec"]["selector"].items() <= labels.items():
                continue
            for port in manifest["spec"].get("ports", ()):
                if port["targetPort"] not in named:
                    yield f"{name_of(manifest)}: leads to port {port['targetPort']} of {owner}, where nobody listens"


def _autopilot(manifests: list[Manifest]) -> Iterator[str]:
    for owner, _, pod in pods_of(manifests):
        total = {"cpu": 0.0, "memory": 0.0, "ephemeral-storage": 0.0}
        for container in containers_of(pod):
            asked = container.get("resources", {})
            for what in total:
                if asked.get("requests", {}).get(what) != asked.get("limits", {}).get(what):
                    yield f"{owner}: {container['name']}: {what} is asked for otherwise than it is limited"
                total[what] += amount(asked.get("requests", {}).get(what, 0))
        if total["ephemeral-storage"] > MOST_DISK:
            yield f"{owner}: may write {total['ephemeral-storage'] / 2**30:g} GiB: Autopilot gives ten"
        if not LEAST_CPU <= total["cpu"] <= MOST_CPU or total["cpu"] % 0.25:
            yield f"{owner}: {total['cpu']:g} cores: Autopilot gives {LEAST_CPU:g} to {MOST_CPU:g}, by quarters"
        elif not LEAST_GIB_A_CORE <= total["memory"] / 2**30 / total["cpu"] <= MOST_GIB_A_CORE:
            yield f"{owner}: {total['memory'] / 2**30:g} GiB for {total['cpu']:g} cores: Autopilot changes that"


def _policies(manifests: list[Manifest]) -> Iterator[str]:
    """Each pod has a policy of its own beside that which refuses everything, and each connection is allowed at both ends."""
    policies = [one["spec"] | {"name": name_of(one)} for one in manifests if one["kind"] == "NetworkPolicy"]
    if not any(one["podSelector"] == {} and not one.get("ingress") and not one.get("egress") for one in policies):
        yield "no NetworkPolicy refuses what is not allowed"
    of = {one["podSelector"]["matchLabels"]["app.kubernetes.io/name"]: one for one in policies if one["podSelector"]}
    for owner, labels, _ in pods_of(manifests):
        if labels["app.kubernetes.io/name"] not in of:
            yield f"{owner}: no NetworkPolicy is of its pods"
    for app, policy in of.items():
        for way, back, ends in (("egress", "ingress", ("to", "from")), ("ingress", "egress", ("from", "to"))):
            for rule in policy.get(way, ()):
                for peer in rule[ends[0]]:
                    if set(peer) != {"podSelector"}:
                        continue
                    other = peer["podSelector"]["matchLabels"]["app.kubernetes.io/name"]
                    answer = {"podSelector": {"matchLabels": policy["podSelector"]["matchLabels"]}}
                    if not any(
                        answer in one[ends[1]] and one["ports"] == rule["ports"]
                        for one in of.get(other, {}).get(back, ())
                    ):
                        yield f"NetworkPolicy/{app}: {way} {other} at {rule['ports']} is refused at the other end"
