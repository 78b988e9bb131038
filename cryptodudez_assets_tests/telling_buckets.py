"""Buckets that tell a queue what lands: Google's by Pub/Sub, Amazon's by SQS. They are stand-ins, our clients are real."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote_plus
from uuid import uuid4

from cryptodudez_assets.lake.bucket_events.queue import LEASE_SECONDS
from cryptodudez_assets_tests.pubsub_stand_in import PubSubStandIn

PATIENCE_SECONDS = 60


class TellingBucket(Protocol):
    """What tests do with one. `environment`: settings of a lake in it."""

    environment: dict[str, str]

    def tell(self, key: str, generation: str = "1", *, created: bool = True) -> None:
        """Say that something happened to this key of the bucket, whether it did or not."""

    def tell_nonsense(self) -> None:
        """Say what has no form that is documented."""

    def hand_out_again(self, receipts: Sequence[str]) -> None:
        """Have the leases of these be over."""

    def left(self) -> int:
        """How many messages are not acknowledged."""


@dataclass
class Google:
    """fake-gcs-server, which publishes by Google's client to a Pub/Sub of the tests."""

    environment: dict[str, str]
    pubsub: PubSubStandIn

    def tell(self, key: str, generation: str = "1", *, created: bool = True) -> None:
        kind = "OBJECT_FINALIZE" if created else "OBJECT_DELETE"
        told = {"eventType": kind, "bucketId": "lake", "objectId": key, "objectGeneration": generation}
        self.pubsub.tell(attributes=told)

    def tell_nonsense(self) -> None:
        self.pubsub.tell(b"hello", {"who": "knows"})

    def hand_out_again(self, receipts: Sequence[str]) -> None:
        self.pubsub.pass_time(LEASE_SECONDS + 1)

    def left(self) -> int:
        return len(self.pubsub.kept)


@dataclass
class Amazon:
    """moto's server: S3 that tells SQS."""

    environment: dict[str, str]
    sqs: Any
    url: str

    def tell(self, key: str, generation: str = "1", *, created: bool = True) -> None:
        kind = "ObjectCreated:Put" if created else "ObjectRemoved:Delete"
        of = {"bucket": {"name": "lake"}, "object": {"key": quote_plus(key), "sequencer": generation}}
        self._send(json.dumps({"Records": [{"eventSource": "aws:s3", "eventName": kind, "s3": of}]}))

    def tell_nonsense(self) -> None:
        self._send("hello")

    def hand_out_again(self, receipts: Sequence[str]) -> None:
        for receipt in receipts:
            self.sqs.change_message_visibility(QueueUrl=self.url, ReceiptHandle=receipt, VisibilityTimeout=0)

    def left(self) -> int:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        told = self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=names)["Attributes"]
        return sum(int(told[name]) for name in names)

    def _send(self, body: str) -> None:
        self.sqs.send_message(QueueUrl=self.url, MessageBody=body)


def amazon_bucket(endpoint: str, prefix: str) -> Amazon:
    """A lake below this prefix of the bucket `lake`, and a queue that is told of its raw zone."""
    import boto3

    s3, sqs = (boto3.client(name, endpoint_url=endpoint, region_name="us-east-1") for name in ("s3", "sqs"))
    name = f"landed-{uuid4().hex}"
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    of_raw_zone = {"Key": {"FilterRules": [{"Name": "prefix", "Value": f"{prefix}/raw/"}]}}
    told = {"QueueArn": arn, "Events": ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"], "Filter": of_raw_zone}
    s3.put_bucket_notification_configuration(Bucket="lake", NotificationConfiguration={"QueueConfigurations": [told]})
    environment = {
        "CRYPTODUDEZ_LAKE": f"s3://lake/{prefix}",
        "CRYPTODUDEZ_S3_ENDPOINT": endpoint,
        "CRYPTODUDEZ_EVENTS": f"sqs://{name}",
        "CRYPTODUDEZ_EVENTS_ENDPOINT": endpoint,
    }
    return Amazon(environment, sqs, url)


@contextmanager
def amazon_stand_in(port: int, folder: Path) -> Iterator[str]:
    """Run moto's server with a bucket `lake`; gives the endpoint. A process of its own: pyarrow waits with Python's lock in its hands."""
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    endpoint = f"http://127.0.0.1:{port}"
    command = [str(Path(sys.executable).with_name("moto_server")), "-H", "127.0.0.1", "-p", str(port)]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
    try:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1").create_bucket(Bucket="lake")
                break
            except (BotoCoreError, ClientError) as error:
                if process.poll() is not None or time.monotonic() > deadline:
                    told = (folder / "log").read_text(errors="replace")[-2000:]
                    raise RuntimeError(f"moto's server did not come up:\n{told}") from error
                time.sleep(0.2)
        yield endpoint
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
