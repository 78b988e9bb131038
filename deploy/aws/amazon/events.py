"""What the raw zone tells of new objects: a queue, and one for messages that nobody took. `dead` is watched, and people are told.

The platform writes dead letters of its own for messages that it cannot read, and acknowledges them; those here are what it never
acknowledged. Nothing is sent again from there: listing finds the objects meanwhile.
"""

import pulumi
import pulumi_aws as aws
from stack.naming import PROJECT, options, part_of

from amazon.config import AmazonConfig
from amazon.documents import allow, document, only_encrypted, refuse
from amazon.lake import RAW_PATH, Lake
from cryptodudez_assets.lake.bucket_events.queue import LEASE_SECONDS

KEPT_SECONDS = 14 * 24 * 3600
"""As long as Amazon keeps any."""
DELIVERED_AT_MOST = 20
LISTENS_SECONDS = 20
DEAD_LETTERS = "dead-letters"
FIVE_MINUTES = 300


class Events(pulumi.ComponentResource):
    """`queue`, as the platform's setting names it; `landed` and `dead`, the queues."""

    def __init__(
        self, account: str, lake: Lake, config: AmazonConfig, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(part_of("AmazonEvents"), "events", None, opts)
        self.dead = self._queue(DEAD_LETTERS)
        gives_up = {"deadLetterTargetArn": self.dead.arn, "maxReceiveCount": DELIVERED_AT_MOST}
        self.landed = self._queue("landed", pulumi.Output.json_dumps(gives_up))
        aws.sqs.RedriveAllowPolicy(
            DEAD_LETTERS,
            queue_url=self.dead.url,
            redrive_allow_policy=pulumi.Output.json_dumps(
                {"redrivePermission": "byQueue", "sourceQueueArns": [self.landed.arn]}
            ),
            opts=options(self),
        )
        self._bucket_tells(account, lake)
        self._people_are_told(config)
        self.queue = self.landed.url
        self.register_outputs({"queue": self.queue})

    def _queue(self, name: str, redrive: pulumi.Output[str] | None = None) -> aws.sqs.Queue:
        return aws.sqs.Queue(
            name,
            name=f"{PROJECT}-{name}",
            message_retention_seconds=KEPT_SECONDS,
            visibility_timeout_seconds=LEASE_SECONDS,
            receive_wait_time_seconds=LISTENS_SECONDS,
            sqs_managed_sse_enabled=True,
            redrive_policy=redrive,
            opts=options(self),
        )

    def _bucket_tells(self, account: str, lake: Lake) -> None:
        """Only this bucket's notifications get into the queue: whoever may send in this account may not send to it."""
        arn, bucket = self.landed.arn, lake.raw.arn
        sends = aws.sqs.QueuePolicy(
            "bucket-tells",
            queue_url=self.landed.url,
            policy=document(
                allow(
                    ["sqs:SendMessage"],
                    arn,
                    Principal={"Service": "s3.amazonaws.com"},
                    Condition={
                        "ArnEquals": {"aws:SourceArn": bucket},
                        "StringEquals": {"aws:SourceAccount": account},
                    },
                ),
                refuse(["sqs:SendMessage"], arn, ArnNotEquals={"aws:SourceArn": bucket}),
                only_encrypted("sqs", arn),
            ),
            opts=options(self),
        )
        aws.s3.BucketNotification(
            "landed",
            bucket=lake.raw.bucket,
            queues=[
                {
                    "id": "landed",
                    "queue_arn": arn,
                    "events": ["s3:ObjectCreated:*"],
                    "filter_prefix": f"{RAW_PATH}/",
                }
            ],
            # Amazon refuses a notification of a queue that it may not send to.
            opts=options(self, depends_on=[sends]),
        )

    def _people_are_told(self, config: AmazonConfig) -> None:
        topic = aws.sns.Topic("operators", name=f"{PROJECT}-operators", opts=options(self))
        aws.sns.TopicSubscription(
            "operators", topic=topic.arn, protocol="email", endpoint=config.alerts_to, opts=options(self)
        )
        aws.cloudwatch.MetricAlarm(
            DEAD_LETTERS,
            name=f"{PROJECT}-{DEAD_LETTERS}",
            alarm_description=f"What to do: deploy/README.md, runbook `{DEAD_LETTERS}`.",
            namespace="AWS/SQS",
            metric_name="ApproximateNumberOfMessagesVisible",
            dimensions={"QueueName": self.dead.name},
            statistic="Maximum",
            period=FIVE_MINUTES,
            evaluation_periods=1,
            comparison_operator="GreaterThanThreshold",
            threshold=0,
            treat_missing_data="notBreaching",
            alarm_actions=[topic.arn],
            opts=options(self),
        )
