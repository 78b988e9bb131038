"""The lake's buckets, and who may do what in them.

Raw files are in a bucket that keeps old versions; tables, models, reports and logs in one that does not: tables keep their own past. There
is no retention policy: Google refuses one beside versions, and erasing a person must be able to rewrite.
"""

import pulumi
import pulumi_gcp as gcp

from stack.config import StackConfig
from stack.keys import Keys
from stack.naming import PROJECT, options, part_of

LAKE_PATH, LOGS_PATH = "lake", "run-logs"
CREATES, READS, CHANGES = "roles/storage.objectCreator", "roles/storage.objectViewer", "roles/storage.objectUser"
LOOKS_AT_BUCKET = "roles/storage.legacyBucketReader"
"""`storage.buckets.get`, which Dagster's own storage of logs asks for when it starts."""


class Lake(pulumi.ComponentResource):
    """`raw` and `lake`, the buckets; the addresses that the platform's settings take."""

    def __init__(
        self,
        project: str,
        region: str,
        config: StackConfig,
        keys: Keys | None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(part_of("Lake"), "lake", None, opts)
        self._project, self._region, self._config, self._keys = project, region, config, keys
        old_versions: gcp.storage.BucketLifecycleRuleArgsDict = {
            "action": {"type": "Delete"},
            "condition": {"days_since_noncurrent_time": config.old_versions_days, "with_state": "ARCHIVED"},
        }
        self.raw = self._bucket("raw", [old_versions], versions=True)
        self.lake = self._bucket("lake", [], versions=False)
        self.raw_address = self.raw.url
        self.lake_address = pulumi.Output.concat(self.lake.url, "/", LAKE_PATH)
        self.logs_address = pulumi.Output.concat(self.lake.url, "/", LOGS_PATH)
        for number, producer in enumerate(config.producers):
            self.let(f"producer-{number}", producer, self.raw, CREATES)
        for number, operator in enumerate(config.operators):
            self.let(f"operator-{number}-raw", operator, self.raw, CHANGES)
            self.let(f"operator-{number}-lake", operator, self.lake, CHANGES)
        self.register_outputs({"raw": self.raw_address, "lake": self.lake_address})

    def let(self, name: str, member: pulumi.Input[str], bucket: gcp.storage.Bucket, role: str) -> pulumi.Resource:
        """Let somebody do this in a bucket."""
        return gcp.storage.BucketIAMMember(
            f"{name}-{role.rpartition('.')[2]}", bucket=bucket.name, role=role, member=member, opts=options(self)
        )

    def _bucket(
        self, name: str, rules: list[gcp.storage.BucketLifecycleRuleArgsDict], *, versions: bool
    ) -> gcp.storage.Bucket:
        half_uploaded: gcp.storage.BucketLifecycleRuleArgsDict = {
            "action": {"type": "AbortIncompleteMultipartUpload"},
            "condition": {"age": 7},
        }
        keys = self._keys
        return gcp.storage.Bucket(
            name,
            # Names of buckets are Google's, of all projects together.
            name=f"{self._project}-{PROJECT}-{name}",
            location=self._region,
            uniform_bucket_level_access=True,
            public_access_prevention="enforced",
            versioning={"enabled": versions},
            lifecycle_rules=[*rules, half_uploaded],
            soft_delete_policy={"retention_duration_seconds": self._config.soft_delete_days * 24 * 3600},
            encryption={"default_kms_key_name": keys.key("storage")} if keys else None,
            force_destroy=False,
            opts=options(self, protect=self._config.protected, depends_on=[keys.usable["storage"]] if keys else []),
        )
