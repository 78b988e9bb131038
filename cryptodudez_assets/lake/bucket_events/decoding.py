"""From a message to what it tells of objects. The forms are those that the clouds document:

Google: https://cloud.google.com/storage/docs/pubsub-notifications (attributes; the payload is not looked at).
Amazon: https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html (versions 2.x), and the test message
of https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-event-types-and-destinations.html.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

GOOGLES = {"OBJECT_FINALIZE", "OBJECT_METADATA_UPDATE", "OBJECT_DELETE", "OBJECT_ARCHIVE"}
TEST = "s3:TestEvent"


@dataclass(frozen=True)
class BucketEvent:
    """That something happened to an object. `generation`: which of its states, as the bucket calls it; the same if it is told again."""

    bucket: str
    key: str
    generation: str
    created: bool
    """Whether there are new bytes under this key; else it was deleted, archived, tagged."""


class Undecodable(ValueError):
    """A message that has none of the documented forms; the text says what was found, and repeats nothing of it."""


def of_google(attributes: Mapping[str, str]) -> list[BucketEvent]:
    """The one event of a notification of Cloud Storage, by its attributes. Raises Undecodable."""
    told = {name: attributes.get(name, "") for name in ("eventType", "bucketId", "objectId", "objectGeneration")}
    if missing := [name for name, value in told.items() if not value]:
        raise Undecodable(f"no notification of Cloud Storage: it has no {', '.join(missing)}")
    if told["eventType"] not in GOOGLES:
        raise Undecodable("a notification of an unknown eventType")
    created = told["eventType"] == "OBJECT_FINALIZE"
    return [BucketEvent(told["bucketId"], told["objectId"], told["objectGeneration"], created)]


def of_s3(body: str) -> list[BucketEvent]:
    """The events of a message of S3, by its body; none if it is the test that S3 sends when notifications are set up.

    Raises Undecodable.
    """
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        raise Undecodable("no event of S3: it is no JSON") from None
    if not isinstance(told, dict):
        raise Undecodable("no event of S3: it is no JSON object")
    if told.get("Event") == TEST:
        return []
    records = told.get("Records")
    if not isinstance(records, list) or not records:
        raise Undecodable("no event of S3: it has no Records")
    return [_record(one) for one in records]


def _record(record: Any) -> BucketEvent:
    try:
        of, name, there = record["eventSource"], record["eventName"], record["s3"]["object"]
        bucket, key = record["s3"]["bucket"]["name"], there["key"]
        generation = there.get("versionId") or there.get("sequencer") or there.get("eTag") or ""
        if not all(isinstance(one, str) for one in (of, name, bucket, key, generation)):
            raise TypeError
        key = unquote_plus(key, errors="strict")
    except (KeyError, TypeError, AttributeError):
        raise Undecodable("no event of S3: a record lacks eventSource, eventName, bucket or key") from None
    except UnicodeDecodeError:
        raise Undecodable("an event of S3 whose key is not UTF-8") from None
    if of != "aws:s3":
        raise Undecodable("an event of another service than S3")
    return BucketEvent(bucket, key, generation, name.removeprefix("s3:").startswith("ObjectCreated:"))
