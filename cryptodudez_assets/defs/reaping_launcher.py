"""Dagster's launcher of runs as jobs of Kubernetes, which leaves no job behind whose run was over before its pod began.

A run whose pod stays pending Dagster itself reports as failed, with what Kubernetes says of the pod (`run_monitoring`), and tries
again; the job it leaves, and with it a pod that waits for room which its successor needs. It is named by the `dagster.yaml` of the
cluster, and needs the extra `k8s`.
"""

import logging
from typing import Any

from dagster._core.launcher import LaunchRunContext
from dagster_k8s import K8sRunLauncher

RUN_LABEL = "dagster/run-id"
"""By which Dagster's launcher marks a job."""

log = logging.getLogger(__name__)


class ReapingK8sRunLauncher(K8sRunLauncher):  # type: ignore[misc]  # it is of an extra
    """Before each launch, jobs of runs that are over are deleted whose pods wait still."""

    def launch_run(self, context: LaunchRunContext) -> None:
        """Launch the run's job."""
        try:
            self.reap()
        except Exception:  # what is left takes room; not to launch for it would take more
            log.exception("jobs of runs that are over could not be looked for")
        super().launch_run(context)

    def reap(self) -> list[str]:
        """Delete them; which."""
        jobs = self._api_client.batch_api.list_namespaced_job(namespace=self.job_namespace).items
        left = [job.metadata.name for job in jobs if _waits(job) and self._is_over(job.metadata.labels or {})]
        for name in left:
            self._api_client.delete_job(name, self.job_namespace)
            log.info("deleted job %s: its run is over, and its pod had not begun", name)
        return left

    def _is_over(self, labels: dict[str, str]) -> bool:
        run = self._instance.get_run_by_id(labels[RUN_LABEL]) if RUN_LABEL in labels else None
        return run is not None and run.is_finished


def _waits(job: Any) -> bool:
    """Whether it has a pod, and that has not begun."""
    return bool(job.status.active) and not job.status.ready
