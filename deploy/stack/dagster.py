"""Dagster: webserver, daemon and code server, and the runs that it launches as jobs.

The instance's configuration is the project's own `dagster.yaml`, with runs as jobs of Kubernetes in place of forks.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pulumi
import pulumi_kubernetes as k8s
import yaml

from cryptodudez_assets.instance import configuration
from cryptodudez_assets.running import MODULE
from cryptodudez_assets.settings import Settings
from stack.cluster import Cluster
from stack.config import Size, StackConfig
from stack.deployments import deployment, disruptions, metadata, put, service, settings_map
from stack.environment import HOME
from stack.naming import NAMESPACE, labels, part_of
from stack.pods import Connection, Container, Spec, asks, main_container, pod, runs
from stack.priorities import RUNS_LATER, SERVERS_FIRST

DAGSTER_HOME = "/opt/dagster"
INSTANCE, WORKSPACE = "dagster-instance", "dagster-workspace"
CODE_PORT, UI_PORT = 4000, 3000
RUN = "run"
RUN_DISK = 8
"""GiB: what is read and written meanwhile."""
JOB_KEPT_SECONDS = 3600
"""Jobs that are done are deleted after so long: by default they stay for a day, in thousands."""
STAYS = {"cluster-autoscaler.kubernetes.io/safe-to-evict": "false"}
"""Autopilot does not move such a pod, for seven days at most."""
MOUNTS: list[Spec] = [
    {"name": INSTANCE, "mountPath": f"{DAGSTER_HOME}/dagster.yaml", "subPath": "dagster.yaml", "readOnly": True},
    {"name": WORKSPACE, "mountPath": f"{DAGSTER_HOME}/workspace.yaml", "subPath": "workspace.yaml", "readOnly": True},
]
VOLUMES: list[Spec] = [{"name": name, "configMap": {"name": name}} for name in (INSTANCE, WORKSPACE)]
WORKSPACE_FILE = f"{DAGSTER_HOME}/workspace.yaml"
QUIET = ("--log-level", "warning")


class Dagster(pulumi.ComponentResource):
    """All of it. `connections` by workload."""

    def __init__(
        self,
        config: StackConfig,
        settings: pulumi.Input[dict[str, str]],
        cluster: Cluster,
        connections: dict[str, Connection],
        needs: Sequence[pulumi.Resource],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(part_of("Dagster"), "dagster", None, opts)
        self._config, self._cluster, self._connections = config, cluster, connections
        instance = pulumi.Output.all(
            settings=settings, run=pulumi.Output.from_input(self._run_pod()), image=config.images.code
        ).apply(lambda known: instance_yaml(**known))
        workspace = yaml.safe_dump(
            {"load_from": [{"grpc_server": {"host": "code", "port": CODE_PORT, "location_name": MODULE}}]}
        )
        self._maps = [
            settings_map(self, cluster, INSTANCE, {"dagster.yaml": instance}),
            settings_map(self, cluster, WORKSPACE, {"workspace.yaml": workspace}),
        ]
        self._needs = [*needs, *self._maps]
        # Pods read their configuration when they start: a new one makes new pods.
        self._read = {
            "cryptodudez/configuration": instance.apply(lambda text: hashlib.sha256(text.encode()).hexdigest()[:16])
        }
        self._servers()
        self._may_launch()
        self.register_outputs({})

    def _servers(self) -> None:
        health = {"grpc": {"port": CODE_PORT, "service": "DagsterApi"}, "timeoutSeconds": 10}
        self._server(
            Container(
                app="code",
                image=self._config.images.code,
                command=[
                    "dagster",
                    "code-server",
                    "start",
                    "-m",
                    MODULE,
                    "-h",
                    "0.0.0.0",
                    "-p",
                    str(CODE_PORT),
                    *QUIET,
                ],
                size=Size(cpu=1, memory=3),
                port=CODE_PORT,
                probes={
                    "startupProbe": health | {"periodSeconds": 5, "failureThreshold": 36},
                    "readinessProbe": health | {"periodSeconds": 10},
                    "livenessProbe": health | {"periodSeconds": 30, "failureThreshold": 4},
                },
                secrets=True,
            ),
        )
        service(self, self._cluster, "code", CODE_PORT)
        self._server(
            Container(
                app="webserver",
                image=self._config.images.code,
                command=["dagster-webserver", "-w", WORKSPACE_FILE, "-h", "0.0.0.0", "-p", str(UI_PORT)],
                size=Size(cpu=0.5, memory=1.5),
                port=UI_PORT,
                probes={
                    "startupProbe": asks("/server_info", periodSeconds=5, failureThreshold=36),
                    "readinessProbe": asks("/server_info", periodSeconds=10),
                    "livenessProbe": asks("/server_info", periodSeconds=30, failureThreshold=4),
                },
                talks_to_kubernetes=True,
            ),
        )
        service(self, self._cluster, "webserver", UI_PORT)
        alive = runs("dagster-daemon", "liveness-check", periodSeconds=60, failureThreshold=5, timeoutSeconds=50)
        self._server(
            Container(
                app="daemon",
                image=self._config.images.code,
                command=["dagster-daemon", "run", "-w", WORKSPACE_FILE, *QUIET],
                size=Size(cpu=0.5, memory=1.5),
                probes={
                    "startupProbe": alive | {"periodSeconds": 20, "failureThreshold": 15},
                    "livenessProbe": alive,
                },
                talks_to_kubernetes=True,
            ),
            # Sensors and schedules are one daemon's: two would ask for everything twice.
            one_at_most=True,
        )

    def _server(self, container: Container, **more: Any) -> None:
        deployment(
            self,
            self._cluster,
            _with_dagster(container),
            self._connections[container.app],
            needs=self._needs,
            annotations=self._read,
            priorityClassName=SERVERS_FIRST,
            **more,
        )
        disruptions(self, self._cluster, container.app)

    def _run_pod(self) -> Spec:
        """A run's pod, as the launcher takes it."""
        container = Container(
            app=RUN,
            image=self._config.images.code,
            command=(),
            size=self._config.run_size,
            disk=RUN_DISK,
            secrets=True,
        )
        connection = self._connections[RUN]
        inside, around = main_container(container, connection), pod(container, connection)
        for left_out in ("name", "image", "command"):  # which are the launcher's
            del inside[left_out]
        del around["containers"]
        return {
            "pod_template_spec_metadata": {"labels": labels(RUN), "annotations": STAYS},
            "pod_spec_config": around | {"priorityClassName": RUNS_LATER, "restartPolicy": "Never"},
            "container_config": inside,
            # Dagster tries again what died: Kubernetes would do it beside it.
            "job_spec_config": {"ttlSecondsAfterFinished": JOB_KEPT_SECONDS, "backoffLimit": 0},
        }

    def _may_launch(self) -> None:
        """Daemon and webserver start and end jobs, and look at their pods, in this namespace alone."""
        role = put(
            self,
            self._cluster,
            k8s.rbac.v1.Role,
            "launches-runs",
            metadata=metadata("launches-runs"),
            rules=[
                {
                    "apiGroups": ["batch"],
                    "resources": ["jobs"],
                    "verbs": ["create", "get", "list", "watch", "delete", "patch"],
                },
                {"apiGroups": ["batch"], "resources": ["jobs/status"], "verbs": ["get"]},
                {
                    "apiGroups": [""],
                    "resources": ["pods", "pods/log", "pods/status"],
                    "verbs": ["get", "list", "watch"],
                },
                # Dagster ends a run by deleting its job, and then its pod, which the job would leave.
                {"apiGroups": [""], "resources": ["pods"], "verbs": ["delete"]},
                {"apiGroups": [""], "resources": ["events"], "verbs": ["get", "list"]},
            ],
        )
        for name in ("daemon", "webserver"):
            put(
                self,
                self._cluster,
                k8s.rbac.v1.RoleBinding,
                f"{name}-launches-runs",
                metadata=metadata(f"{name}-launches-runs"),
                role_ref={"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "launches-runs"},
                subjects=[{"kind": "ServiceAccount", "name": name, "namespace": NAMESPACE}],
                needs=[role],
            )


def instance_yaml(settings: dict[str, str], run: Spec, image: str) -> str:
    """Dagster's configuration in the cluster."""
    # The address itself is in the environment of whoever reads this: only that there is one matters here.
    told = yaml.safe_load(
        configuration(Settings.model_validate({**settings, "dagster": "postgresql://elsewhere/dagster"}))
    )
    told["run_launcher"] = {
        "module": "cryptodudez_assets.defs.reaping_launcher",
        "class": "ReapingK8sRunLauncher",
        "config": {
            "job_namespace": NAMESPACE,
            "job_image": image,
            "image_pull_policy": "IfNotPresent",
            "service_account_name": RUN,
            "instance_config_map": INSTANCE,
            "dagster_home": DAGSTER_HOME,
            "load_incluster_config": True,
            "fail_pod_on_run_failure": False,  # what failed is in Dagster, and is alerted from there
            "run_k8s_config": run,
        },
    }
    told["run_monitoring"] |= {
        "start_timeout_seconds": 600,
        "cancel_timeout_seconds": 180,
        "max_resume_run_attempts": 0,
    }
    artifacts = {"module": "dagster._core.storage.root", "class": "LocalArtifactStorage"}
    told["local_artifact_storage"] = artifacts | {"config": {"base_dir": f"{HOME}/dagster"}}
    return yaml.safe_dump(json.loads(json.dumps(told)), sort_keys=False)


def _with_dagster(container: Container) -> Container:
    environment = {"DAGSTER_HOME": DAGSTER_HOME, **container.environment}
    return replace(
        container, environment=environment, mounts=[*container.mounts, *MOUNTS], volumes=[*container.volumes, *VOLUMES]
    )
