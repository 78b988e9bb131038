"""What people are told of the cluster, and a dashboard of it. What the data are like the platform tells itself, by its notifier.

Each alert has a runbook of the same name in `../README.md`.
"""

import json
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_gcp as gcp

from stack.config import StackConfig
from stack.events import Events
from stack.naming import NAMESPACE, options, part_of

MINUTES_5, MINUTES_10 = "300s", "600s"
ONCE_AN_HOUR = {"notification_rate_limit": {"period": "3600s"}}
AGE, BOOKS = "cryptodudez_features_age_seconds", "cryptodudez_recorder_books_in_sequence"
UNTOLD = "untold by events"
"""What the code server says of objects that were found by listing."""
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
    """People are told of a line in the logs, once in so long: no metric of Google's tells it."""

    name: str
    filter: str


SAID = (
    # The kernel's word is of a node, and names no namespace.
    Said("out-of-memory", 'resource.type="k8s_node" AND jsonPayload.reason="OOMKilling"'),
    Said("pending", f'resource.type="k8s_pod" AND {IN_NAMESPACE} AND jsonPayload.reason="FailedScheduling"'),
    Said(
        "reconciliation-lag",
        f'{OF_CONTAINERS} AND (textPayload:"{UNTOLD}" OR jsonPayload.message:"{UNTOLD}")',
    ),
)
ASKS = {"stale-signal": f"min({AGE}) > {2 * 24 * 3600}", "recorders-blind": f"max({BOOKS}) < 1"}
"""In Prometheus' words, of the pods' own metrics."""


def alerts(dead: pulumi.Input[str]) -> list[Alert]:
    """Those of Google's metrics. `dead`: the name of the subscription of dead letters."""
    return [
        Alert(
            "restart-storm",
            f'metric.type="kubernetes.io/container/restart_count" AND {OF_CONTAINERS}',
            5,
            "ALIGN_DELTA",
            over=MINUTES_10,
            by=("resource.labels.pod_name",),
        ),
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
        for alert in alerts(events.dead.name):
            self._alert(alert.name, channel, condition_threshold=_threshold(alert))
        for said in SAID:
            self._alert(said.name, channel, ONCE_AN_HOUR, condition_matched_log={"filter": said.filter})
        for name, query in ASKS.items():
            # Of metrics that are not there before a pod told them once: Google is not to look whether they are.
            asked = {
                "query": query,
                "duration": MINUTES_10,
                "evaluation_interval": "60s",
                "disable_metric_validation": True,
            }
            self._alert(name, channel, condition_prometheus_query_language=asked)
        gcp.monitoring.Dashboard("cryptodudez", dashboard_json=json.dumps(dashboard()), opts=options(self))
        self.register_outputs({})

    def _alert(
        self,
        name: str,
        channel: gcp.monitoring.NotificationChannel,
        strategy: dict[str, Any] | None = None,
        **condition: Any,
    ) -> None:
        gcp.monitoring.AlertPolicy(
            name,
            display_name=f"cryptodudez: {name}",
            combiner="OR",
            notification_channels=[channel.name],
            documentation={
                "content": f"What to do: deploy/README.md, runbook `{name}`.",
                "mime_type": "text/markdown",
            },
            alert_strategy=gcp.monitoring.AlertPolicyAlertStrategyArgs(auto_close="86400s", **(strategy or {})),
            conditions=[gcp.monitoring.AlertPolicyConditionArgs(display_name=name, **condition)],
            opts=options(self),
        )


def _threshold(alert: Alert) -> dict[str, Any]:
    return {
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
    }


ASKED = (
    ("Signal: age of its features", f"max({AGE})"),
    ("API: requests a second", "sum(rate(cryptodudez_request_seconds_count[5m]))"),
    ("Recorders: books that are known", f"max by (pod) ({BOOKS})"),
    ("Recorders: records a second", "sum by (source) (rate(cryptodudez_recorder_records_total[5m]))"),
)
"""Of the pods' own metrics, in Prometheus' words."""
CHARTS = (
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


def dashboard() -> dict[str, Any]:
    """As Google's Monitoring takes it."""
    asked = [(title, {"prometheusQuery": query}) for title, query in ASKED]
    told = [
        (
            title,
            {
                "timeSeriesFilter": {
                    "filter": series,
                    "aggregation": {"alignmentPeriod": "60s", "perSeriesAligner": aligner},
                }
            },
        )
        for title, series, aligner in CHARTS
    ]
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
                        "xyChart": {"dataSets": [{"plotType": "LINE", "timeSeriesQuery": query}]},
                    },
                }
                for number, (title, query) in enumerate([*asked, *told])
            ],
        },
    }
