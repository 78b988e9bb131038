"""The cluster: GKE Autopilot with private nodes, and the provider by which things are put into it."""

import json

import pulumi
import pulumi_gcp as gcp
import pulumi_kubernetes as k8s

from stack.config import StackConfig
from stack.naming import NAMESPACE, options, part_of
from stack.network import CONTROL_PLANE, Network, Ranges

NODES_ROLES = (
    "roles/container.defaultNodeServiceAccount",
    "roles/artifactregistry.reader",
)


class Cluster(pulumi.ComponentResource):
    """`kubernetes`, the provider; `namespace`, which everything is in; `pool`, of Workload Identity."""

    def __init__(
        self,
        project: str,
        region: str,
        config: StackConfig,
        network: Network,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(part_of("Cluster"), "cluster", None, opts)
        nodes = gcp.serviceaccount.Account(
            "nodes", account_id="cryptodudez-nodes", display_name="Nodes of the cluster", opts=options(self)
        )
        roles = [
            gcp.projects.IAMMember(
                f"nodes-{role.rpartition('.')[2]}", project=project, role=role, member=nodes.member, opts=options(self)
            )
            for role in NODES_ROLES
        ]
        ranges = Ranges()
        self.cluster = gcp.container.Cluster(
            "cluster",
            location=region,
            network=network.network.id,
            subnetwork=network.subnet.id,
            enable_autopilot=True,
            deletion_protection=config.protected,
            release_channel={"channel": "REGULAR"},
            ip_allocation_policy={
                "cluster_secondary_range_name": ranges.pods,
                "services_secondary_range_name": ranges.services,
            },
            private_cluster_config={"enable_private_nodes": True, "master_ipv4_cidr_block": CONTROL_PLANE},
            master_authorized_networks_config={
                "cidr_blocks": [{"cidr_block": one} for one in config.operators_from],
            },
            cluster_autoscaling={"auto_provisioning_defaults": {"service_account": nodes.email}},
            maintenance_policy={"daily_maintenance_window": {"start_time": "02:00"}},
            # Autopilot writes what it decided into these: read back, they would replace the cluster.
            opts=options(
                self,
                protect=config.protected,
                depends_on=roles,
                ignore_changes=["nodeConfig", "nodePools", "initialNodeCount", "verticalPodAutoscaling"],
            ),
        )
        self.pool = f"{project}.svc.id.goog"
        self.kubernetes = k8s.Provider(
            "kubernetes",
            kubeconfig=pulumi.Output.secret(
                pulumi.Output.all(
                    self.cluster.name, self.cluster.endpoint, self.cluster.master_auth.cluster_ca_certificate
                ).apply(lambda known: _kubeconfig(*known))
            ),
            enable_server_side_apply=True,
            opts=options(self),
        )
        self.namespace = k8s.core.v1.Namespace(
            "namespace",
            metadata={
                "name": NAMESPACE,
                "labels": {
                    "pod-security.kubernetes.io/enforce": "restricted",
                    "pod-security.kubernetes.io/enforce-version": "latest",
                },
            },
            opts=options(self, provider=self.kubernetes),
        )
        self.register_outputs({})

    def inside(self, parent: pulumi.Resource, **more: object) -> pulumi.ResourceOptions:
        """Options of a resource of Kubernetes that is part of a component."""
        waits = [self.namespace, *more.pop("depends_on", [])]  # ty: ignore[not-iterable]
        return options(parent, provider=self.kubernetes, depends_on=waits, **more)


def _kubeconfig(name: str, endpoint: str, authority: str) -> str:
    """As `gcloud container clusters get-credentials` writes it: the key is asked for by Google's plugin, and is in no file."""
    plugin = {
        "apiVersion": "client.authentication.k8s.io/v1beta1",
        "command": "gke-gcloud-auth-plugin",
        "provideClusterInfo": True,
        "interactiveMode": "Never",
    }
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": name,
            "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
            "clusters": [
                {"name": name, "cluster": {"server": f"https://{endpoint}", "certificate-authority-data": authority}}
            ],
            "users": [{"name": name, "user": {"exec": plugin}}],
        }
    )
