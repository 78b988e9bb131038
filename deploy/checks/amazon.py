"""What must hold of the lake on Amazon: as `policies.py` for Google, with a graph each that is broken for it."""

import json
from collections.abc import Iterator
from typing import Any

from checks.graph import Graph, Resource
from checks.rules import Rules
from cryptodudez_assets.settings import PREFIX, Settings

POLICIES = Rules()
policy, findings = POLICIES.add, POLICIES.findings
RAW, LAKE = f"{PREFIX}RAW".upper(), f"{PREFIX}LAKE".upper()
CREATES = {"s3:PutObject", "s3:AbortMultipartUpload"}
FOUR_DAYS = 4 * 24 * 3600

Statement = dict[str, Any]


def statements(one: Resource, name: str = "policy") -> list[Statement]:
    """Of a policy's document, with lists where Amazon takes either."""
    return [
        told
        | {
            key: [told[key]] if isinstance(told[key], str) else told[key]
            for key in ("Action", "Resource") & told.keys()
        }
        for told in json.loads(one.at(name, '{"Statement": []}'))["Statement"]
    ]


def of_bucket(graph: Graph, kind: str, bucket: Resource) -> list[Resource]:
    """What is said of a bucket by resources of this kind."""
    return [one for one in graph.of(kind) if one.at("bucket") == bucket.at("bucket")]


def refuses(said: list[Statement], action: str, condition: dict[str, Any], resource: str) -> bool:
    """Whether nobody may do this to it where the condition holds."""
    return any(
        one["Effect"] == "Deny"
        and one.get("Principal") == "*"
        and one["Condition"] == condition
        and action in one["Action"]
        and resource in one["Resource"]
        for one in said
    )


def address(graph: Graph, setting: str) -> tuple[str, str]:
    """Bucket and prefix of a setting that the program exports."""
    bucket, _, prefix = str(graph.exports["settings"][setting]).removeprefix("s3://").partition("/")
    return bucket, prefix


IN_THE_CLEAR = {"Bool": {"aws:SecureTransport": "false"}}


@policy
def buckets_are_private(graph: Graph) -> Iterator[str]:
    """docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html: all four, and no access lists."""
    for bucket in graph.of("s3/bucket:Bucket"):
        blocks = [one.properties for one in of_bucket(graph, "BucketPublicAccessBlock", bucket)]
        wanted = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
        if not any(all(told.get(name) is True for name in wanted) for told in blocks):
            yield f"{bucket.name}: can be opened to everybody"
        owners = [one.at("rule.objectOwnership") for one in of_bucket(graph, "BucketOwnershipControls", bucket)]
        if owners != ["BucketOwnerEnforced"]:
            yield f"{bucket.name}: objects have lists of their own"


@policy
def nothing_is_in_the_clear(graph: Graph) -> Iterator[str]:
    """Neither on the way, nor where it lies."""
    for bucket in graph.of("s3/bucket:Bucket"):
        said = [told for one in of_bucket(graph, "BucketPolicy", bucket) for told in statements(one)]
        name = f"arn:aws:s3:::{bucket.at('bucket')}"
        if not all(refuses(said, "s3:*", IN_THE_CLEAR, resource) for resource in (name, f"{name}/*")):
            yield f"{bucket.name}: answers without TLS"
        if not of_bucket(graph, "BucketServerSideEncryptionConfiguration", bucket):
            yield f"{bucket.name}: does not say how it encrypts"
    for one in graph.of("QueuePolicy"):
        if not refuses(statements(one), "sqs:*", IN_THE_CLEAR, _arn(one)):
            yield f"{one.name}: answers without TLS"
    for queue in graph.of("sqs/queue:Queue"):
        if queue.at("sqsManagedSseEnabled") is not True:
            yield f"{queue.name}: is not encrypted"


@policy
def raw_files_keep_old_versions(graph: Graph) -> Iterator[str]:
    """What a producer overwrites can be had again, for a while; tables keep their own past, and would be kept twice."""
    raw, lake = address(graph, RAW)[0], address(graph, LAKE)[0]
    kept = {
        one.at("bucket")
        for one in graph.of("BucketVersioning")
        if one.at("versioningConfiguration.status") == "Enabled"
    }
    if kept != {raw} or raw == lake:
        yield f"old versions are kept of {sorted(kept)}"
    rules = [
        rule for one in graph.of("BucketLifecycleConfiguration") if one.at("bucket") == raw for rule in one.at("rules")
    ]
    if not any(rule.get("noncurrentVersionExpiration", {}).get("noncurrentDays") for rule in rules):
        yield "old versions are kept for good"


@policy
def uploads_that_nobody_ends_go(graph: Graph) -> Iterator[str]:
    """Their parts cost money, and no list shows them."""
    for bucket in graph.of("s3/bucket:Bucket"):
        rules = [rule for one in of_bucket(graph, "BucketLifecycleConfiguration", bucket) for rule in one.at("rules")]
        if not any(rule.get("abortIncompleteMultipartUpload") for rule in rules):
            yield bucket.name


@policy
def buckets_are_not_lost(graph: Graph) -> Iterator[str]:
    """Deleting a stack leaves what people landed."""
    for bucket in graph.of("s3/bucket:Bucket"):
        if bucket.at("forceDestroy") is not False or not bucket.is_protected:
            yield bucket.name


@policy
def only_the_bucket_sends(graph: Graph) -> Iterator[str]:
    """docs.aws.amazon.com/AmazonS3/latest/userguide/grant-destinations-permissions-to-s3.html: S3, for this bucket of this account. Whoever
    may send to queues of this account is refused, too."""
    bucket = f"arn:aws:s3:::{address(graph, RAW)[0]}"
    for one in graph.of("QueuePolicy"):
        account = _arn(one).split(":")[4]
        for told in statements(one):
            wanted = {"ArnEquals": {"aws:SourceArn": bucket}, "StringEquals": {"aws:SourceAccount": account}}
            if told["Effect"] == "Allow" and (
                told["Principal"] != {"Service": "s3.amazonaws.com"}
                or told.get("Condition") != wanted
                or told["Action"] != ["sqs:SendMessage"]
            ):
                yield f"{one.name}: {told}"
        if not refuses(statements(one), "sqs:SendMessage", {"ArnNotEquals": {"aws:SourceArn": bucket}}, _arn(one)):
            yield f"{one.name}: others of this account may send"


@policy
def the_raw_zone_tells_the_queue(graph: Graph) -> Iterator[str]:
    """Each new object of the raw zone, and nothing else; once the queue lets the bucket in, or Amazon refuses."""
    bucket, prefix = address(graph, RAW)
    queue = graph.one("sqs/queue:Queue", "landed")
    if graph.exports["settings"].get(f"{PREFIX}EVENTS".upper(), "").rpartition("/")[2] != queue.at("name"):
        yield "the platform listens elsewhere"
    told = [one for one in graph.of("BucketNotification") if one.at("bucket") == bucket]
    if len(told) != 1:  # a second one takes the first one's place
        yield f"{len(told)} notifications of the raw zone's bucket"
    for one in told:
        said = [
            (each.get("filterPrefix"), each["events"], each["queueArn"].rpartition(":")[2])
            for each in one.at("queues", [])
        ]
        if said != [(f"{prefix}/", ["s3:ObjectCreated:*"], queue.at("name"))]:
            yield f"{one.name}: {said}"
        if not any("QueuePolicy" in need for need in one.needs):
            yield f"{one.name}: does not wait for the queue's policy"


@policy
def dead_letters_are_kept(graph: Graph) -> Iterator[str]:
    """docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html: what is moved keeps its age."""
    landed, dead = (graph.one("sqs/queue:Queue", name) for name in ("landed", "dead-letters"))
    gives_up = json.loads(landed.at("redrivePolicy", "{}"))
    if not gives_up.get("deadLetterTargetArn", "").endswith(f":{dead.at('name')}") or not gives_up.get(
        "maxReceiveCount"
    ):
        yield "landed: what nobody takes comes for ever"
    if not FOUR_DAYS <= landed.at("messageRetentionSeconds", 0) <= dead.at("messageRetentionSeconds", 0):
        yield "messages are gone before anybody is back"
    for one in graph.of("RedriveAllowPolicy"):
        if json.loads(one.at("redriveAllowPolicy")).get("redrivePermission") != "byQueue":
            yield f"{one.name}: any queue's"


@policy
def producers_create_only(graph: Graph) -> Iterator[str]:
    """They put new objects into the raw zone: they read nothing, delete nothing, and overwrite nothing."""
    bucket, prefix = address(graph, RAW)
    zone = f"arn:aws:s3:::{bucket}/{prefix}/*"
    producers = [one for one in graph.of("iam/rolePolicy:RolePolicy") if one.name == "producer"]
    for one in producers:
        for told in statements(one):
            if set(told["Action"]) - CREATES or told["Resource"] != [zone]:
                yield f"{told['Action']} of {told['Resource']}"
    roles = [one for one in graph.of("iam/role:Role") if one.name == "producer"]
    said = [told for one in graph.of("BucketPolicy") if one.at("bucket") == bucket for told in statements(one)]
    for role in roles:
        overwrites = {
            "ArnEquals": {"aws:PrincipalArn": f"arn:aws:iam::{_account(graph)}:role/{role.at('name')}"},
            "Null": {"s3:if-none-match": "true"},
            "Bool": {"s3:ObjectCreationOperation": "true"},
        }
        if not refuses(said, "s3:PutObject", overwrites, zone):
            yield "they may overwrite"


@policy
def nobody_may_do_anything(graph: Graph) -> Iterator[str]:
    """What is allowed is named: actions, and buckets and queues of ours. Only operators remove old versions."""
    ours = {one.at("bucket") for one in graph.of("s3/bucket:Bucket")} | {
        one.at("name") for one in graph.of("sqs/queue:Queue")
    }
    for one in graph.of("iam/rolePolicy:RolePolicy", "BucketPolicy", "QueuePolicy"):
        for told in statements(one):
            if told["Effect"] != "Allow":
                continue
            if any("*" in action for action in told["Action"]) or told.get("Principal") in ("*", {"AWS": "*"}):
                yield f"{one.key}: {told['Action']} for {told.get('Principal', 'the role')}"
            named = {resource.rpartition(":")[2].partition("/")[0] for resource in told["Resource"]}
            if named - ours:
                yield f"{one.key}: {told['Resource']}"
            if "s3:DeleteObjectVersion" in told["Action"] and one.name != "operator":
                yield f"{one.key}: removes old versions"


@policy
def who_takes_a_role_is_named(graph: Graph) -> Iterator[str]:
    """Neither everybody, nor whoever an account lets."""
    for role in graph.of("iam/role:Role"):
        for told in statements(role, "assumeRolePolicy"):
            who = told["Principal"].get("AWS", []) if isinstance(told["Principal"], dict) else ["*"]
            for one in who:
                if one == "*" or one.endswith(":root"):
                    yield f"{role.name}: {one}"


@policy
def there_are_no_keys(graph: Graph) -> Iterator[str]:
    """Roles are taken for hours: keys would be stolen for good."""
    for one in graph.of("iam/user:User", "iam/accessKey:AccessKey"):
        yield one.key


@policy
def people_are_told(graph: Graph) -> Iterator[str]:
    """Of dead letters, by a topic that somebody has subscribed to."""
    read = {one.at("topic") for one in graph.of("TopicSubscription")}
    dead = graph.one("sqs/queue:Queue", "dead-letters").at("name")
    alarms = [
        one
        for one in graph.of("MetricAlarm")
        if one.at("dimensions.QueueName") == dead and read & set(one.at("alarmActions", []))
    ]
    if not alarms:
        yield "nobody hears of dead letters"


@policy
def settings_are_the_platforms(graph: Graph) -> Iterator[str]:
    """What the program tells is what the platform takes."""
    names = {f"{PREFIX}{name}".upper(): name for name in Settings.model_fields}
    told = graph.exports["settings"]
    yield from (name for name in told if name not in names)
    try:
        Settings.model_validate({names[name]: value for name, value in told.items() if name in names})
    except ValueError as error:
        yield str(error)


def _arn(policy_of: Resource) -> str:
    """Of the queue whose policy it is, by its address."""
    _, _, host, account, name = str(policy_of.at("queueUrl")).split("/")
    return f"arn:aws:sqs:{host.split('.')[1]}:{account}:{name}"


def _account(graph: Graph) -> str:
    return _arn(graph.of("QueuePolicy")[0]).split(":")[4]
