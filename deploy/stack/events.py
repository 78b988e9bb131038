"""What the raw zone's bucket tells of new objects: a topic, one subscription of the lake's, and where messages go that nobody can take.

The platform writes dead letters of its own for messages that it cannot read, and acknowledges them; those here are what it
never acknowledged.
"""

from collections.abc import Sequence

import pulumi
import pulumi_gcp as gcp

from stack.agents import Agents
from stack.keys import Keys
from stack.lake import Lake
from stack.naming import PROJECT, options, part_of

LEASE_SECONDS = 300
KEPT = "604800s"
"""Seven days."""
DELIVERED_AT_MOST = 20


class Events(pulumi.ComponentResource):
    """`queue`, as the platform's setting names it; `subscription`."""

    def __init__(
        self,
        project: str,
        lake: Lake,
        agents: Agents,
        keys: Keys | None,
        operators: Sequence[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(part_of("Events"), "events", None, opts)
        self._keys = keys
        landed, dead = self._topic("landed"), self._topic("dead-letters")
        self._bucket_tells(lake, landed, agents)
        self.subscription = gcp.pubsub.Subscription(
            "lake",
            topic=landed.id,
            ack_deadline_seconds=LEASE_SECONDS,
            message_retention_duration=KEPT,
            expiration_policy={"ttl": ""},  # never, also when nobody asks for a month
            dead_letter_policy={"dead_letter_topic": dead.id, "max_delivery_attempts": DELIVERED_AT_MOST},
            retry_policy={"minimum_backoff": "10s", "maximum_backoff": "600s"},
            opts=options(self),
        )
        self.dead = gcp.pubsub.Subscription(
            "dead-letters",
            name=f"{PROJECT}-dead-letters",  # people name it
            topic=dead.id,
            message_retention_duration=KEPT,
            expiration_policy={"ttl": ""},
            opts=options(self),
        )
        self._pubsub_forwards(dead, agents)
        for number, operator in enumerate(operators):
            self._let_take(f"operator-{number}-reads-dead-letters", self.dead, operator)
        self.queue = pulumi.Output.concat("pubsub://", project, "/", self.subscription.name)
        self.register_outputs({"queue": self.queue})

    def let_pull(self, name: str, member: pulumi.Input[str]) -> None:
        """Let somebody take messages. One only: who shares a subscription takes the other's."""
        self._let_take(f"{name}-pulls", self.subscription, member)

    def _topic(self, name: str) -> gcp.pubsub.Topic:
        keys = self._keys
        return gcp.pubsub.Topic(
            name,
            message_retention_duration=KEPT,
            kms_key_name=keys.key("pubsub") if keys else None,
            opts=options(self, depends_on=[keys.usable["pubsub"]] if keys else []),
        )

    def _bucket_tells(self, lake: Lake, topic: gcp.pubsub.Topic, agents: Agents) -> None:
        publishes = gcp.pubsub.TopicIAMMember(
            "bucket-publishes",
            topic=topic.id,
            role="roles/pubsub.publisher",
            member=agents.storage,
            opts=options(self),
        )
        gcp.storage.Notification(
            "landed",
            bucket=lake.raw.name,
            topic=topic.id,
            payload_format="NONE",
            event_types=["OBJECT_FINALIZE"],
            # Google refuses a notification of a topic that its agent may not publish to.
            opts=options(self, depends_on=[publishes]),
        )

    def _pubsub_forwards(self, dead: gcp.pubsub.Topic, agents: Agents) -> None:
        """Pub/Sub itself moves dead letters, by an agent that needs both roles; without them it keeps delivering, and says nothing."""
        gcp.pubsub.TopicIAMMember(
            "dead-letters-published",
            topic=dead.id,
            role="roles/pubsub.publisher",
            member=agents.pubsub,
            opts=options(self),
        )
        self._let_take("dead-letters-taken", self.subscription, agents.pubsub)

    def _let_take(self, name: str, subscription: gcp.pubsub.Subscription, member: pulumi.Input[str]) -> None:
        gcp.pubsub.SubscriptionIAMMember(
            name,
            subscription=subscription.name,
            role="roles/pubsub.subscriber",
            member=member,
            opts=options(self),
        )
