"""A subscription of Google's Pub/Sub to a topic that Cloud Storage notifies, by Google's own client."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from urllib.parse import urlsplit

import grpc
from google.api_core.exceptions import DeadlineExceeded, GoogleAPICallError, RetryError
from google.auth.exceptions import GoogleAuthError
from google.pubsub_v1 import SubscriberClient
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport

from cryptodudez_assets.lake.bucket_events import EventsUnusable
from cryptodudez_assets.lake.bucket_events.decoding import BucketEvent, of_google
from cryptodudez_assets.lake.bucket_events.queue import LEASE_SECONDS, Message

ANSWER_SECONDS = 10.0
LEAST_SECONDS = 1.0
"""So long an answer may be under way, where nothing is waited for."""
RECEIPTS = 500
"""In a request, which may have half a megabyte."""


class PubSub:
    """The subscription `projects/…/subscriptions/…`. `endpoint`: of a stand-in, which is asked without credentials."""

    def __init__(self, subscription: str, endpoint: str = "") -> None:
        self.name = subscription
        with _told(subscription):
            self._client = SubscriberClient(transport=_stand_in(endpoint)) if endpoint else SubscriberClient()

    def pull(self, most: int, wait_seconds: float) -> list[Message]:
        request = {"subscription": self.name, "max_messages": most}
        with _told(self.name):
            try:
                answer = self._client.pull(request, timeout=max(wait_seconds, LEAST_SECONDS), retry=None)
            except DeadlineExceeded:
                return []  # there were none
        handed_out = [
            Message(
                one.message.message_id,
                one.ack_id,
                one.message.data.decode("utf-8", "replace"),
                dict(one.message.attributes),
            )
            for one in answer.received_messages
        ]
        for ids in _some(self.name, [one.receipt for one in handed_out]):
            with _told(self.name):
                self._client.modify_ack_deadline({**ids, "ack_deadline_seconds": LEASE_SECONDS}, timeout=ANSWER_SECONDS)
        return handed_out

    def acknowledge(self, receipts: Sequence[str]) -> None:
        for ids in _some(self.name, receipts):
            with _told(self.name):
                self._client.acknowledge(ids, timeout=ANSWER_SECONDS)

    def events(self, message: Message) -> list[BucketEvent]:
        return of_google(message.attributes)


def _some(subscription: str, receipts: Sequence[str]) -> Iterator[dict[str, object]]:
    """Requests about these, few enough in each."""
    for first in range(0, len(receipts), RECEIPTS):
        yield {"subscription": subscription, "ack_ids": list(receipts[first : first + RECEIPTS])}


def _stand_in(endpoint: str) -> SubscriberGrpcTransport:
    return SubscriberGrpcTransport(channel=grpc.insecure_channel(urlsplit(endpoint).netloc))


@contextmanager
def _told(subscription: str) -> Iterator[None]:
    """What goes wrong is told in one way."""
    try:
        yield
    except (GoogleAPICallError, RetryError, GoogleAuthError) as error:
        raise EventsUnusable(f"{subscription}: {error}") from error
