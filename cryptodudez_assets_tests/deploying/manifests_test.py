"""Kubernetes' schemas take every manifest, a run's job among them; what schemas do not see is looked for, and found where it is broken."""

import re
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml
from checks.graph import Graph
from checks.manifests import Manifest, findings, pods_of
from checks.runs import instance_text, job_of
from dagster_k8s import K8sRunLauncher
from kubernetes.config.config_exception import ConfigException

from cryptodudez_assets.settings import PREFIX, Settings

STACKS = ("dev", "prod", "password")


@pytest.fixture(scope="module")
def run(graphs: dict[str, Graph]) -> Manifest:
    return job_of(graphs["prod"])


@pytest.mark.parametrize("stack", STACKS)
def test_every_manifest_holds(graphs: dict[str, Graph], stack: str) -> None:
    assert findings(graphs[stack].manifests(), job_of(graphs[stack])) == []


def change_of(kind: str, name: str, change: Callable[[Manifest], object]) -> Callable[[list[Manifest]], object]:
    def on(manifests: list[Manifest]) -> None:
        one = next(one for one in manifests if one["kind"] == kind and one["metadata"]["name"] == name)
        change(one)

    return on


def pod(one: Manifest) -> Manifest:
    made: Manifest = one["spec"]["template"]["spec"]
    return made


BROKEN: dict[str, tuple[Callable[[list[Manifest]], object], str]] = {
    "an unknown field": (
        change_of("Deployment", "serving", lambda one: one["spec"].update(replica=2)),
        r"Additional properties are not allowed \('replica' was unexpected\)",
    ),
    "a type": (
        change_of("Deployment", "daemon", lambda one: one["spec"].update(replicas="one")),
        "'one' is not of type",
    ),
    "its own pods are not selected": (
        change_of("Deployment", "serving", lambda one: one["spec"]["selector"]["matchLabels"].update({"app": "x"})),
        "Deployment/serving: does not select its own pods",
    ),
    "a service of no pod": (
        change_of("Service", "serving", lambda one: one["spec"].update(selector={"app": "x"})),
        "Service/serving: selects no pod",
    ),
    "a scaler of nothing": (
        change_of("HorizontalPodAutoscaler", "serving", lambda one: one["spec"]["scaleTargetRef"].update(name="x")),
        "there is no Deployment/x",
    ),
    "a quantity": (
        change_of(
            "Deployment", "serving", lambda one: pod(one)["containers"][0]["resources"]["limits"].update(memory="1 GB")
        ),
        "'1 GB' is no quantity",
    ),
    "an account": (
        change_of("Deployment", "serving", lambda one: pod(one).update(serviceAccountName="x")),
        "there is no ServiceAccount/x",
    ),
    "a config map": (
        change_of(
            "Deployment", "code", lambda one: pod(one)["containers"][0]["envFrom"][0]["configMapRef"].update(name="x")
        ),
        "there is no ConfigMap/x",
    ),
    "a secret": (
        change_of(
            "Deployment", "serving", lambda one: pod(one)["containers"][0]["envFrom"][1]["secretRef"].update(name="x")
        ),
        "there is no Secret/x",
    ),
    "a volume": (
        change_of("Deployment", "serving", lambda one: pod(one)["containers"][0]["volumeMounts"][0].update(name="x")),
        "there is no volume x",
    ),
    "a role": (
        change_of("RoleBinding", "daemon-launches-runs", lambda one: one["roleRef"].update(name="x")),
        "there is no Role/x",
    ),
    "a port of a service": (
        change_of("Service", "code", lambda one: one["spec"]["ports"][0].update(targetPort="x")),
        "leads to port x of Deployment/code",
    ),
    "a port of a probe": (
        change_of("Deployment", "code", lambda one: pod(one)["containers"][0]["livenessProbe"]["grpc"].update(port=1)),
        "livenessProbe asks at port 1",
    ),
    "more than is asked for": (
        change_of("Deployment", "code", lambda one: pod(one)["containers"][0]["resources"]["limits"].update(cpu="9")),
        "cpu is asked for otherwise than it is limited",
    ),
    "a size that Autopilot changes": (
        change_of(
            "Deployment",
            "code",
            lambda one: [
                pod(one)["containers"][0]["resources"][kind].update(memory="64Gi") for kind in ("limits", "requests")
            ],
        ),
        "Autopilot changes that",
    ),
    "more than a pod may write": (
        change_of(
            "Deployment",
            "code",
            lambda one: [
                pod(one)["containers"][0]["resources"][kind].update({"ephemeral-storage": "10Gi"})
                for kind in ("limits", "requests")
            ],
        ),
        "Autopilot gives ten",
    ),
    "a pod without a policy": (
        lambda manifests: manifests.remove(
            next(one for one in manifests if one["kind"] == "NetworkPolicy" and one["metadata"]["name"] == "recorder")
        ),
        "StatefulSet/recorder: no NetworkPolicy is of its pods",
    ),
    "nothing refuses": (
        lambda manifests: manifests.remove(
            next(one for one in manifests if one["kind"] == "NetworkPolicy" and one["metadata"]["name"] == "nothing")
        ),
        "no NetworkPolicy refuses",
    ),
    "an edge with one end": (
        change_of("NetworkPolicy", "code", lambda one: one["spec"].update(ingress=[])),
        "NetworkPolicy/webserver: egress code",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_broken_is_found(prod: Graph, run: Manifest, name: str) -> None:
    breaks, words = BROKEN[name]
    manifests = deepcopy(prod.manifests())
    breaks(manifests)
    assert any(re.search(words, finding) for finding in findings(manifests, run)), findings(manifests, run)


@pytest.mark.parametrize("stack", STACKS)
def test_the_platform_takes_the_settings_of_each_pod(
    graphs: dict[str, Graph], stack: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifests = graphs[stack].manifests()
    maps: dict[str, dict[str, str]] = {
        one["metadata"]["name"]: one["data"] for one in manifests if one["kind"] == "ConfigMap"
    }
    for owner, _, spec in [*pods_of(manifests), *pods_of([job_of(graphs[stack])])]:
        for container in spec["containers"]:
            told = dict(maps["settings"]) | {one["name"]: one["value"] for one in container["env"] if "value" in one}
            with monkeypatch.context() as patch:
                for name, value in told.items():
                    patch.setenv(name, value)
                settings = Settings()
            assert settings.raw.startswith("gs://"), owner
            assert settings.lake.startswith("gs://"), owner
            by_identity = stack != "password"
            assert (f"{PREFIX}CATALOG" in told) is by_identity, owner
            if by_identity:
                assert "@127.0.0.1:5432/catalog?options=-c%20role%3Dcryptodudez_owner" in settings.catalog, owner


def test_dagster_loads_its_configuration(
    prod: Graph, tmp_path: Path, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All but the launcher, which asks for the token that a pod is given."""
    told: dict[str, Any] = yaml.safe_load(instance_text(prod))
    logs = told.pop("compute_logs")
    assert logs["class"] == "GCSComputeLogManager"  # it asks the bucket when it is made; `dagster_storage_test` has one
    told["local_artifact_storage"]["config"]["base_dir"] = str(tmp_path / "artifacts")
    (tmp_path / "dagster.yaml").write_text(yaml.safe_dump(told))
    monkeypatch.setenv(f"{PREFIX}DAGSTER", database)
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        assert instance.get_runs() == []
        assert "Postgres" in type(instance.run_storage).__name__
        with pytest.raises(ConfigException, match="Service host/port is not set"):
            assert isinstance(instance.run_launcher, K8sRunLauncher)
