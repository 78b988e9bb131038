"""A way in from outside: a load balancer of Google's with an address that stays, its certificate, and nothing but TLS."""

from typing import Any

import pulumi
import pulumi_gcp as gcp
import pulumi_kubernetes as k8s

from stack.cluster import Cluster
from stack.deployments import NOT_WAITED_FOR, metadata, put
from stack.naming import options


def behind_load_balancer(app: str) -> dict[str, str]:
    """Annotations of a service that a load balancer leads to."""
    return {
        "cloud.google.com/neg": '{"ingress": true}',
        "cloud.google.com/backend-config": f'{{"default": "{app}"}}',
    }


def open_to_outside(
    parent: pulumi.Resource, cluster: Cluster, app: str, domain: str, backend: dict[str, Any]
) -> pulumi.Output[str]:
    """Lead a domain to the service of that name; returns the address that the domain's record must name."""
    address = gcp.compute.GlobalAddress(app, address_type="EXTERNAL", opts=options(parent))
    policy = gcp.compute.SSLPolicy(app, profile="MODERN", min_tls_version="TLS_1_2", opts=options(parent))
    for api, kind, spec in (
        ("networking.gke.io/v1", "ManagedCertificate", {"domains": [domain]}),
        (
            "networking.gke.io/v1beta1",
            "FrontendConfig",
            {"sslPolicy": policy.name, "redirectToHttps": {"enabled": True}},
        ),
        ("cloud.google.com/v1", "BackendConfig", backend),
    ):
        put(
            parent,
            cluster,
            k8s.apiextensions.CustomResource,
            f"{app}-{kind.lower()}",
            api_version=api,
            kind=kind,
            metadata=metadata(app),
            spec=spec,
        )
    path = {"path": "/", "pathType": "Prefix", "backend": {"service": {"name": app, "port": {"name": "main"}}}}
    put(
        parent,
        cluster,
        k8s.networking.v1.Ingress,
        app,
        metadata=metadata(
            app,
            annotations=NOT_WAITED_FOR
            | {
                "kubernetes.io/ingress.class": "gce",
                "kubernetes.io/ingress.global-static-ip-name": address.name,
                "networking.gke.io/managed-certificates": app,
                "networking.gke.io/v1beta1.FrontendConfig": app,
            },
        ),
        spec={"rules": [{"host": domain, "http": {"paths": [path]}}]},
    )
    return address.address
