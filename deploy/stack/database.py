"""PostgreSQL by Cloud SQL: a private address, backups, any moment of the last days; a database for each thing that is kept in one.

One way in for every client, which the stack chooses: each workload by its own identity, through Google's Auth Proxy beside it (no password
anywhere), or all by one password over TLS.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_gcp as gcp
import pulumi_random as random

from stack.config import StackConfig
from stack.keys import Keys
from stack.naming import PROJECT, options, part_of
from stack.network import Network

VERSION = "POSTGRES_17"
DATABASES = ("catalog", "dagster", "online", "notifications")
"""Each is the platform's setting of that name."""
PORT, PROXY_PORT = 5432, 3307
CONNECTIONS = 200
SUFFIX = ".gserviceaccount.com"
"""Cloud SQL leaves it off the names of service accounts."""
OWNER = "cryptodudez_owner"
"""Whoever logs in by an identity becomes it, so that what one creates the others can use (`../databases.sql`)."""
LOGS_IN = ("roles/cloudsql.client", "roles/cloudsql.instanceUser")


@dataclass(frozen=True)
class Password:
    """Of the user that all workloads log in as, where they do not by their identities."""

    user: str
    text: pulumi.Output[str]


class Database(pulumi.ComponentResource):
    """`instance`; `password` where the stack logs in by one; `ready`, once the databases are there."""

    def __init__(
        self,
        project: str,
        region: str,
        config: StackConfig,
        network: Network,
        keys: Keys | None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(part_of("Database"), "database", None, opts)
        self._project, self._by_identity = project, config.database.login == "iam"
        self.instance = gcp.sql.DatabaseInstance(
            "postgres",
            database_version=VERSION,
            region=region,
            deletion_protection=config.protected,
            encryption_key_name=keys.key("sql") if keys else None,
            settings={
                "tier": config.database.tier,
                "edition": "ENTERPRISE",
                "availability_type": "REGIONAL" if config.database.highly_available else "ZONAL",
                "deletion_protection_enabled": config.protected,
                "disk_autoresize": True,
                "ip_configuration": {
                    "ipv4_enabled": False,
                    "private_network": network.network.id,
                    "ssl_mode": "ENCRYPTED_ONLY",
                },
                "backup_configuration": {
                    "enabled": True,
                    "start_time": "03:00",
                    "point_in_time_recovery_enabled": True,
                    "transaction_log_retention_days": config.database.log_days,
                    "backup_retention_settings": {"retained_backups": config.database.backups_kept},
                },
                "maintenance_window": {"day": 7, "hour": 4, "update_track": "stable"},
                "database_flags": [
                    {"name": "cloudsql.iam_authentication", "value": "on" if self._by_identity else "off"},
                    {"name": "max_connections", "value": str(CONNECTIONS)},
                ],
                "insights_config": {"query_insights_enabled": True},
            },
            opts=options(
                self,
                protect=config.protected,
                depends_on=[network.peered, *([keys.usable["sql"]] if keys else [])],
            ),
        )
        self.ready = [
            gcp.sql.Database(
                name,
                name=name,
                instance=self.instance.name,
                deletion_policy="ABANDON",  # a name that is left out here loses nobody's data
                opts=options(self, protect=config.protected),
            )
            for name in DATABASES
        ]
        self.password = None if self._by_identity else self._one_password()
        self.register_outputs({"instance": self.instance.connection_name})

    def let_in(self, name: str, account: gcp.serviceaccount.Account) -> None:
        """Let a workload log in by its identity; where all do by one password, there is nothing to do."""
        if not self._by_identity:
            return
        for role in LOGS_IN:
            gcp.projects.IAMMember(
                f"{name}-{role.rpartition('.')[2]}",
                project=self._project,
                role=role,
                member=account.member,
                # Of this instance, not of the project's others.
                condition={
                    "title": "this instance",
                    "expression": self.instance.name.apply(lambda instance: _only(self._project, instance)),
                },
                opts=options(self),
            )
        gcp.sql.User(
            f"{name}-logs-in",
            name=account.email.apply(lambda email: email.removesuffix(SUFFIX)),
            instance=self.instance.name,
            type="CLOUD_IAM_SERVICE_ACCOUNT",
            opts=options(self),
        )

    def addresses(self, account: gcp.serviceaccount.Account | None = None) -> Mapping[str, pulumi.Output[str]]:
        """By database, the address at which a workload reaches it; where it holds a password, of all of them, and a secret."""
        if self.password is None:
            if account is None:
                raise ValueError("who logs in by an identity has one")
            user = account.email.apply(lambda email: email.removesuffix(SUFFIX).replace("@", "%40"))
            return {
                # The proxy beside it encrypts; it listens in the pod alone.
                name: pulumi.Output.concat(
                    "postgresql://", user, f"@127.0.0.1:{PORT}/{name}?options=-c%20role%3D{OWNER}"
                )
                for name in DATABASES
            }
        login = pulumi.Output.concat("postgresql://", self.password.user, ":", self.password.text)
        return {
            name: pulumi.Output.secret(
                pulumi.Output.concat(login, "@", self.instance.private_ip_address, f":{PORT}/{name}?sslmode=require")
            )
            for name in DATABASES
        }

    def _one_password(self) -> Password:
        made = random.RandomPassword("database-password", length=32, special=False, opts=options(self))
        gcp.sql.User(
            "password-logs-in", name=PROJECT, instance=self.instance.name, password=made.result, opts=options(self)
        )
        return Password(PROJECT, made.result)


def _only(project: str, instance: str) -> str:
    return f"resource.name == 'projects/{project}/instances/{instance}' && resource.type == 'sqladmin.googleapis.com/Instance'"
