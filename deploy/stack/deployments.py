"""Things in the cluster that more than one workload is made of: a deployment of a pod, a service, a budget of disruptions, settings."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, TypeVar

import pulumi
import pulumi_kubernetes as k8s

from stack.cluster import Cluster
from stack.naming import NAMESPACE, labels
from stack.pods import Connection, Container, template

NOT_WAITED_FOR = {"pulumi.com/skipAwait": "true"}
NOTHING: Mapping[str, str] = MappingProxyType({})
Made = TypeVar("Made", bound=pulumi.Resource)


def put(
    parent: pulumi.Resource,
    cluster: Cluster,
    kind: Callable[..., Made],
    name: str,
    /,
    needs: Sequence[pulumi.Resource] = (),
    **body: Any,
) -> Made:
    """A resource in the cluster, in Kubernetes' own words: manifests are compared with its schemas, not with Pulumi's types."""
    return kind(name, **body, opts=cluster.inside(parent, depends_on=list(needs)))


def metadata(name: str, **more: Any) -> dict[str, Any]:
    """Of a resource of this app."""
    return {"name": name, "namespace": NAMESPACE, "labels": labels(name), **more}


def deployment(
    parent: pulumi.Resource,
    cluster: Cluster,
    container: Container,
    connection: Connection | None,
    *,
    replicas: int | None = 1,
    one_at_most: bool = False,
    needs: Sequence[pulumi.Resource],
    of_the_deployment: Mapping[str, str] = NOTHING,
    **of_the_pod: Any,
) -> k8s.apps.v1.Deployment:
    """Pods of one kind. `one_at_most`: the old one ends before the new one starts; `replicas` None: somebody else decides;
    `of_the_deployment`: annotations."""
    strategy = (
        {"type": "Recreate"} if one_at_most else {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0}}
    )
    return put(
        parent,
        cluster,
        k8s.apps.v1.Deployment,
        container.app,
        metadata=metadata(container.app, annotations=dict(of_the_deployment)),
        spec={
            **({} if replicas is None else {"replicas": replicas}),
            "selector": {"matchLabels": labels(container.app)},
            "strategy": strategy,
            "template": template(container, connection, **of_the_pod),
        },
        needs=needs,
    )


def service(parent: pulumi.Resource, cluster: Cluster, app: str, port: int, **more: Any) -> k8s.core.v1.Service:
    """A name in the cluster for an app's pods."""
    return put(
        parent,
        cluster,
        k8s.core.v1.Service,
        app,
        metadata=metadata(app, **more),
        spec={"selector": labels(app), "ports": [{"name": "main", "port": port, "targetPort": "main"}]},
    )


def disruptions(
    parent: pulumi.Resource, cluster: Cluster, app: str, most_unavailable: int = 1
) -> k8s.policy.v1.PodDisruptionBudget:
    """So many pods at most are taken away at once when nodes are drained."""
    return put(
        parent,
        cluster,
        k8s.policy.v1.PodDisruptionBudget,
        app,
        metadata=metadata(app),
        spec={"maxUnavailable": most_unavailable, "selector": {"matchLabels": labels(app)}},
    )


def settings_map(parent: pulumi.Resource, cluster: Cluster, name: str, data: dict[str, Any]) -> k8s.core.v1.ConfigMap:
    """Text for pods."""
    return put(parent, cluster, k8s.core.v1.ConfigMap, name, metadata=metadata(name), data=data)
