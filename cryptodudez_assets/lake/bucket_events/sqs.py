"""A queue of Amazon's SQS that S3 notifies, by Amazon's own client. Credentials are found where its own tools find them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from cryptodudez_assets.lake.bucket_events import EventsUnusable
from cryptodudez_assets.lake.bucket_events.decoding import BucketEvent, of_s3
from cryptodudez_assets.lake.bucket_events.queue import LEASE_SECONDS, Message

ANSWER_SECONDS = 10
A_REQUEST = 10
"""So many messages a request may be about."""


class Sqs:
    """The queue of this address (`https://…`) or name (`sqs://…`) in a region. `endpoint`: of a stand-in."""

    def __init__(self, queue: str, region: str, endpoint: str = "") -> None:
        self.name = queue
        # A request waits for messages itself: the client must wait longer.
        config = Config(
            connect_timeout=ANSWER_SECONDS, read_timeout=2 * ANSWER_SECONDS, retries={"total_max_attempts": 2}
        )
        with _told(queue):
            self._client = boto3.client("sqs", region_name=region, endpoint_url=endpoint or None, config=config)
            self._url = queue
            if queue.startswith("sqs://"):
                self._url = self._client.get_queue_url(QueueName=queue.removeprefix("sqs://"))["QueueUrl"]

    def pull(self, most: int, wait_seconds: float) -> list[Message]:
        with _told(self.name):
            answer = self._client.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=min(most, A_REQUEST),
                WaitTimeSeconds=int(wait_seconds),
                VisibilityTimeout=LEASE_SECONDS,
            )
        return [Message(one["MessageId"], one["ReceiptHandle"], one["Body"]) for one in answer.get("Messages", [])]

    def acknowledge(self, receipts: Sequence[str]) -> None:
        refused: list[str] = []
        for first in range(0, len(receipts), A_REQUEST):
            some = [
                {"Id": str(number), "ReceiptHandle": receipt}
                for number, receipt in enumerate(receipts[first : first + A_REQUEST])
            ]
            with _told(self.name):
                answer = self._client.delete_message_batch(QueueUrl=self._url, Entries=some)
            refused += [one["Code"] for one in answer.get("Failed", [])]
        if refused:
            raise EventsUnusable(f"{self.name}: {len(refused)} of {len(receipts)} not acknowledged: {refused[0]}")

    def events(self, message: Message) -> list[BucketEvent]:
        return of_s3(message.body)


@contextmanager
def _told(queue: str) -> Iterator[None]:
    """What goes wrong is told in one way."""
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise EventsUnusable(f"{queue}: {error}") from error
