"""What messages of buckets tell, and how they are sorted. The forms are copied from nobody: each field is one that the clouds document."""

import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st
from obstore.store import MemoryStore
from pydantic import ValidationError

from cryptodudez_assets.lake.bucket_events import EventsUnusable, draining
from cryptodudez_assets.lake.bucket_events.decoding import BucketEvent, Undecodable, of_google, of_s3
from cryptodudez_assets.lake.bucket_events.draining import DEAD_LETTERS, drain
from cryptodudez_assets.lake.bucket_events.opening import open_queue
from cryptodudez_assets.lake.bucket_events.queue import Message
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.settings import Settings
from cryptodudez_assets.sources import all_sources
from cryptodudez_assets_tests.builders import open_lake

FINALIZED = {
    "notificationConfig": "projects/_/buckets/lake/notificationConfigs/3",
    "eventType": "OBJECT_FINALIZE",
    "payloadFormat": "JSON_API_V1",
    "bucketId": "lake",
    "objectId": "raw/crypto_prices/a b+ü%41.csv",
    "objectGeneration": "1764318427123456",
    "eventTime": "2026-11-28T08:27:07.123456Z",
    "overwroteGeneration": "1764318426000000",
}


def record(key: str = "raw/crypto_prices/a.csv", name: str = "ObjectCreated:Put", **there: Any) -> dict[str, Any]:
    """A record of version 2.1, as S3 documents it."""
    return {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": "us-east-1",
        "eventTime": "2026-11-28T08:27:07.123Z",
        "eventName": name,
        "userIdentity": {"principalId": "AIDAJDPLRKLG7UEXAMPLE"},
        "requestParameters": {"sourceIPAddress": "127.0.0.1"},
        "responseElements": {"x-amz-request-id": "C3D13FE58DE4C810", "x-amz-id-2": "FMyUVURIY8"},
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": "landed",
            "bucket": {"name": "lake", "ownerIdentity": {"principalId": "A3NL1"}, "arn": "arn:aws:s3:::lake"},
            "object": {"key": key, "size": 1024, "eTag": "d41d8cd9", "sequencer": "0055AED6DCD90281E5"} | there,
        },
    }


def body(*records: Any) -> str:
    return json.dumps({"Records": records})


class TestGoogles:
    def test_attributes_tell_the_object_and_its_generation(self):
        assert of_google(FINALIZED) == [
            BucketEvent("lake", "raw/crypto_prices/a b+ü%41.csv", "1764318427123456", created=True)
        ]

    @pytest.mark.parametrize("kind", ["OBJECT_DELETE", "OBJECT_ARCHIVE", "OBJECT_METADATA_UPDATE"])
    def test_other_events_bring_no_bytes(self, kind: str):
        assert not of_google(FINALIZED | {"eventType": kind})[0].created

    @pytest.mark.parametrize("name", ["eventType", "bucketId", "objectId", "objectGeneration"])
    def test_what_lacks_an_attribute_is_no_notification(self, name: str):
        with pytest.raises(Undecodable, match=f"has no {name}"):
            of_google({key: value for key, value in FINALIZED.items() if key != name})


class TestAmazons:
    def test_keys_are_encoded_as_in_forms(self):
        assert of_s3(body(record("raw/crypto_prices/a+b%2B%C3%BC%2541.csv"))) == [
            BucketEvent("lake", "raw/crypto_prices/a b+ü%41.csv", "0055AED6DCD90281E5", created=True)
        ]

    def test_a_message_may_have_several_records(self):
        events = of_s3(body(record(versionId="v7"), record(name="ObjectRemoved:DeleteMarkerCreated")))
        assert [(one.generation, one.created) for one in events] == [("v7", True), ("0055AED6DCD90281E5", False)]

    def test_a_test_message_tells_nothing_and_is_no_nonsense(self):
        told = {"Service": "Amazon S3", "Event": "s3:TestEvent", "Time": "2026-11-28T08:27:07.123Z", "Bucket": "lake"}
        assert of_s3(json.dumps(told)) == []

    @pytest.mark.parametrize(
        "nonsense",
        [
            "", "hello", "[]", "{}", '{"Records": []}', '{"Records": [1]}', "[" * 100_000, body(record() | {"s3": {}}),
            body(record() | {"eventSource": "aws:sns"}), body(record("raw/%FF.csv")), body(record(key=7)),
        ],
    )  # fmt: skip
    def test_what_has_another_form_is_undecodable(self, nonsense: str):
        with pytest.raises(Undecodable):
            of_s3(nonsense)

    @given(
        st.recursive(st.none() | st.text() | st.integers(), lambda one: st.lists(one) | st.dictionaries(st.text(), one))
    )
    def test_no_json_does_more_than_that(self, nonsense: Any):
        for told in (nonsense, {"Records": nonsense}, {"Records": [record() | {"s3": nonsense}]}):
            with pytest.raises(Undecodable):
                of_s3(json.dumps(told))


SOURCES = list(all_sources().values())


class Told:
    """A queue that hands out what it was given, each message once, three at a time."""

    def __init__(self, *bodies: str) -> None:
        self._left = [Message(f"message-{number}", f"receipt-{number}", one) for number, one in enumerate(bodies)]
        self.waited: list[float] = []

    def pull(self, most: int, wait_seconds: float) -> list[Message]:
        self.waited.append(wait_seconds)
        some, self._left = self._left[: min(most, 3)], self._left[min(most, 3) :]
        return some

    def acknowledge(self, receipts: Sequence[str]) -> None:
        raise AssertionError("whoever drains has kept nothing yet")

    def events(self, message: Message) -> list[BucketEvent]:
        return of_s3(message.body)


@pytest.fixture
def bucket(tmp_path: Path) -> Lake:
    """A lake below a prefix of a bucket that nobody asks."""
    here = open_lake(Settings(home=tmp_path))
    return replace(here, settings=Settings(home=tmp_path, lake="s3://lake/of/ours"))


def test_events_are_sorted_by_source_and_what_is_for_none_is_counted(bucket: Lake):
    prices = "of/ours/raw/crypto_prices"
    elsewhere = record(f"{prices}/a.csv")
    elsewhere["s3"]["bucket"]["name"] = "other"
    drained = drain(bucket, SOURCES, Told(
        body(record(f"{prices}/b.csv", sequencer="2")),
        body(record(f"{prices}/a/b=1/c.csv"), record("of/ours/raw/deposits/a.csv")),
        body(record(f"{prices}/b.csv", sequencer="1")),
        body(record(f"{prices}/b.csv", sequencer="2")),
        body(record(f"{prices}/gone.csv", name="ObjectRemoved:Delete")),
        body(record(f"{prices}/loading.csv.part")),
        body(record("of/ours/raw/prices_of_crypto/a.csv")),
        body(record("of/ours/tables/a.parquet")), body(record("raw/crypto_prices/a.csv")), body(elsewhere),
        json.dumps({"Event": "s3:TestEvent"}),
    ))  # fmt: skip
    assert drained.keys == {
        "crypto_prices": ["raw/crypto_prices/a/b=1/c.csv", "raw/crypto_prices/b.csv"],
        "deposits": ["raw/deposits/a.csv"],
    }
    assert drained.passed_over == {
        "told more than once": 1,
        "no new bytes": 1,
        "unfinished downloads": 1,
        "of no declared source": 1,
        "outside the raw zone": 3,
        "tests of the notification": 1,
    }
    assert (len(drained.receipts), drained.dead) == (11, [])


@pytest.mark.parametrize("name", ["a//b.csv", "a/./b.csv", "../b.csv", "a%0Ab.csv", "."])
def test_an_object_that_no_library_opens_is_a_dead_letter_and_holds_up_nothing(bucket: Lake, name: str):
    told = body(record(f"of/ours/raw/deposits/{name}"), record("of/ours/raw/deposits/.b..csv"))
    with pytest.raises(ValueError, match="path"):
        MemoryStore().head(unquote_plus(f"raw/deposits/{name}"))
    drained = drain(bucket, SOURCES, Told(told))
    assert drained.keys == {"deposits": ["raw/deposits/.b..csv"]}
    assert drained.passed_over == {"cannot be opened": 1}
    assert len(drained.dead) == 1
    assert bucket.store.stat(f"{DEAD_LETTERS}/message-0.json")


def test_such_an_object_elsewhere_is_nobodys(bucket: Lake):
    drained = drain(
        bucket, SOURCES, Told(body(record("of/ours/tables//b.parquet"), record("of/ours/raw/unknown//b.csv")))
    )
    assert drained.dead == []
    assert drained.passed_over == {"outside the raw zone": 1, "of no declared source": 1}


def test_folders_that_consoles_make_are_passed_over(bucket: Lake):
    drained = drain(bucket, SOURCES, Told(body(record("of/ours/raw/deposits/"), record("of/ours/raw/deposits/a/"))))
    assert (drained.keys, drained.dead) == ({}, [])


def test_a_raw_zone_in_a_bucket_of_its_own_is_told_of_by_that_bucket(tmp_path: Path):
    here, prices = open_lake(Settings(home=tmp_path)), "crypto_prices/a.csv"
    for raw, key in (("s3://landed", prices), ("s3://landed/of/ours", f"of/ours/{prices}")):
        lake = replace(here, settings=Settings(home=tmp_path, lake="s3://lake", raw=raw))
        landed, in_lake = record(key), record(f"raw/{prices}")
        landed["s3"]["bucket"]["name"] = "landed"
        drained = drain(lake, SOURCES, Told(body(landed, in_lake)))
        assert drained.keys == {"crypto_prices": [f"raw/{prices}"]}
        assert drained.passed_over == {"outside the raw zone": 1}


def test_sources_that_share_a_folder_are_told_alike(bucket: Lake):
    drained = drain(bucket, SOURCES, Told(body(record("of/ours/raw/stock_market/a.zip"))))
    assert set(drained.keys) == {"stock_market", "stock_symbols"}


@pytest.mark.parametrize(("is_patient", "first"), [(True, draining.WAIT_SECONDS), (False, 0.0)])
def test_only_the_first_message_is_waited_for_if_any(bucket: Lake, is_patient: bool, first: float):
    queue = Told(*(body(record(f"of/ours/raw/deposits/{number}.csv")) for number in range(4)))
    assert len(drain(bucket, SOURCES, queue, is_patient=is_patient).receipts) == 4
    assert queue.waited == [first, 0.0, 0.0]


def test_a_queue_that_never_ends_is_left_in_time(bucket: Lake, monkeypatch: pytest.MonkeyPatch):
    bodies = [body(record(f"of/ours/raw/deposits/{number}.csv")) for number in range(10)]
    assert len(drain(bucket, SOURCES, Told(*bodies), most=7).receipts) == 7
    monkeypatch.setattr(draining, "PULL_SECONDS", 0.0)
    assert drain(bucket, SOURCES, Told(*bodies)).receipts == []


@pytest.mark.parametrize(
    ("lake", "events", "module", "said"),
    [
        ("gs://lake", "pubsub://project/lake", "google.pubsub_v1", r"pip install 'cryptodudez\[gcp\]'"),
        ("s3://lake", "sqs://landed", "boto3", r"pip install 'cryptodudez\[aws\]'"),
    ],
)
def test_without_its_extra_a_queue_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lake: str, events: str, module: str, said: str
):
    for name in ("pubsub", "sqs"):
        monkeypatch.delitem(sys.modules, f"cryptodudez_assets.lake.bucket_events.{name}", raising=False)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(EventsUnusable, match=said):
        open_queue(Settings(home=tmp_path, lake=lake, events=events))


@pytest.mark.parametrize(
    ("lake", "events"),
    [
        ("", "sqs://landed"),
        ("gs://lake", "sqs://landed"),
        ("s3://lake", "pubsub://project/lake"),
        ("gs://lake", "pubsub://project"),
        ("s3://lake", "https://joe:hunter2@sqs.us-east-1.amazonaws.com/1/landed"),
        ("s3://lake", "https://example.com/1/landed"),
    ],
)
def test_a_queue_is_named_as_its_cloud_does_and_of_the_clouds_own_bucket(tmp_path: Path, lake: str, events: str):
    with pytest.raises(ValidationError) as failed:
        Settings(home=tmp_path, lake=lake, events=events)
    assert "hunter2" not in str(failed.value)


def test_queues_of_the_clouds_are_taken(tmp_path: Path):
    for lake, events in [
        ("gs://lake/here", "pubsub://a-project-1/cryptodudez"),
        ("gs://lake", "pubsub://example.com:a-project/lake"),
        ("s3://lake", "sqs://landed"),
        ("s3://lake/here", "https://sqs.eu-central-1.amazonaws.com/123456789012/landed"),
    ]:
        assert Settings(home=tmp_path, lake=lake, events=events).events == events
