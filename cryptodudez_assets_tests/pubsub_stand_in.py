"""A stand-in for Pub/Sub: one topic with one subscription, over gRPC, as far as publishers and pulling subscribers ask it.

As Google's reference says, a message is handed out again once its lease is over, under another ack id, until it is acknowledged; an ack id
that was given out before does nothing. Leases are counted by a clock of its own, which tests set forward. Nothing here says how
fast Google's service is, or in which order it hands out.
"""

import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Condition
from typing import Any
from uuid import uuid4

import grpc
from google.protobuf import empty_pb2
from google.pubsub_v1.types import (
    AcknowledgeRequest,
    GetTopicRequest,
    ModifyAckDeadlineRequest,
    PublishRequest,
    PublishResponse,
    PubsubMessage,
    PullRequest,
    PullResponse,
    ReceivedMessage,
    Topic,
)

from cryptodudez_assets_tests.grpc_stand_in import Services, served

TOPIC, SUBSCRIPTION = "projects/tests/topics/landed", "projects/tests/subscriptions/lake"
LEASE_SECONDS = 10
"""Of the subscription, as Google's default is; whoever pulls may say otherwise of what was handed out."""
LOOK_SECONDS = 0.05


@dataclass
class _Kept:
    message: PubsubMessage
    leased_until: float = 0.0
    ack_id: str = ""


@dataclass
class PubSubStandIn:
    """The messages that are not acknowledged yet, by id; and whether it refuses acknowledgements."""

    kept: dict[str, _Kept] = field(default_factory=dict)
    refuses: bool = False
    address: str = ""
    subscription: str = SUBSCRIPTION
    _changed: Condition = field(default_factory=Condition)
    _later: float = 0.0
    _pulls: int = 0

    def tell(self, body: bytes = b"", attributes: Mapping[str, str] | None = None) -> str:
        """Publish a message; gives its id."""
        with self._changed:
            name = str(uuid4().int)[:16]
            self.kept[name] = _Kept(PubsubMessage(data=body, attributes=attributes or {}, message_id=name))
            self._changed.notify_all()
            return name

    def pass_time(self, seconds: float) -> None:
        """Have leases be so much older. Who has given up waiting for messages is waited for, or it would be handed them."""
        with self._changed:
            self._changed.wait_for(lambda: not self._pulls)
            self._later += seconds

    def get_topic(self, request: GetTopicRequest, context: grpc.ServicerContext) -> Topic:
        if request.topic != TOPIC:
            context.abort(grpc.StatusCode.NOT_FOUND, f"there is no topic {request.topic}")
        return Topic(name=TOPIC)

    def publish(self, request: PublishRequest, context: grpc.ServicerContext) -> PublishResponse:
        self.get_topic(GetTopicRequest(topic=request.topic), context)
        return PublishResponse(message_ids=[self.tell(one.data, dict(one.attributes)) for one in request.messages])

    def pull(self, request: PullRequest, context: grpc.ServicerContext) -> PullResponse:
        if request.subscription != self.subscription:
            context.abort(grpc.StatusCode.NOT_FOUND, f"there is no subscription {request.subscription}")
        with self._changed, self._counted():
            while context.is_active():
                if taken := [one for one in self.kept.values() if one.leased_until <= self._now()]:
                    return PullResponse(received_messages=[self._lease(one) for one in taken[: request.max_messages]])
                self._changed.wait(LOOK_SECONDS)
        return PullResponse()  # nobody waits for it any more

    def acknowledge(self, request: AcknowledgeRequest, context: grpc.ServicerContext) -> empty_pb2.Empty:
        if self.refuses:
            context.abort(grpc.StatusCode.PERMISSION_DENIED, "not permitted")
        with self._changed:
            for name in self._leased(request.ack_ids):
                del self.kept[name]
        return empty_pb2.Empty()

    def modify_ack_deadline(self, request: ModifyAckDeadlineRequest, context: grpc.ServicerContext) -> empty_pb2.Empty:
        with self._changed:
            for name in self._leased(request.ack_ids):
                self.kept[name].leased_until = self._now() + request.ack_deadline_seconds
        return empty_pb2.Empty()

    @contextmanager
    def _counted(self) -> Iterator[None]:
        self._pulls += 1
        try:
            yield
        finally:
            self._pulls -= 1
            self._changed.notify_all()

    def _now(self) -> float:
        return time.monotonic() + self._later

    def _lease(self, one: _Kept) -> ReceivedMessage:
        one.leased_until, one.ack_id = self._now() + LEASE_SECONDS, uuid4().hex
        return ReceivedMessage(ack_id=one.ack_id, message=one.message)

    def _leased(self, ack_ids: Any) -> list[str]:
        wanted = set(ack_ids)
        return [name for name, one in self.kept.items() if one.ack_id in wanted]

    def handler(self, name: str, request: Any, answer: Any) -> grpc.RpcMethodHandler:
        """How a method is served that takes and gives these messages."""
        serve: Callable[[Any, grpc.ServicerContext], Any] = getattr(self, re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower())
        return grpc.unary_unary_rpc_method_handler(
            serve,
            request_deserializer=request.deserialize,
            response_serializer=getattr(answer, "serialize", None) or answer.SerializeToString,
        )


SERVICES: Services = {
    "google.pubsub.v1.Publisher": {
        "GetTopic": (GetTopicRequest, Topic),
        "Publish": (PublishRequest, PublishResponse),
    },
    "google.pubsub.v1.Subscriber": {
        "Pull": (PullRequest, PullResponse),
        "Acknowledge": (AcknowledgeRequest, empty_pb2.Empty),
        "ModifyAckDeadline": (ModifyAckDeadlineRequest, empty_pb2.Empty),
    },
}


@contextmanager
def pubsub_stand_in(subscription: str = SUBSCRIPTION) -> Iterator[PubSubStandIn]:
    """The service, on a port of loopback that was free."""
    stand_in = PubSubStandIn(subscription=subscription)
    with served(stand_in, SERVICES):
        yield stand_in
