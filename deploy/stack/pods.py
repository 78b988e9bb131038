"""What is the same of every pod: who it is, what it may not do, where it may write, its settings, and the way into the database.

A pod is a plain mapping in Kubernetes' own words, so that what is told to Pulumi, written as a manifest and given to Dagster's launcher of
runs is one thing. Nothing here is of one workload.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pulumi

from stack.config import Size
from stack.database import PORT
from stack.environment import HOME
from stack.naming import labels

USER = 10001
SETTINGS = "settings"
"""The ConfigMap with the settings that are no secrets; `secrets.py` has the Secret of that name."""
WRITABLE = {"home": HOME, "tmp": "/tmp"}  # noqa: S108  (of a container)
PROXY_HEALTH = 9090
PROXY_DISK = 0.125
HOME_SHARE = 0.625
"""Of what a container may write; the rest is the temporary folder's."""
PROXY_SIZE = Size(cpu=0.25, memory=0.5)
ENDS_WITHIN_SECONDS = 60

Spec = dict[str, Any]


@dataclass(frozen=True)
class Connection:
    """How a workload reaches the database. `instance`: for the proxy beside it; without it there is none."""

    addresses: Mapping[str, pulumi.Input[str]] | str
    """By environment variable; or the name of a Secret that has them."""
    instance: pulumi.Input[str] | None = None
    proxy_image: str = ""


@dataclass(frozen=True)
class Container:
    """What is particular to a workload."""

    app: str
    image: pulumi.Input[str]
    command: Sequence[str]
    size: Size
    disk: float = 2
    """GiB that it may write, to its home and to the temporary folder; a pod has ten at most."""
    port: int | None = None
    """What it listens at, where it listens."""
    probes: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    of_the_pod: Mapping[str, str] = field(default_factory=dict)
    """Variables that are fields of the pod, such as its name."""
    mounts: Sequence[Spec] = ()
    volumes: Sequence[Spec] = ()
    keeps_home: bool = False
    """Whether its home is on a volume of its own, which somebody else declares."""
    secrets: bool = False
    talks_to_kubernetes: bool = False


def pod(container: Container, connection: Connection | None, **more: Any) -> Spec:
    """The pod's spec."""
    homes = (
        []
        if container.keeps_home
        else [{"name": "home", "emptyDir": {"sizeLimit": _mebibytes(container.disk * HOME_SHARE)}}]
    )
    return {
        "serviceAccountName": container.app,
        "automountServiceAccountToken": container.talks_to_kubernetes,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": ENDS_WITHIN_SECONDS,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "runAsGroup": USER,
            "fsGroup": USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        **({"initContainers": [_proxy(connection)]} if connection and connection.instance is not None else {}),
        "containers": [main_container(container, connection)],
        "volumes": [
            *homes,
            {"name": "tmp", "emptyDir": {"sizeLimit": _mebibytes(container.disk * (1 - HOME_SHARE))}},
            *container.volumes,
        ],
        **more,
    }


def main_container(container: Container, connection: Connection | None) -> Spec:
    """The container that does the work."""
    variables = [
        *(
            {"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}}
            for name, path in container.of_the_pod.items()
        ),
        *({"name": name, "value": value} for name, value in container.environment.items()),
    ]
    sources: list[Spec] = [{"configMapRef": {"name": SETTINGS}}]
    if container.secrets:
        sources.append({"secretRef": {"name": SETTINGS}})
    addresses = connection.addresses if connection else {}
    if isinstance(addresses, str):
        sources.append({"secretRef": {"name": addresses}})
    else:
        variables += [{"name": name, "value": value} for name, value in addresses.items()]
    return {
        "name": container.app,
        "image": container.image,
        "command": list(container.command),
        "env": variables,
        "envFrom": sources,
        **({"ports": [{"name": "main", "containerPort": container.port}]} if container.port else {}),
        **container.probes,
        "resources": resources(container.size, container.disk),
        "securityContext": _hardened(),
        "volumeMounts": [
            *({"name": name, "mountPath": path} for name, path in WRITABLE.items()),
            *container.mounts,
        ],
    }


def template(container: Container, connection: Connection | None, **more: Any) -> Spec:
    """A pod as Deployments and StatefulSets take it."""
    annotations = more.pop("annotations", {})
    spec = pod(container, connection, **more)
    if "topologySpreadConstraints" not in more:
        spec["topologySpreadConstraints"] = [
            {
                "maxSkew": 1,
                "topologyKey": "topology.kubernetes.io/zone",
                "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {"matchLabels": labels(container.app)},
            }
        ]
    return {"metadata": {"labels": labels(container.app), "annotations": annotations}, "spec": spec}


def resources(size: Size, disk: float) -> Spec:
    """Requests are limits: Autopilot makes them so. `disk` in GiB."""
    asked = {
        "cpu": f"{round(size.cpu * 1000)}m",
        "memory": _mebibytes(size.memory),
        "ephemeral-storage": _mebibytes(disk),
    }
    return {"requests": asked, "limits": asked}


def _mebibytes(gibibytes: float) -> str:
    return f"{round(gibibytes * 1024)}Mi"


def asks(path: str, port: int | str = "main", **more: int) -> Spec:
    """A probe by HTTP."""
    return {"httpGet": {"path": path, "port": port}, "timeoutSeconds": 5} | more


def runs(*command: str, **more: int) -> Spec:
    """A probe by a command in the container."""
    return {"exec": {"command": list(command)}, "timeoutSeconds": 30} | more


def _proxy(connection: Connection) -> Spec:
    """The way into the database, as a native sidecar: it is there before the container, and ends behind it, so that jobs end."""
    return {
        "name": "cloud-sql-proxy",
        "image": connection.proxy_image,
        "restartPolicy": "Always",
        "args": [
            "--private-ip",
            "--auto-iam-authn",
            "--structured-logs",
            "--health-check",
            "--http-address=0.0.0.0",
            f"--http-port={PROXY_HEALTH}",
            f"--port={PORT}",
            connection.instance,
        ],
        "ports": [{"name": "proxy-health", "containerPort": PROXY_HEALTH}],
        "startupProbe": asks("/startup", PROXY_HEALTH, periodSeconds=1, failureThreshold=60),
        "livenessProbe": asks("/liveness", PROXY_HEALTH, periodSeconds=30, failureThreshold=3),
        "resources": resources(PROXY_SIZE, PROXY_DISK),
        "securityContext": _hardened(),
    }


def _hardened() -> Spec:
    return {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "runAsNonRoot": True,
        "capabilities": {"drop": ["ALL"]},
    }
