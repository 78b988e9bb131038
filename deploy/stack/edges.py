"""Who may talk to whom. Everything else is refused, in both directions: a policy for each pod is made of this list.

Dagster's UI has no way in from outside here; where it has one, by Identity-Aware Proxy, that is an edge of its own.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_kubernetes as k8s

from stack.cluster import Cluster
from stack.config import StackConfig
from stack.dagster import CODE_PORT, RUN, UI_PORT
from stack.database import PORT as DATABASE_PORT
from stack.database import PROXY_PORT
from stack.deployments import metadata, put
from stack.naming import NAMESPACE, labels, part_of
from stack.network import CONTROL_PLANE, DATABASES, GOOGLE_APIS
from stack.recorder import PORT as RECORDER_PORT
from stack.serving import PORT as SERVING_PORT

SERVERS = ("webserver", "daemon", "code", "serving", "recorder")
PODS = (*SERVERS, RUN)


@dataclass(frozen=True)
class Place:
    """What is no pod of ours: a name, and networks, or pods of the cluster's own."""

    name: str
    networks: tuple[str, ...] = ()
    but: tuple[str, ...] = ()
    pods: tuple[tuple[str, dict[str, str]], ...] = ()
    """Namespace and labels."""


PRIVATE = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16")
DNS = Place(
    "DNS",
    networks=("169.254.20.10/32", "169.254.169.254/32"),
    pods=(("kube-system", {"k8s-app": "kube-dns"}), ("kube-system", {"k8s-app": "node-local-dns"})),
)
"""Cloud DNS, which Autopilot has, answers at the metadata server's address; the cache that each node has is judged by its pod."""
METADATA = Place("metadata server", networks=("169.254.169.254/32", "169.254.169.252/32"))
"""Of Google's identities; Dataplane V2 looks at the address that it is translated to."""
APIS = Place("Google's APIs", networks=(GOOGLE_APIS,))
DATABASE = Place("PostgreSQL", networks=(DATABASES,))
KUBERNETES = Place("Kubernetes' API", networks=(CONTROL_PLANE,))
VENUES = Place("venues and webhooks", networks=("0.0.0.0/0",), but=PRIVATE)
LOAD_BALANCER = Place("Google's load balancer", networks=("35.191.0.0/16", "130.211.0.0/22"))
PROMETHEUS = Place("Managed Prometheus", pods=(("gke-gmp-system", {"app.kubernetes.io/name": "collector"}),))

End = Place | str


@dataclass(frozen=True)
class Edge:
    """A connection: who begins it, to whom, at which port, and what for."""

    source: End
    target: End
    port: int
    why: str
    protocol: str = "TCP"


def edges(config: StackConfig) -> list[Edge]:
    """All of them."""
    return [
        *(edge for pod in PODS for edge in _of_each(pod, config)),
        Edge("webserver", "code", CODE_PORT, "what assets there are"),
        Edge("daemon", "code", CODE_PORT, "sensors and schedules"),
        Edge("webserver", KUBERNETES, 443, "ends runs"),
        Edge("daemon", KUBERNETES, 443, "launches runs"),
        Edge(RUN, VENUES, 443, "fetches, and tells people"),
        Edge("code", VENUES, 443, "tells people"),
        Edge("recorder", VENUES, 443, "order books"),
        Edge(PROMETHEUS, "serving", SERVING_PORT, "metrics"),
        Edge(PROMETHEUS, "recorder", RECORDER_PORT, "metrics"),
        *([Edge(LOAD_BALANCER, "serving", SERVING_PORT, "callers, and probes")] if config.domain else []),
        *(
            [Edge(LOAD_BALANCER, "webserver", UI_PORT, "operators, by Identity-Aware Proxy")]
            if config.dagster_domain
            else []
        ),
    ]


def _of_each(pod: str, config: StackConfig) -> list[Edge]:
    by_identity = config.database.login == "iam"
    return [
        Edge(pod, DNS, 53, "names", "UDP"),
        Edge(pod, DNS, 53, "names"),
        Edge(pod, METADATA, 80, "who it is"),
        Edge(pod, METADATA, 988, "who it is"),
        Edge(pod, APIS, 443, "buckets, events, logs"),
        Edge(
            pod, DATABASE, PROXY_PORT if by_identity else DATABASE_PORT, "catalog, locks, Dagster, online store, outbox"
        ),
    ]


class NetworkPolicies(pulumi.ComponentResource):
    """Nothing, but for the edges."""

    def __init__(self, config: StackConfig, cluster: Cluster, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(part_of("NetworkPolicies"), "network-policies", None, opts)
        put(
            self,
            cluster,
            k8s.networking.v1.NetworkPolicy,
            "nothing",
            metadata={"name": "nothing", "namespace": NAMESPACE},
            spec={"podSelector": {}, "policyTypes": ["Ingress", "Egress"]},
        )
        all_edges = edges(config)
        for pod in PODS:
            put(
                self,
                cluster,
                k8s.networking.v1.NetworkPolicy,
                f"edges-of-{pod}",
                metadata=metadata(pod),
                spec={
                    "podSelector": {"matchLabels": labels(pod)},
                    "policyTypes": ["Ingress", "Egress"],
                    "ingress": _rules((edge.source, edge) for edge in all_edges if edge.target == pod),
                    "egress": _rules((edge.target, edge) for edge in all_edges if edge.source == pod),
                },
            )
        self.register_outputs({})


def _rules(others: Iterable[tuple[End, Edge]]) -> list[dict[str, Any]]:
    """A rule for each edge; its other end is the pod's peer."""
    return [
        {
            ("from" if other is edge.source else "to"): _peers(other),
            "ports": [{"port": edge.port, "protocol": edge.protocol}],
        }
        for other, edge in others
    ]


def _peers(end: End) -> list[dict[str, Any]]:
    if isinstance(end, str):
        return [{"podSelector": {"matchLabels": labels(end)}}]
    blocks = [{"ipBlock": {"cidr": one} | ({"except": list(end.but)} if end.but else {})} for one in end.networks]
    pods = [
        {
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
            "podSelector": {"matchLabels": selected},
        }
        for namespace, selected in end.pods
    ]
    return [*blocks, *pods]
