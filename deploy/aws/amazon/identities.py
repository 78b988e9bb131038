"""Who may do what: a role for the platform, one for producers, one for operators. Others take them; there are no users and no keys here."""

from collections.abc import Sequence

import pulumi
import pulumi_aws as aws
from stack.naming import PROJECT, options, part_of

from amazon.config import AmazonConfig
from amazon.documents import Statement, allow, document, refuse
from amazon.events import Events
from amazon.lake import LAKE_PATH, LOGS_PATH, RAW_PATH, Lake

LISTS = ["s3:ListBucket"]
READS = ["s3:GetObject"]
LANDS = ["s3:PutObject", "s3:AbortMultipartUpload"]
CHANGES = [*READS, *LANDS, "s3:DeleteObject"]
ERASES = ["s3:GetObjectVersion", "s3:DeleteObjectVersion"]
TAKES = ["sqs:ReceiveMessage", "sqs:DeleteMessage"]


class Identities(pulumi.ComponentResource):
    """The roles by name: `platform`, `producer`, `operator`."""

    def __init__(
        self, lake: Lake, events: Events, config: AmazonConfig, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(part_of("AmazonIdentities"), "identities", None, opts)
        raw = pulumi.Output.concat(lake.raw.arn, f"/{RAW_PATH}/*")
        inside = [pulumi.Output.concat(lake.lake.arn, f"/{path}/*") for path in (LAKE_PATH, LOGS_PATH)]
        buckets = (lake.raw.arn, lake.lake.arn)
        self.roles = {
            "platform": self._role(
                "platform",
                config.platform,
                allow(LISTS, *buckets),
                allow([*READS, *LANDS], raw),
                allow(CHANGES, *inside),
                allow(TAKES, events.landed.arn),
            ),
            "operator": self._role(
                "operator",
                config.operators,
                allow([*LISTS, "s3:ListBucketVersions"], *buckets),
                allow([*CHANGES, *ERASES], raw),
                allow(CHANGES, *inside),
                allow([*TAKES, "sqs:GetQueueAttributes"], events.dead.arn),
            ),
        }
        if config.producers:
            self.roles["producer"] = self._role("producer", config.producers, allow(LANDS, raw))
        lake.rule("raw", lake.raw, [_creates_only(self.roles["producer"], raw)] if config.producers else [])
        lake.rule("lake", lake.lake)
        self.register_outputs({})

    def _role(self, name: str, who: Sequence[str], *statements: Statement) -> aws.iam.Role:
        role = aws.iam.Role(
            name,
            name=f"{PROJECT}-{name}",
            assume_role_policy=document(
                {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": list(who)}}
            ),
            opts=options(self),
        )
        aws.iam.RolePolicy(name, name=name, role=role.name, policy=document(*statements), opts=options(self))
        return role


def _creates_only(producer: aws.iam.Role, raw: pulumi.Output[str]) -> Statement:
    """docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes-enforce.html: right to put is right to overwrite, but for uploads
    that must say `If-None-Match`. Parts of an upload cannot say it; what ends the upload does."""
    return refuse(
        ["s3:PutObject"],
        raw,
        ArnEquals={"aws:PrincipalArn": producer.arn},
        Null={"s3:if-none-match": "true"},
        Bool={"s3:ObjectCreationOperation": "true"},
    )
