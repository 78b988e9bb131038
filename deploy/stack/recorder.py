"""The order-book recorders: each records all books onto a volume of its own, and the best observation of each second wins.

A volume is one pod's at a time, so a recorder ends before its successor starts; meanwhile the other one records.
"""

from collections.abc import Sequence

import pulumi
import pulumi_kubernetes as k8s

from cryptodudez_assets.recorder.stream import ALL_ADDRESSES
from stack.cluster import Cluster
from stack.config import Size, StackConfig
from stack.deployments import disruptions, metadata, put
from stack.environment import HOME
from stack.metrics import told_to_prometheus
from stack.naming import labels, part_of
from stack.pods import Connection, Container, runs, template
from stack.priorities import SERVERS_FIRST

APP = "recorder"
PORT = 9100
"""Of its stream, in the pod alone, and of its metrics."""
VOLUME = "5Gi"


class Recorder(pulumi.ComponentResource):
    """All recorders."""

    def __init__(
        self,
        config: StackConfig,
        cluster: Cluster,
        connection: Connection,
        needs: Sequence[pulumi.Resource],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(part_of("Recorder"), "recorder", None, opts)
        asks_itself = runs(
            "python3", "-c", f"from urllib.request import urlopen; urlopen('http://127.0.0.1:{PORT}/about', timeout=10)"
        )
        container = Container(
            app=APP,
            image=config.images.recorder,
            command=[
                *("cryptodudez", "record", "--instance", "$(POD_NAME)"),
                *("--host", ALL_ADDRESSES, "--port", str(PORT)),
                *(word for book in config.books for word in ("--book", book)),
            ],
            size=Size(cpu=0.5, memory=1),
            port=PORT,
            probes={
                "startupProbe": asks_itself | {"periodSeconds": 5, "failureThreshold": 36},
                "readinessProbe": asks_itself | {"periodSeconds": 30},
                "livenessProbe": asks_itself | {"periodSeconds": 60, "failureThreshold": 3},
            },
            of_the_pod={"POD_NAME": "metadata.name"},
            keeps_home=True,
            secrets=True,
        )
        put(
            self,
            cluster,
            k8s.core.v1.Service,
            APP,
            metadata=metadata(APP),
            spec={"clusterIP": "None", "selector": labels(APP)},
        )  # it gives the pods their names, and no more
        put(
            self,
            cluster,
            k8s.apps.v1.StatefulSet,
            APP,
            metadata=metadata(APP),
            spec={
                "serviceName": APP,
                "replicas": config.recorders,
                "selector": {"matchLabels": labels(APP)},
                "podManagementPolicy": "OrderedReady",  # one at a time, also when they are replaced
                "updateStrategy": {"type": "RollingUpdate"},
                "minReadySeconds": 60,
                # What a recorder could not land yet is on its volume.
                "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain", "whenScaled": "Retain"},
                "template": template(
                    container, connection, terminationGracePeriodSeconds=120, priorityClassName=SERVERS_FIRST
                ),
                "volumeClaimTemplates": [
                    {
                        "metadata": {"name": "home", "labels": labels(APP)},
                        "spec": {
                            "accessModes": ["ReadWriteOnce"],
                            "resources": {"requests": {"storage": VOLUME}},
                        },
                    }
                ],
            },
            needs=needs,
        )
        disruptions(self, cluster, APP)
        told_to_prometheus(self, cluster, APP)
        self.register_outputs({"home": HOME})
