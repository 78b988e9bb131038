"""The API and the dashboard: two pods at least, more when they are busy; reached from outside by a name of the stack's, with a key."""

from collections.abc import Sequence

import pulumi
import pulumi_kubernetes as k8s

from stack.cluster import Cluster
from stack.config import StackConfig
from stack.deployments import NOT_WAITED_FOR, deployment, disruptions, metadata, put, service
from stack.metrics import told_to_prometheus
from stack.naming import part_of
from stack.outside import behind_load_balancer, open_to_outside
from stack.pods import Connection, Container, asks
from stack.priorities import SERVERS_FIRST

APP, PORT = "serving", 8000
LEAST = 2
BUSY_PERCENT = 60
DRAINS_SECONDS = 15
"""A pod goes on answering for so long after it was told to end, until the load balancer knows."""


class Serving(pulumi.ComponentResource):
    """`address` where it is reached from outside; None without a domain."""

    def __init__(
        self,
        config: StackConfig,
        cluster: Cluster,
        connection: Connection,
        needs: Sequence[pulumi.Resource],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(part_of("Serving"), "serving", None, opts)
        container = Container(
            app=APP,
            image=config.images.serving,
            command=["cryptodudez", "serve", "--host", "0.0.0.0", "--port", str(PORT)],
            size=config.serving_size,
            port=PORT,
            probes={
                "startupProbe": asks("/health/live", periodSeconds=2, failureThreshold=60),
                "livenessProbe": asks("/health/live", periodSeconds=20, failureThreshold=3),
                # Where no model was promoted yet it is not ready, and says so.
                "readinessProbe": asks("/health/ready", periodSeconds=5, failureThreshold=2),
                "lifecycle": {"preStop": {"exec": {"command": ["sleep", str(DRAINS_SECONDS)]}}},
            },
            secrets=True,
        )
        deployment(
            self,
            cluster,
            container,
            connection,
            replicas=None,
            needs=needs,
            # It is not ready before a model was promoted, which is behind this: nobody waits for it.
            of_the_deployment=NOT_WAITED_FOR,
            priorityClassName=SERVERS_FIRST,
        )
        put(
            self,
            cluster,
            k8s.autoscaling.v2.HorizontalPodAutoscaler,
            APP,
            metadata=metadata(APP),
            spec={
                "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": APP},
                "minReplicas": LEAST,
                "maxReplicas": config.serving_most,
                "metrics": [
                    {
                        "type": "Resource",
                        "resource": {
                            "name": "cpu",
                            "target": {"type": "Utilization", "averageUtilization": BUSY_PERCENT},
                        },
                    }
                ],
            },
        )
        disruptions(self, cluster, APP)
        told_to_prometheus(self, cluster, APP)
        annotations = NOT_WAITED_FOR | (behind_load_balancer(APP) if config.domain else {})
        service(self, cluster, APP, PORT, annotations=annotations)
        self.address = None if config.domain is None else self._open(config.domain, cluster)
        self.register_outputs({"address": self.address})

    def _open(self, domain: str, cluster: Cluster) -> pulumi.Output[str]:
        """Callers need the key."""
        return open_to_outside(
            self,
            cluster,
            APP,
            domain,
            {
                "healthCheck": {"type": "HTTP", "requestPath": "/health/ready", "port": PORT},
                "timeoutSec": 3600,  # the live panel keeps a connection open
                "connectionDraining": {"drainingTimeoutSec": DRAINS_SECONDS},
            },
        )
