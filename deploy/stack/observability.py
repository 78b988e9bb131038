"""What people are told of the cluster, and a dashboard of it. What the data are like the platform tells itself, by its notifier.

Each alert has a runbook of the same name in `../README.md`.
"""

import json
from dataclasses import dataclass

import pulumi
import pulumi_gcp as gcp

from stack.config import StackConfig
from stack.events import Events
from stack.naming import NAMESPACE, options, part_of

HOUR, MINUTES_5, MINUTES_10 = "3600s", "300s", "600s"
IN_NAMESPACE = f'resource.labels.namespace_name="{NAMESPACE}"'
OF_CONTAINERS = f'resource.type="k8s_container" AND {IN_NAMESPACE}'


@dataclass(frozen=True)
class Alert:
    """People are told where a series is over the limit for so long. `over`: what the series is summed or counted over."""

    name: str
    filter: pulumi.Input[str]
    limit: float
    aligner: str
    over: str = MINUTES_5
    lasting: str = "0s"
    reducer: str = "REDUCE_SUM"
    by: tuple[str, ...] = ()


@dataclass(frozen=True)
class Said:
    """A line of a log that is counted, since no metric of Google's tells it."""

    name: str
    filter: str


SAID = (
    Said("out-of-memory", f'resource.type="k8s_pod" AND {IN_NAMESPACE} AND jsonPayload.reason="OOMKilling"'),
    Said("pending", f'resource.type="k8s_pod" AND {IN_NAMESPACE} AND jsonPayload.reason="FailedScheduling"'),
    Said("behind-events", f'resource.type="k8s_container" AND {IN_NAMESPACE} AND textPayload:"untold by events"'),
)


def alerts(dead: pulumi.Input[str]) -> list[Alert]:
    """All of them. `dead`: the name of the subscription of dead letters."""
    of_logs = {one.name: f'metric.type="logging.googleapis.com/user/cryptodudez-{one.name}"' for one in SAID}
    pods, containers = 'resource.type="k8s_pod"', 'resource.type="k8s_container"'
    return [
        Alert(
            "restart-storm",
            f'metric.type="kubernetes.io/container/restart_count" AND {OF_CONTAINERS}',
            5,
            "ALIGN_DELTA",
            over=MINUTES_10,
            by=("resource.labels.pod_name",),
        ),
        Alert("out-of-memory", f"{of_logs['out-of-memory']} AND {pods}", 0, "ALIGN_DELTA"),
        Alert("pending", f"{of_logs['pending']} AND {pods}", 0, "ALIGN_DELTA", lasting=MINUTES_10),
        Alert(
            "dead-letters",
            pulumi.Output.concat(
                'metric.type="pubsub.googleapis.com/subscription/num_undelivered_messages" AND ',
                'resource.type="pubsub_subscription" AND resource.labels.subscription_id="',
                dead,
                '"',
            ),
            0,
            "ALIGN_MAX",
        ),
        Alert("reconciliation-lag", f"{of_logs['behind-events']} AND {containers}", 0, "ALIGN_DELTA", over=HOUR),
        Alert(
            "stale-signal",
            'metric.type="prometheus.googleapis.com/cryptodudez_features_age_seconds/gauge" AND '
            'resource.type="prometheus_target"',
            2 * 24 * 3600,
            "ALIGN_MIN",
            lasting=MINUTES_10,
            reducer="REDUCE_MIN",
        ),
        Alert(
            "database-full",
            'metric.type="cloudsql.googleapis.com/database/disk/utilization" AND resource.type="cloudsql_database"',
            0.85,
            "ALIGN_MEAN",
            reducer="REDUCE_MAX",
        ),
    ]


class Observability(pulumi.ComponentResource):
    """Alerts by electronic mail, and the dashboard."""

    def __init__(self, config: StackConfig, events: Events, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(part_of("Observability"), "observability", None, opts)
        channel = gcp.monitoring.NotificationChannel(
            "operators",
            type="email",
            display_name="cryptodudez: operators",
            labels={"email_address": config.alerts_to},
            opts=options(self),
        )
        counted = [self._counted(said) for said in SAID]
        for alert in alerts(events.dead.name):
            self._alert(alert, channel, counted)
        gcp.monitoring.Dashboard("cryptodudez", dashboard_json=json.dumps(dashboard()), opts=options(self))
        self.register_outputs({})

    def _counted(self, said: Said) -> pulumi.Resource:
        return gcp.logging.Metric(
            said.name,
            name=f"cryptodudez-{said.name}",
            filter=said.filter,
            metric_descriptor={"metric_kind": "DELTA", "value_type": "INT64", "unit": "1"},
            opts=options(self),
        )

    def _alert(self, alert: Alert, channel: gcp.monitoring.NotificationChannel, counted: list[pulumi.Resource]) -> None:
        gcp.monitoring.AlertPolicy(
            alert.name,
            display_name=f"cryptodudez: {alert.name}",
            combiner="OR",
            notification_channels=[channel.name],
            documentation={
                "content": f"What to do: deploy/README.md, runbook `{alert.name}`.",
                "mime_type": "text/markdown",
            },
            alert_strategy={"auto_close": "86400s"},
            conditions=[
                {
                    "display_name": alert.name,
                    "condition_threshold": {
                        "filter": alert.filter,
                        "comparison": "COMPARISON_GT",
                        "threshold_value": alert.limit,
                        "duration": alert.lasting,
                        "aggregations": [
                            {
                                "alignment_period": alert.over,
                                "per_series_aligner": alert.aligner,
                                "cross_series_reducer": alert.reducer,
                                "group_by_fields": list(alert.by),
                            }
                        ],
                    },
                }
            ],
            opts=options(self, depends_on=counted),
        )


CHARTS = (
    (
        "Signal: age of its features",
        'metric.type="prometheus.googleapis.com/cryptodudez_features_age_seconds/gauge"',
        "ALIGN_MEAN",
    ),
    (
        "API: requests a second",
        'metric.type="prometheus.googleapis.com/cryptodudez_request_seconds/histogram"',
        "ALIGN_RATE",
    ),
    ("Events that wait", 'metric.type="pubsub.googleapis.com/subscription/num_undelivered_messages"', "ALIGN_MEAN"),
    (
        "Oldest event that waits",
        'metric.type="pubsub.googleapis.com/subscription/oldest_unacked_message_age"',
        "ALIGN_MAX",
    ),
    ("Pods: CPU", f'metric.type="kubernetes.io/container/cpu/core_usage_time" AND {OF_CONTAINERS}', "ALIGN_RATE"),
    ("Pods: memory", f'metric.type="kubernetes.io/container/memory/used_bytes" AND {OF_CONTAINERS}', "ALIGN_MEAN"),
    ("Pods: restarts", f'metric.type="kubernetes.io/container/restart_count" AND {OF_CONTAINERS}', "ALIGN_DELTA"),
    ("Database: connections", 'metric.type="cloudsql.googleapis.com/database/postgresql/num_backends"', "ALIGN_MEAN"),
    (
        "Buckets: requests",
        'metric.type="storage.googleapis.com/api/request_count" AND resource.type="gcs_bucket"',
        "ALIGN_RATE",
    ),
)
COLUMNS, TALL = 3, 4


def dashboard() -> dict:
    """As Google's Monitoring takes it."""
    width = 12 // COLUMNS
    return {
        "displayName": "cryptodudez",
        "mosaicLayout": {
            "columns": 12,
            "tiles": [
                {
                    "xPos": width * (number % COLUMNS),
                    "yPos": TALL * (number // COLUMNS),
                    "width": width,
                    "height": TALL,
                    "widget": {
                        "title": title,
                        "xyChart": {
                            "dataSets": [
                                {
                                    "plotType": "LINE",
                                    "timeSeriesQuery": {
                                        "timeSeriesFilter": {
                                            "filter": series,
                                            "aggregation": {"alignmentPeriod": "60s", "perSeriesAligner": aligner},
                                        }
                                    },
                                }
                            ]
                        },
                    },
                }
                for number, (title, series, aligner) in enumerate(CHARTS)
            ],
        },
    }
