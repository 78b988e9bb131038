"""A run's job, as Dagster's launcher asks Kubernetes for it: the launcher is the real one, by the configuration that the stack emits."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import dagster as dg
import yaml
from dagster._core.code_pointer import ModuleCodePointer
from dagster._core.launcher import LaunchRunContext
from dagster._core.origin import JobPythonOrigin, RepositoryPythonOrigin
from dagster._core.storage.dagster_run import DagsterRun
from dagster_k8s import K8sRunLauncher
from kubernetes.client import ApiClient

from checks.graph import Graph
from cryptodudez_assets.running import MODULE

NOWHERE = {
    "apiVersion": "v1",
    "kind": "Config",
    "current-context": "nowhere",
    "contexts": [{"name": "nowhere", "context": {"cluster": "nowhere", "user": "nobody"}}],
    "clusters": [{"name": "nowhere", "cluster": {"server": "http://127.0.0.1:1"}}],
    "users": [{"name": "nobody", "user": {}}],
}


def instance_text(graph: Graph) -> str:
    """The `dagster.yaml` of the cluster."""
    text: str = graph.one("ConfigMap", "dagster-instance").properties["data"]["dagster.yaml"]
    return text


def job_of(graph: Graph) -> dict[str, Any]:
    """The job of a run, as a manifest."""
    config = yaml.safe_load(instance_text(graph))["run_launcher"]["config"]
    with TemporaryDirectory() as folder, dg.DagsterInstance.local_temp(folder) as instance:
        nowhere = Path(folder) / "kubeconfig"
        nowhere.write_text(json.dumps(NOWHERE))
        asked = _Asked()
        launcher = K8sRunLauncher(
            **config | {"load_incluster_config": False, "kubeconfig_file": str(nowhere)}, k8s_client_batch_api=asked
        )
        launcher.register_instance(instance)
        repository = RepositoryPythonOrigin("python", ModuleCodePointer(MODULE, "defs"))
        run = DagsterRun("job", job_code_origin=JobPythonOrigin("job", repository))
        instance.add_run(run)
        launcher.launch_run(LaunchRunContext(run, workspace=None))
        job: dict[str, Any] = ApiClient().sanitize_for_serialization(asked.body)
        job["metadata"]["namespace"] = asked.namespace
    return job


class _Asked:
    """In the place of Kubernetes' API: keeps what it is asked for."""

    body: Any = None
    namespace = ""

    def create_namespaced_job(self, body: Any, namespace: str, **_: Any) -> None:
        self.body, self.namespace = body, namespace
