"""The pods of the stack's manifests, as podman plays them: it knows pods, and less of them than Kubernetes does.

`pod_of` is all that differs between what the program emits and what is run here. What only a cluster has (network policies, services,
scaling, budgets of disruptions, priorities, spread over zones, accounts of Google's) has no effect: pods share this machine's network,
and whoever plays them starts, asks and ends them.
"""

import json
import re
from base64 import b64encode
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml  # type: ignore[import-untyped]

from cryptodudez_assets_tests.podman import CommandFailed, inspected, know_hosts, podman

Manifest = dict[str, Any]
PROBES = ("startupProbe", "readinessProbe", "livenessProbe")
TOKEN_FOLDER = "/var/run/secrets/kubernetes.io/serviceaccount"  # noqa: S105  (Kubernetes' own name)
REFERENCE = re.compile(r"\$\(([A-Za-z_][A-Za-z0-9_]*)\)")
ASKED_SECONDS = 60
BY_HTTP = "import sys; from urllib.request import urlopen; urlopen(sys.argv[1], timeout=50)"
BY_GRPC = (
    "import sys, grpc; from grpc_health.v1 import health_pb2 as told, health_pb2_grpc as asked; "
    "answer = asked.HealthStub(grpc.insecure_channel(sys.argv[1])).Check(told.HealthCheckRequest(service=sys.argv[2]), timeout=50); "
    "sys.exit(answer.status != told.HealthCheckResponse.SERVING)"
)
"""Probes are asked in the container, where its port is whatever its network."""


@dataclass(frozen=True)
class Cluster:
    """What pods find around them. `secrets` by name, since a graph hides them; `kubernetes`: host and port of its API."""

    manifests: list[Manifest]
    folder: Path
    """Files that are mounted are laid down here."""
    secrets: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    network: str = "host"
    kubernetes: tuple[str, int] | None = None

    def one(self, kind: str, name: str) -> Manifest:
        """A manifest. Raises KeyError."""
        for manifest in self.manifests:
            if manifest["kind"] == kind and manifest["metadata"]["name"] == name:
                return manifest
        raise KeyError(f"{kind} {name}")

    def prepare(self) -> None:
        """Make the secrets, in the only form in which this podman takes them, and have services be found by their names."""
        know_hosts(one["metadata"]["name"] for one in self.manifests if one["kind"] == "Service")
        for name, values in self.secrets.items():
            with TemporaryDirectory() as folder:
                file = Path(folder) / name
                file.write_text(json.dumps({key: b64encode(value.encode()).decode() for key, value in values.items()}))
                podman("secret", "create", name, file)

    def token_folder(self, account: str) -> Path:
        """What Kubernetes mounts for an account: whose it is, and by whom its API is known."""
        return self.folder / "accounts" / account

    def play(self, owner: Manifest, name: str = "") -> str:
        """Start a pod of a Deployment, a StatefulSet or a Job; its name. Raises CommandFailed."""
        pod, claims = pod_of(owner, self, name)
        named = [pod["metadata"]["name"], *(claim["metadata"]["name"] for claim in claims)]
        # A claim outlives its pod.
        documents = [claim for claim in claims if not _has_volume(claim["metadata"]["name"])]
        documents += [one for one in self.manifests if one["kind"] == "ConfigMap"]
        file = self.folder / f"{named[0]}.yaml"
        file.write_text(yaml.safe_dump_all([*documents, pod], sort_keys=False))
        network = ["--network", self.network] if self.network != "host" else []
        podman("play", "kube", *network, file)
        return str(named[0])

    def end(self) -> None:
        """Remove all pods, and what they wrote."""
        podman("pod", "rm", "--all", "--force", "--time", "0")
        podman("volume", "rm", "--all", "--force")
        podman("secret", "rm", "--all")


def pod_of(owner: Manifest, cluster: Cluster, name: str = "") -> tuple[Manifest, list[Manifest]]:
    """The pod that a Deployment, a StatefulSet or a Job would make, as podman takes it; and the claims that go with it."""
    template = deepcopy(owner["spec"]["template"])
    name = name or (f"{owner['metadata']['name']}-0" if owner["kind"] == "StatefulSet" else owner["metadata"]["name"])
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": template["metadata"] | {"name": name},
        "spec": template["spec"],
    }
    spec = pod["spec"]
    claims = [_claim(one, name) for one in owner["spec"].get("volumeClaimTemplates", ())]
    spec["volumes"] = [
        *spec.get("volumes", ()),
        *(
            {
                "name": one["metadata"]["name"].removesuffix(f"-{name}"),
                "persistentVolumeClaim": {"claimName": one["metadata"]["name"]},
            }
            for one in claims
        ),
    ]
    if cluster.network == "host":
        spec["hostNetwork"] = True
    for container in spec["containers"]:
        container.pop("ports", None)  # podman refuses them beside the host's network
        for left in (*PROBES, "lifecycle"):  # it wants systemd for them, or does not know them: `is_well` asks
            container.pop(left, None)
        _expand(container, name)
        _files_instead_of_keys(container, spec, cluster)
        if spec.get("automountServiceAccountToken"):
            _let_into_kubernetes(container, spec, cluster)
    return pod, claims


def _claim(template: Manifest, pod: str) -> Manifest:
    metadata = template["metadata"] | {"name": f"{template['metadata']['name']}-{pod}"}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": template["spec"]}


def _expand(container: Manifest, pod: str) -> None:
    """Kubernetes puts variables into commands, podman does not."""
    known = {one["name"]: one.get("value", "") for one in container.get("env", ())}
    known |= {
        one["name"]: pod
        for one in container.get("env", ())
        if one.get("valueFrom", {}).get("fieldRef", {}).get("fieldPath") == "metadata.name"
    }
    for words in ("command", "args"):
        if words in container:
            container[words] = [REFERENCE.sub(lambda found: known[found[1]], word) for word in container[words]]


def _files_instead_of_keys(container: Manifest, spec: Manifest, cluster: Cluster) -> None:
    """One key of a ConfigMap, mounted as a file: this podman would mount all of it as a folder."""
    maps = {one["name"]: one["configMap"]["name"] for one in spec["volumes"] if "configMap" in one}
    for mount in container.get("volumeMounts", ()):
        if "subPath" not in mount or mount["name"] not in maps:
            continue
        key = mount.pop("subPath")
        file = cluster.folder / "maps" / maps[mount["name"]] / key
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(cluster.one("ConfigMap", maps[mount["name"]])["data"][key])
        volume = next(one for one in spec["volumes"] if one["name"] == mount["name"])
        volume.pop("configMap", None)
        volume["hostPath"] = {"path": str(file), "type": "File"}


def _let_into_kubernetes(container: Manifest, spec: Manifest, cluster: Cluster) -> None:
    """What Kubernetes itself adds to a pod that talks to it."""
    if cluster.kubernetes is None:
        return
    host, port = cluster.kubernetes
    container["env"] = [
        *container.get("env", ()),
        {"name": "KUBERNETES_SERVICE_HOST", "value": host},
        {"name": "KUBERNETES_SERVICE_PORT", "value": str(port)},
    ]
    token = {"path": str(cluster.token_folder(spec["serviceAccountName"])), "type": "Directory"}
    spec["volumes"] = [*spec["volumes"], {"name": "token", "hostPath": token}]
    mount = {"name": "token", "mountPath": TOKEN_FOLDER, "readOnly": True}
    container["volumeMounts"] = [*container.get("volumeMounts", ()), mount]


def _has_volume(name: str) -> bool:
    try:
        inspected("volume", name)
    except CommandFailed:
        return False
    return True


def container_of(pod: str, name: str) -> str:
    """What podman calls a container of a pod."""
    return f"{pod}-{name}"


def is_well(owner: Manifest, pod: str, kind: str = "startupProbe") -> bool:
    """What the probe says of each container of a pod that has one; where it listens is told by its ports."""
    return all(
        _asks(container_of(pod, one["name"]), one, one[kind])
        for one in owner["spec"]["template"]["spec"]["containers"]
        if kind in one
    )


def _asks(container: str, told: Manifest, probe: Manifest) -> bool:
    if "exec" in probe:
        command = probe["exec"]["command"]
    elif "httpGet" in probe:
        url = f"http://127.0.0.1:{_port(told, probe['httpGet']['port'])}{probe['httpGet']['path']}"
        command = ["python3", "-c", BY_HTTP, url]
    else:
        where = f"127.0.0.1:{_port(told, probe['grpc']['port'])}"
        command = ["python3", "-c", BY_GRPC, where, probe["grpc"].get("service", "")]
    try:
        podman("exec", container, *command, seconds=ASKED_SECONDS)
    except CommandFailed:
        return False
    return True


def _port(container: Manifest, port: int | str) -> int:
    if isinstance(port, int):
        return port
    number: int = next(one["containerPort"] for one in container["ports"] if one["name"] == port)
    return number
