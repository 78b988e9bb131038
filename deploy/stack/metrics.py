"""Pods whose metrics Google's Managed Prometheus takes, with the API's key. What is made of them is in `observability.py`."""

import pulumi
import pulumi_kubernetes as k8s

from stack.cluster import Cluster
from stack.deployments import metadata, put
from stack.naming import labels
from stack.secrets import METRICS_KEY


def told_to_prometheus(parent: pulumi.Resource, cluster: Cluster, app: str) -> None:
    """Each pod of an app is asked at its port."""
    put(
        parent,
        cluster,
        k8s.apiextensions.CustomResource,
        app,
        api_version="monitoring.googleapis.com/v1",
        kind="PodMonitoring",
        metadata=metadata(app),
        spec={
            "selector": {"matchLabels": labels(app)},
            "endpoints": [
                {
                    "port": "main",
                    "path": "/metrics",
                    "interval": "30s",
                    "basicAuth": {
                        "username": "prometheus",
                        "password": {"secret": {"name": METRICS_KEY, "key": "password"}},
                    },
                }
            ],
        },
    )
