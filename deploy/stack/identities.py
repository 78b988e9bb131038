"""Who each workload is: an account of Google's for each, which a pod is by Workload Identity. There are no keys.

What it may do is said where the thing is that it does it to; here is who may log in, read and land.
"""

import pulumi
import pulumi_gcp as gcp
import pulumi_kubernetes as k8s

from stack.cluster import Cluster
from stack.database import Database
from stack.deployments import put
from stack.events import Events
from stack.lake import CHANGES, CREATES, LOOKS_AT_BUCKET, READS, Lake
from stack.naming import NAMESPACE, labels, options, part_of

WORKLOADS = ("webserver", "daemon", "code", "run", "serving", "recorder")
LANDS = ("run", "recorder")
"""They land raw files: what is fetched, and what is recorded."""
LOOKS_AT_RAW = ("code", "run", "recorder")
WRITES_LAKE = ("run", "serving")
"""Tables, models, reports; and the receipts of what was served."""
READS_LAKE = ("code", "webserver", "recorder")
WRITES_DEAD_LETTERS = ("code",)
KEEPS_LOGS = ("run", "webserver", "daemon", "code")


class Identities(pulumi.ComponentResource):
    """`accounts` by workload; each has an account of the same name in the cluster."""

    def __init__(
        self,
        cluster: Cluster,
        lake: Lake,
        events: Events,
        database: Database,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(part_of("Identities"), "identities", None, opts)
        self.accounts = {name: self._account(name, cluster) for name in WORKLOADS}
        for where, role, names in (
            ("raw", CREATES, LANDS),
            ("raw", READS, LOOKS_AT_RAW),
            ("lake", CHANGES, WRITES_LAKE),
            ("lake", READS, READS_LAKE),
            ("lake", CREATES, WRITES_DEAD_LETTERS),
            ("lake", LOOKS_AT_BUCKET, KEEPS_LOGS),
        ):
            for name in names:
                lake.let(f"{name}-{where}", self.accounts[name].member, getattr(lake, where), role)
        # Sensors are evaluated by the code server.
        events.let_pull("code", self.accounts["code"].member)
        for name in WORKLOADS:
            database.let_in(name, self.accounts[name])
        self.register_outputs({})

    def _account(self, name: str, cluster: Cluster) -> gcp.serviceaccount.Account:
        account = gcp.serviceaccount.Account(
            name, account_id=f"cryptodudez-{name}", display_name=f"cryptodudez: {name}", opts=options(self)
        )
        gcp.serviceaccount.IAMMember(
            f"{name}-is",
            service_account_id=account.name,
            role="roles/iam.workloadIdentityUser",
            member=f"serviceAccount:{cluster.pool}[{NAMESPACE}/{name}]",
            # The pool of identities is there once the cluster is.
            opts=options(self, depends_on=[cluster.cluster]),
        )
        put(
            self,
            cluster,
            k8s.core.v1.ServiceAccount,
            name,
            metadata={
                "name": name,
                "namespace": NAMESPACE,
                "labels": labels(name),
                "annotations": {"iam.gke.io/gcp-service-account": account.email},
            },
            automount_service_account_token=False,
        )
        return account
