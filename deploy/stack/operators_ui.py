"""Dagster's UI from outside: behind Google's Identity-Aware Proxy, for the operators alone. Only where the stack names a domain for it."""

import pulumi
import pulumi_gcp as gcp
import pulumi_kubernetes as k8s

from stack.cluster import Cluster
from stack.config import StackConfig
from stack.dagster import UI_PORT
from stack.deployments import metadata, put
from stack.naming import labels, options, part_of
from stack.outside import behind_load_balancer, open_to_outside

APP = "dagster-ui"


class OperatorsUi(pulumi.ComponentResource):
    """`address`, for the domain's record."""

    def __init__(
        self,
        project: str,
        domain: str,
        config: StackConfig,
        cluster: Cluster,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(part_of("OperatorsUi"), "operators-ui", None, opts)
        put(
            self,
            cluster,
            k8s.core.v1.Service,
            APP,
            metadata=metadata(
                APP,
                annotations=behind_load_balancer(APP),
            ),
            spec={"selector": labels("webserver"), "ports": [{"name": "main", "port": 80, "targetPort": "main"}]},
        )
        self.address = open_to_outside(
            self,
            cluster,
            APP,
            domain,
            {
                "iap": {"enabled": True},
                "timeoutSec": 3600,  # the UI keeps a connection open for what happens
                "healthCheck": {"type": "HTTP", "requestPath": "/server_info", "port": UI_PORT},
            },
        )
        for number, operator in enumerate(config.operators):
            gcp.iap.WebIamMember(
                f"operator-{number}-sees-dagster",
                project=project,
                role="roles/iap.httpsResourceAccessor",
                member=operator,
                opts=options(self),
            )
        self.register_outputs({"address": self.address})
