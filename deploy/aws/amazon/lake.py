"""The lake's buckets.

Raw files are in one that keeps old versions; tables, models, reports and logs in one that does not: tables keep their own past.
"""

from collections.abc import Sequence

import pulumi
import pulumi_aws as aws
from stack.naming import PROJECT, options, part_of

from amazon.config import AmazonConfig
from amazon.documents import Statement, document, only_encrypted

RAW_PATH, LAKE_PATH, LOGS_PATH = "raw", "lake", "run-logs"
HALF_UPLOADED_DAYS = 7


class Lake(pulumi.ComponentResource):
    """`raw` and `lake`, the buckets; the addresses that the platform's settings take."""

    def __init__(
        self, account: str, region: str, config: AmazonConfig, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(part_of("AmazonLake"), "lake", None, opts)
        self._place, self._config = f"{account}-{region}", config
        self.raw = self._bucket("raw", versions=True)
        self.lake = self._bucket("lake", versions=False)
        self.raw_address = pulumi.Output.concat("s3://", self.raw.bucket, "/", RAW_PATH)
        self.lake_address = pulumi.Output.concat("s3://", self.lake.bucket, "/", LAKE_PATH)
        self.logs_address = pulumi.Output.concat("s3://", self.lake.bucket, "/", LOGS_PATH)
        self.register_outputs({"raw": self.raw_address, "lake": self.lake_address})

    def rule(self, name: str, bucket: aws.s3.Bucket, statements: Sequence[Statement] = ()) -> None:
        """A bucket's own policy, once what is in it is known."""
        encrypted = only_encrypted("s3", bucket.arn, pulumi.Output.concat(bucket.arn, "/*"))
        aws.s3.BucketPolicy(name, bucket=bucket.bucket, policy=document(encrypted, *statements), opts=options(self))

    def _bucket(self, name: str, *, versions: bool) -> aws.s3.Bucket:
        bucket = aws.s3.Bucket(
            name,
            # Names of buckets are Amazon's, of all accounts together.
            bucket=f"{PROJECT}-{self._place}-{name}",
            force_destroy=False,
            opts=options(self, protect=self._config.protected),
        )
        aws.s3.BucketPublicAccessBlock(
            name,
            bucket=bucket.bucket,
            block_public_acls=True,
            block_public_policy=True,
            ignore_public_acls=True,
            restrict_public_buckets=True,
            opts=options(self),
        )
        aws.s3.BucketOwnershipControls(
            name, bucket=bucket.bucket, rule={"object_ownership": "BucketOwnerEnforced"}, opts=options(self)
        )
        aws.s3.BucketServerSideEncryptionConfiguration(
            name,
            bucket=bucket.bucket,
            rules=[{"apply_server_side_encryption_by_default": {"sse_algorithm": "AES256"}}],
            opts=options(self),
        )
        half_uploaded: aws.s3.BucketLifecycleConfigurationRuleArgsDict = {
            "id": "half-uploaded",
            "status": "Enabled",
            "filter": {"prefix": ""},
            "abort_incomplete_multipart_upload": {"days_after_initiation": HALF_UPLOADED_DAYS},
        }
        old_versions: aws.s3.BucketLifecycleConfigurationRuleArgsDict = {
            "id": "old-versions",
            "status": "Enabled",
            "filter": {"prefix": ""},
            "noncurrent_version_expiration": {"noncurrent_days": self._config.old_versions_days},
            "expiration": {"expired_object_delete_marker": True},
        }
        needs: list[pulumi.Resource] = []
        if versions:
            kept = aws.s3.BucketVersioning(
                name,
                bucket=bucket.bucket,
                versioning_configuration={"status": "Enabled"},
                opts=options(self),
            )
            needs = [kept]
        aws.s3.BucketLifecycleConfiguration(
            name,
            bucket=bucket.bucket,
            rules=[half_uploaded, old_versions] if versions else [half_uploaded],
            opts=options(self, depends_on=needs),
        )
        return bucket
