"""What differs between the pods that the program emits and those that podman plays: what is listed here, and nothing else."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from checks.graph import Graph
from checks.runs import job_of
from stack.dagster import DAGSTER_HOME

from cryptodudez_assets_tests.pods import TOKEN_FOLDER, Cluster, Manifest, pod_of

STACKS = ("dev", "prod", "password")
KUBERNETES = ("127.0.0.1", 6443)
MISSING = object()
DIFFERS = {
    r"metadata\.name": "a controller makes it up",
    r"spec\.hostNetwork": "pods share this machine's network",
    r"spec\.containers\.\d+\.ports": "which podman refuses beside that",
    r"spec\.containers\.\d+\.(startupProbe|readinessProbe|livenessProbe|lifecycle)": "asked by whoever plays them",
    r"spec\.containers\.\d+\.command\.\d+": "variables in it",
    r"spec\.containers\.\d+\.volumeMounts\.\d+\.subPath": "a file is mounted",
    r"spec\.volumes\.\d+\.(configMap|hostPath)": "the same file",
    r"spec\.volumes\.\d+": "of a claim, and of the token of who talks to Kubernetes, which Kubernetes adds",
    r"spec\.containers\.\d+\.env\.\d+": "where Kubernetes is, which Kubernetes adds",
    r"spec\.containers\.\d+\.volumeMounts\.\d+": "the token",
}


def owners(graph: Graph) -> list[Manifest]:
    made = [one for one in graph.manifests() if one["kind"] in {"Deployment", "StatefulSet"}]
    return [*made, job_of(graph)]


def differences(before: Any, after: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Where the two differ, and how: as deep as both have the same kind of thing there."""
    if isinstance(before, dict) and isinstance(after, dict):
        for name in before.keys() | after.keys():
            yield from differences(before.get(name, MISSING), after.get(name, MISSING), f"{path}.{name}".lstrip("."))
    elif isinstance(before, list) and isinstance(after, list):
        for number in range(max(len(before), len(after))):
            pair = ([*before, *[MISSING] * len(after)][number], [*after, *[MISSING] * len(before)][number])
            yield from differences(*pair, f"{path}.{number}")
    elif before is MISSING or after is MISSING or before != after:
        yield path, before, after


@pytest.mark.parametrize("stack", STACKS)
def test_nothing_differs_but_what_is_listed(graphs: dict[str, Graph], stack: str, tmp_path: Path) -> None:
    cluster = Cluster(graphs[stack].manifests(), tmp_path, kubernetes=KUBERNETES)
    for owner in owners(graphs[stack]):
        pod, claims = pod_of(owner, cluster)
        template = owner["spec"]["template"]
        for path, before, after in differences({"metadata": template["metadata"], "spec": template["spec"]}, pod):
            if path in {"apiVersion", "kind"}:
                continue
            assert any(re.fullmatch(one, path) for one in DIFFERS), (path, before, after)
        templates = owner["spec"].get("volumeClaimTemplates", [])
        assert [one["spec"] for one in claims] == [one["spec"] for one in templates]


def test_what_is_added_and_taken_away_is_what_was_meant(graphs: dict[str, Graph], tmp_path: Path) -> None:
    cluster = Cluster(graphs["prod"].manifests(), tmp_path, kubernetes=KUBERNETES)
    recorder = cluster.one("StatefulSet", "recorder")
    pod, [claim] = pod_of(recorder, cluster)
    [container] = pod["spec"]["containers"]
    assert container["command"][:4] == ["cryptodudez", "record", "--instance", "recorder-0"]
    assert claim["metadata"]["name"] == "home-recorder-0"
    assert {"name": "home", "persistentVolumeClaim": {"claimName": "home-recorder-0"}} in pod["spec"]["volumes"]

    daemon, _ = pod_of(cluster.one("Deployment", "daemon"), cluster)
    [container] = daemon["spec"]["containers"]
    files = {one["mountPath"]: one["name"] for one in container["volumeMounts"]}
    volumes = {one["name"]: one for one in daemon["spec"]["volumes"]}
    mounted = Path(volumes[files[f"{DAGSTER_HOME}/dagster.yaml"]]["hostPath"]["path"])
    assert mounted.read_text() == cluster.one("ConfigMap", "dagster-instance")["data"]["dagster.yaml"]
    assert volumes[files[TOKEN_FOLDER]]["hostPath"]["path"] == str(cluster.token_folder("daemon"))
    code, _ = pod_of(cluster.one("Deployment", "code"), cluster)
    assert TOKEN_FOLDER not in str(code), "who does not talk to Kubernetes has no token"
