"""The lake on Amazon: its program as Pulumi runs it, its policies, and its event half on a stand-in for S3 and SQS."""

import io
import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from amazon.config import AmazonConfig
from checks.amazon import POLICIES, findings
from checks.engine import AMAZONS_REGION, ProgramFailed, take
from checks.graph import Graph
from stack.config import Wrong, as_declared

from cryptodudez_assets.lake.bucket_events import draining
from cryptodudez_assets.lake.bucket_events.draining import drain
from cryptodudez_assets.lake.bucket_events.opening import open_queue
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.settings import PREFIX, Settings
from cryptodudez_assets_tests.deploying.breaking import Break, added, altered, put, without
from cryptodudez_assets_tests.deploying.conftest import DEPLOY, as_text
from cryptodudez_assets_tests.integration.conftest import amazon  # noqa: F401  (a fixture)
from cryptodudez_assets_tests.toy_source import SOURCE

PROGRAM = DEPLOY / "aws"
SNAPSHOT = PROGRAM / "graph.txt"
CONTENT = b"Block,Time,Gwei\n1,2021-01-01 00:00:13,41.5\n"


def told() -> dict[str, Any]:
    stack: dict[str, Any] = yaml.safe_load((PROGRAM / "Pulumi.prod.yaml").read_text())["config"][
        "cryptodudez-aws:stack"
    ]
    return stack


@pytest.fixture(scope="module")
def graph() -> Graph:
    return take(told(), program=PROGRAM)


def test_a_preview_asks_for_the_same_as_an_update(graph: Graph) -> None:
    preview = take(told(), program=PROGRAM, preview=True)
    assert {one.key for one in preview.resources} == {one.key for one in graph.resources}


def test_without_producers_there_is_no_role_of_theirs() -> None:
    few = take(told() | {"producers": []}, program=PROGRAM)
    assert {one.name for one in few.of("iam/role:Role")} == {"platform", "operator"}
    assert findings(few) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"producers": ["everybody"]}, "producers.0: String should match pattern"),
        ({"operators": []}, "operators: Tuple should have at least 1 item"),
        ({"bucket": "mine"}, "bucket: Unexpected keyword argument"),
    ],
)
def test_a_wrong_value_is_one_clear_line(change: dict[str, Any], words: str) -> None:
    with pytest.raises(Wrong, match=f"^it: {words}"):
        as_declared(AmazonConfig, told() | change, "it")


def test_the_program_says_it_too() -> None:
    with pytest.raises(ProgramFailed, match="cryptodudez-aws:stack: platform: Field required"):
        take({name: value for name, value in told().items() if name != "platform"}, program=PROGRAM)


def test_the_graph_is_as_it_was(graph: Graph) -> None:
    text = as_text(graph)
    if os.environ.get("RENEW_SNAPSHOT"):
        SNAPSHOT.write_text(text)
    assert SNAPSHOT.read_text() == text, (
        "the graph has changed; if it was meant to, run this test with RENEW_SNAPSHOT=1 and look at `git diff`"
    )


# Policies --------------------------------------------------------------------------------------------------------------------------------

BUCKET = "aws:s3/bucket:Bucket::raw"
QUEUE_POLICY = "aws:sqs/queuePolicy:QueuePolicy::bucket-tells"
NOTIFICATION = "aws:s3/bucketNotification:BucketNotification::landed"
ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm::dead-letters"


def said(key: str, change: Callable[[list[dict[str, Any]]], object], name: str = "policy") -> Break:
    """Break a policy's document."""

    def on(properties: dict[str, Any]) -> None:
        document = json.loads(properties[name])
        change(document["Statement"])
        properties[name] = json.dumps(document)

    return lambda graph: graph.changed(key, on)


def exported(setting: str, value: str) -> Break:
    """Tell the platform something else."""
    return lambda graph: Graph(
        graph.resources, graph.exports | {"settings": graph.exports["settings"] | {setting: value}}
    )


BREAKS: dict[str, list[Break]] = {
    "buckets_are_private": [
        put("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock::raw", "blockPublicPolicy", False),
        without("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock::lake"),
        put("aws:s3/bucketOwnershipControls:BucketOwnershipControls::raw", "rule.objectOwnership", "ObjectWriter"),
    ],
    "nothing_is_in_the_clear": [
        said("aws:s3/bucketPolicy:BucketPolicy::raw", lambda all_: all_.pop(0)),
        said("aws:s3/bucketPolicy:BucketPolicy::lake", lambda all_: all_[0].update(Action=["s3:GetObject"])),
        said(QUEUE_POLICY, lambda all_: all_.pop()),
        without("aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration::raw"),
        put("aws:sqs/queue:Queue::landed", "sqsManagedSseEnabled", False),
    ],
    "raw_files_keep_old_versions": [
        put("aws:s3/bucketVersioning:BucketVersioning::raw", "versioningConfiguration.status", "Suspended"),
        put("aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration::raw", "rules", []),
    ],
    "uploads_that_nobody_ends_go": [
        put("aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration::lake", "rules", [])
    ],
    "buckets_are_not_lost": [put(BUCKET, "forceDestroy", True), altered(BUCKET, is_protected=False)],
    "only_the_bucket_sends": [
        said(QUEUE_POLICY, lambda all_: all_[0].update(Principal="*")),
        said(QUEUE_POLICY, lambda all_: all_[0]["Condition"].pop("StringEquals")),
        said(QUEUE_POLICY, lambda all_: all_[0]["Condition"].update(ArnEquals={"aws:SourceArn": "arn:aws:s3:::other"})),
        said(QUEUE_POLICY, lambda all_: all_[0].update(Action=["sqs:*"])),
        said(QUEUE_POLICY, lambda all_: all_.pop(1)),
    ],
    "the_raw_zone_tells_the_queue": [
        put(NOTIFICATION, "queues.0.filterPrefix", ""),
        put(NOTIFICATION, "queues.0.events", ["s3:ObjectRemoved:*"]),
        put(NOTIFICATION, "queues", []),
        altered(NOTIFICATION, needs=frozenset({"aws:sqs/queue:Queue::landed"})),
        exported(f"{PREFIX}EVENTS".upper(), "sqs://other"),
        without(NOTIFICATION),
    ],
    "dead_letters_are_kept": [
        put("aws:sqs/queue:Queue::landed", "redrivePolicy", "{}"),
        put("aws:sqs/queue:Queue::dead-letters", "messageRetentionSeconds", 3600),
        put("aws:sqs/redriveAllowPolicy:RedriveAllowPolicy::dead-letters", "redriveAllowPolicy", "{}"),
    ],
    "producers_create_only": [
        said("aws:iam/rolePolicy:RolePolicy::producer", lambda all_: all_[0]["Action"].append("s3:GetObject")),
        said("aws:iam/rolePolicy:RolePolicy::producer", lambda all_: all_[0].update(Resource=["arn:aws:s3:::x/*"])),
        said("aws:s3/bucketPolicy:BucketPolicy::raw", lambda all_: all_.pop()),
        said("aws:s3/bucketPolicy:BucketPolicy::raw", lambda all_: all_[1]["Condition"].pop("Null")),
    ],
    "nobody_may_do_anything": [
        said("aws:iam/rolePolicy:RolePolicy::platform", lambda all_: all_[0]["Action"].append("s3:*")),
        said("aws:iam/rolePolicy:RolePolicy::platform", lambda all_: all_[1].update(Resource=["*"])),
        said(
            "aws:iam/rolePolicy:RolePolicy::platform", lambda all_: all_[1]["Action"].append("s3:DeleteObjectVersion")
        ),
        said(
            "aws:s3/bucketPolicy:BucketPolicy::lake",
            lambda all_: all_.append(all_[0] | {"Effect": "Allow", "Action": ["s3:GetObject"]}),
        ),
    ],
    "who_takes_a_role_is_named": [
        said("aws:iam/role:Role::platform", lambda all_: all_[0].update(Principal="*"), "assumeRolePolicy"),
        said(
            "aws:iam/role:Role::platform",
            lambda all_: all_[0].update(Principal={"AWS": ["arn:aws:iam::123456789012:root"]}),
            "assumeRolePolicy",
        ),
    ],
    "there_are_no_keys": [added("aws:iam/accessKey:AccessKey", user="somebody"), added("aws:iam/user:User")],
    "people_are_told": [
        without("aws:sns/topicSubscription:TopicSubscription::operators"),
        put(ALARM, "dimensions.QueueName", "other"),
        put(ALARM, "alarmActions", []),
    ],
    "settings_are_the_platforms": [
        exported(f"{PREFIX}LAKES".upper(), "s3://a"),
        exported(f"{PREFIX}EVENTS".upper(), "pubsub://a/b"),
    ],
}


def test_every_policy_holds(graph: Graph) -> None:
    assert findings(graph) == []


def test_each_policy_has_a_graph_that_breaks_it() -> None:
    assert set(BREAKS) == set(POLICIES)


@pytest.mark.parametrize(
    ("name", "number"), [(name, number) for name, breaks in BREAKS.items() for number in range(len(breaks))]
)
def test_it_fails_on_a_graph_that_was_broken_for_it(graph: Graph, name: str, number: int) -> None:
    assert list(POLICIES[name](BREAKS[name][number](graph)))


# Events ----------------------------------------------------------------------------------------------------------------------------------


class Made:
    """What the graph asks for, made on the stand-in; and the platform beside it, told what the program exports.

    Buckets' own policies are left out: the stand-in reads no conditions, and would refuse everything that is refused without TLS.
    """

    def __init__(self, graph: Graph, endpoint: str, home: Path) -> None:
        import boto3

        self.s3, self.sqs = (
            boto3.client(name, endpoint_url=endpoint, region_name=AMAZONS_REGION) for name in ("s3", "sqs")
        )
        for one in graph.of("s3/bucket:Bucket"):
            place = {"LocationConstraint": AMAZONS_REGION}
            self.s3.create_bucket(Bucket=one.at("bucket"), CreateBucketConfiguration=place)
        for one in graph.of("BucketVersioning"):
            told = {"Status": one.at("versioningConfiguration.status")}
            self.s3.put_bucket_versioning(Bucket=one.at("bucket"), VersioningConfiguration=told)
        self._queues(graph)
        for one in graph.of("BucketNotification"):
            told = {"QueueConfigurations": [notification(each) for each in one.at("queues")]}
            self.s3.put_bucket_notification_configuration(Bucket=one.at("bucket"), NotificationConfiguration=told)
        settings = {name.removeprefix(PREFIX).lower(): value for name, value in graph.exports["settings"].items()}
        self.settings = Settings(home=home, s3_endpoint=endpoint, events_endpoint=endpoint, **settings)
        self.lake, self.queue = Lake.open(self.settings, {SOURCE.name: SOURCE}), open_queue(self.settings)
        self.raw, _, self.zone = self.settings.raw.removeprefix("s3://").partition("/")

    def _queues(self, graph: Graph) -> None:
        policies = {one.at("queueUrl"): one.at("policy") for one in graph.of("QueuePolicy")}
        for one in sorted(graph.of("sqs/queue:Queue"), key=lambda one: "redrivePolicy" in one.properties):
            attributes = {
                "MessageRetentionPeriod": str(one.at("messageRetentionSeconds")),
                "VisibilityTimeout": str(one.at("visibilityTimeoutSeconds")),
                "RedrivePolicy": one.at("redrivePolicy"),
                "Policy": next((text for url, text in policies.items() if url.endswith(f"/{one.at('name')}")), None),
            }
            self.sqs.create_queue(
                QueueName=one.at("name"), Attributes={name: text for name, text in attributes.items() if text}
            )

    def put(self, key: str) -> None:
        self.s3.put_object(Bucket=self.raw, Key=key, Body=io.BytesIO(CONTENT))


def notification(asked: dict[str, Any]) -> dict[str, Any]:
    """As S3's own API takes it."""
    rules = [{"Name": "prefix", "Value": asked["filterPrefix"]}]
    return {
        "Id": asked["id"],
        "QueueArn": asked["queueArn"],
        "Events": asked["events"],
        "Filter": {"Key": {"FilterRules": rules}},
    }


@pytest.fixture(scope="module")
def made(graph: Graph, amazon: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:  # noqa: F811
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(draining, "WAIT_SECONDS", 1.0)
        yield Made(graph, amazon, tmp_path_factory.mktemp("home"))


def test_a_file_that_is_put_reaches_the_sensors_core(made: Made) -> None:
    made.put(f"{made.zone}/gas_prices/first file.csv")
    made.put("elsewhere/gas_prices/second.csv")
    drained = drain(made.lake, [SOURCE], made.queue)
    assert drained.keys == {SOURCE.name: ["raw/gas_prices/first file.csv"]}
    assert set(drained.passed_over) <= {"tests of the notification"}, "nothing but the raw zone is told"
    made.queue.acknowledge(drained.receipts)
    assert drain(made.lake, [SOURCE], made.queue).keys == {}
    found = draining.look_at(made.lake, SOURCE.name, drained.keys[SOURCE.name], time.monotonic() + 60).new
    assert [one.key for one in found] == ["raw/gas_prices/first file.csv"]


def test_what_nobody_acknowledges_is_a_dead_letter(made: Made, graph: Graph) -> None:
    made.put(f"{made.zone}/gas_prices/never.csv")
    dead = made.sqs.get_queue_url(QueueName=graph.one("sqs/queue:Queue", "dead-letters").at("name"))["QueueUrl"]
    most = json.loads(graph.one("sqs/queue:Queue", "landed").at("redrivePolicy"))["maxReceiveCount"]
    for number in range(most):
        (message,) = made.queue.pull(10, 1.0)
        assert "never.csv" in message.body, number
        made.sqs.change_message_visibility(
            QueueUrl=made.settings.events, ReceiptHandle=message.receipt, VisibilityTimeout=0
        )
    assert made.queue.pull(10, 1.0) == []
    (told,) = made.sqs.receive_message(QueueUrl=dead)["Messages"]
    assert "never.csv" in told["Body"]
