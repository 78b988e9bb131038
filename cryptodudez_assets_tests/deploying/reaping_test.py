"""A run whose pod finds no room: it fails and says why, by Dagster's own monitoring; and its job is gone before its successor's is made."""

import json
import logging
import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
import yaml
from checks.graph import Graph
from checks.manifests import findings
from checks.runs import instance_text
from dagster._core.code_pointer import ModuleCodePointer
from dagster._core.origin import JobPythonOrigin, RepositoryPythonOrigin
from dagster._core.storage.dagster_run import DagsterRun, DagsterRunStatus
from dagster._daemon.monitoring.run_monitoring import monitor_starting_run

from cryptodudez_assets.running import MODULE
from cryptodudez_assets_tests.integration.conftest import free_ports
from cryptodudez_assets_tests.kubernetes_stand_in import HOST, NO_ROOM, KubernetesStandIn, served
from cryptodudez_assets_tests.pods import Cluster

START_SECONDS = 1


@pytest.fixture
def kubernetes(prod: Graph, tmp_path: Path) -> Iterator[tuple[KubernetesStandIn, dg.DagsterInstance]]:
    """A cluster without room, and an instance of Dagster with the stack's launcher in the daemon's place."""
    manifests, [port] = prod.manifests(), free_ports(1)
    stand_in = KubernetesStandIn(Cluster(manifests, tmp_path), lambda job: findings(manifests, job), is_full=True)
    with served(stand_in, port):
        stand_in.let_in("daemon")
        account = stand_in.cluster.token_folder("daemon")
        told = yaml.safe_load(instance_text(prod))["run_launcher"]
        told["config"] |= {"load_incluster_config": False, "kubeconfig_file": str(tmp_path / "kubeconfig")}
        (tmp_path / "kubeconfig").write_text(json.dumps(kubeconfig(port, account)))
        monitoring = {"enabled": True, "start_timeout_seconds": START_SECONDS}
        overrides = {"run_launcher": told, "run_monitoring": monitoring}
        (tmp_path / "dagster").mkdir()
        with dg.DagsterInstance.local_temp(str(tmp_path / "dagster"), overrides=overrides) as instance:
            yield stand_in, instance
    assert stand_in.refused == []


def kubeconfig(port: int, account: Path) -> dict[str, object]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "here",
        "contexts": [{"name": "here", "context": {"cluster": "here", "user": "daemon"}}],
        "clusters": [
            {
                "name": "here",
                "cluster": {"server": f"https://{HOST}:{port}", "certificate-authority": str(account / "ca.crt")},
            }
        ],
        "users": [{"name": "daemon", "user": {"token": (account / "token").read_text()}}],
    }


def launched(instance: dg.DagsterInstance) -> str:
    repository = RepositoryPythonOrigin("python", ModuleCodePointer(MODULE, "defs"))
    run = DagsterRun("job", job_code_origin=JobPythonOrigin("job", repository))
    instance.add_run(run)
    instance.launch_run(run.run_id, workspace=None)  # type: ignore[arg-type]  (the launcher asks it for nothing)
    return run.run_id


def test_it_fails_with_the_reason_and_leaves_no_job(kubernetes: tuple[KubernetesStandIn, dg.DagsterInstance]) -> None:
    stand_in, instance = kubernetes
    first = launched(instance)
    time.sleep(START_SECONDS)
    record = instance.get_run_record_by_id(first)
    assert record is not None
    monitor_starting_run(instance, record, logging.getLogger(__name__))
    failed = instance.get_run_by_id(first)
    assert failed is not None
    assert failed.status == DagsterRunStatus.FAILURE
    said = "\n".join(one.dagster_event.message or "" for one in instance.all_logs(first) if one.dagster_event)
    assert f"FailedScheduling: {NO_ROOM}" in said
    assert "Pod status: Pending" in said
    assert [one.is_deleted for one in stand_in.jobs] == [False], "Dagster leaves it"

    second = launched(instance)
    third = launched(instance)
    assert [one.is_deleted for one in stand_in.jobs] == [True, False, False], "those of runs that are not over stay"
    assert [first, second, third] == [one.manifest["metadata"]["labels"]["dagster/run-id"] for one in stand_in.jobs]
