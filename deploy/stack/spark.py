"""What batches on Serverless for Apache Spark need: an account, a bucket for what they stage, ways between their workers.

A batch is a run, which `cryptodudez launch` asks for: there is none here. Only where the stack names an image for them.
"""

import pulumi
import pulumi_gcp as gcp

from stack.config import StackConfig
from stack.database import Database
from stack.identities import Identities
from stack.keys import Keys
from stack.lake import CHANGES, CREATES, LOOKS_AT_BUCKET, READS, Lake
from stack.naming import PROJECT, options, part_of
from stack.network import NODES, Network

STAGED_DAYS = 14


class Spark(pulumi.ComponentResource):
    """`settings` of the platform, by which batches are asked for."""

    def __init__(
        self,
        project: str,
        region: str,
        config: StackConfig,
        network: Network,
        lake: Lake,
        database: Database,
        identities: Identities,
        keys: Keys | None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(part_of("Spark"), "spark", None, opts)
        account = gcp.serviceaccount.Account(
            "spark", account_id="cryptodudez-spark", display_name="cryptodudez: batches of Spark", opts=options(self)
        )
        gcp.projects.IAMMember(
            "spark-works", project=project, role="roles/dataproc.worker", member=account.member, opts=options(self)
        )
        for name, bucket, role in (
            ("spark-raw", lake.raw, READS),
            ("spark-raw", lake.raw, CREATES),
            ("spark-lake", lake.lake, CHANGES),
            ("spark-lake", lake.lake, LOOKS_AT_BUCKET),
        ):
            lake.let(name, account.member, bucket, role)
        database.let_in("spark", account)
        staging = gcp.storage.Bucket(
            "staging",
            name=f"{project}-{PROJECT}-staging",
            location=region,
            uniform_bucket_level_access=True,
            public_access_prevention="enforced",
            lifecycle_rules=[{"action": {"type": "Delete"}, "condition": {"age": STAGED_DAYS}}],
            soft_delete_policy={"retention_duration_seconds": 0},
            encryption={"default_kms_key_name": keys.key("storage")} if keys else None,
            force_destroy=True,
            opts=options(self, depends_on=[keys.usable["storage"]] if keys else []),
        )
        lake.let("spark-staging", account.member, staging, CHANGES)
        # Drivers and executors talk to each other at any port; nobody else talks to them.
        gcp.compute.Firewall(
            "spark-inside",
            network=network.network.id,
            direction="INGRESS",
            source_ranges=[NODES],
            destination_ranges=[NODES],
            allows=[{"protocol": "tcp"}, {"protocol": "udp"}, {"protocol": "icmp"}],
            opts=options(self),
        )
        runs = identities.accounts["run"]
        gcp.projects.IAMMember(
            "run-asks-for-batches",
            project=project,
            role="roles/dataproc.editor",
            member=runs.member,
            opts=options(self),
        )
        gcp.serviceaccount.IAMMember(
            "run-lets-batches-be-spark",
            service_account_id=account.name,
            role="roles/iam.serviceAccountUser",
            member=runs.member,
            opts=options(self),
        )
        self.settings: dict[str, pulumi.Input[str]] = {
            "dataproc_project": project,
            "dataproc_region": region,
            "dataproc_image": config.images.spark or "",
            "dataproc_service_account": account.email,
            "dataproc_subnetwork": network.subnet.id,
        }
        self.register_outputs({})
