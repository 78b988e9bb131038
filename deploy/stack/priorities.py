"""Who makes room for whom: runs wait for servers. A daemon that waits for room behind runs starts none, and ends none."""

import pulumi
import pulumi_kubernetes as k8s

from stack.cluster import Cluster
from stack.naming import labels, options, part_of

SERVERS_FIRST, RUNS_LATER = "cryptodudez-servers", "cryptodudez-runs"


class Priorities(pulumi.ComponentResource):
    """`ready`: both classes."""

    def __init__(self, cluster: Cluster, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(part_of("Priorities"), "priorities", None, opts)
        self.ready: list[pulumi.Resource] = [
            k8s.scheduling.v1.PriorityClass(
                name,
                metadata={"name": name, "labels": labels("priorities")},
                value=value,
                preemption_policy=preempts,
                global_default=False,
                description=why,
                opts=options(self, provider=cluster.kubernetes),
            )
            for name, value, preempts, why in (
                (SERVERS_FIRST, 1000, "PreemptLowerPriority", "Servers of cryptodudez: they stay when room is short."),
                (RUNS_LATER, 100, "Never", "Runs of cryptodudez: they wait, and are done again."),
            )
        ]
        self.register_outputs({})
