"""Secrets: made here or told to Pulumi (`pulumi config set --secret`), kept in Secret Manager for people, and given to pods.

The platform reads secrets from its environment alone. None is in an image, a ConfigMap or the repository; Pulumi's state holds them
encrypted.
"""

from collections.abc import Mapping

import pulumi
import pulumi_gcp as gcp
import pulumi_kubernetes as k8s
import pulumi_random as random

from stack.cluster import Cluster
from stack.config import StackConfig
from stack.database import Database
from stack.deployments import metadata, put
from stack.environment import variable
from stack.keys import Keys
from stack.naming import options, part_of
from stack.pods import SETTINGS

MADE = {"api_key": 40, "erasure_key": 64}
"""Settings that nobody has to choose, with their lengths."""
TOLD = ("notify_webhook", "notify_secret", "notify_slack", "x_token", "kaggle_key")
"""Settings that somebody else gave us; `cryptodudez:<setting>` in the stack's configuration, if at all."""
METRICS_KEY = "metrics-key"
DATABASE = "database"
"""The secret with the addresses of the databases, where a password is in them."""


class Secrets(pulumi.ComponentResource):
    """`values` by the platform's setting; `ready`, what pods read."""

    def __init__(
        self,
        region: str,
        config: StackConfig,
        told: pulumi.Config,
        keys: Keys | None,
        database: Database,
        cluster: Cluster,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(part_of("Secrets"), "secrets", None, opts)
        made: dict[str, pulumi.Output[str]] = {
            name: random.RandomPassword(
                # By the second one people who were erased are known again: a new one would not know them.
                name.replace("_", "-"),
                length=length,
                special=False,
                opts=options(self, protect=config.protected),
            ).result
            for name, length in MADE.items()
        }
        given = {name: value for name in TOLD if (value := told.get_secret(name)) is not None}
        self.values: Mapping[str, pulumi.Output[str]] = made | given
        for name, value in self.values.items():
            self._keep(region, name, value, config, keys)
        self.ready = [_secret(self, cluster, SETTINGS, {variable(name): value for name, value in self.values.items()})]
        _for_prometheus(self, cluster, made["api_key"])
        if database.password is not None:
            self._keep(region, "database_password", database.password.text, config, keys)
            addresses = {variable(name): value for name, value in database.addresses().items()}
            self.ready.append(_secret(self, cluster, DATABASE, addresses))
        self.register_outputs({})

    def _keep(self, region: str, name: str, value: pulumi.Output[str], config: StackConfig, keys: Keys | None) -> None:
        """Where operators read it: `gcloud secrets versions access latest --secret=…`."""
        place: gcp.secretmanager.SecretReplicationUserManagedReplicaArgsDict = {"location": region}
        if keys:
            place["customer_managed_encryption"] = {"kms_key_name": keys.key("secrets")}
        kept = gcp.secretmanager.Secret(
            f"kept-{name.replace('_', '-')}",
            secret_id=f"cryptodudez-{name.replace('_', '-')}",
            replication={"user_managed": {"replicas": [place]}},
            opts=options(self, depends_on=[keys.usable["secrets"]] if keys else []),
        )
        gcp.secretmanager.SecretVersion(
            f"kept-{name.replace('_', '-')}", secret=kept.id, secret_data=value, opts=options(self)
        )
        for number, operator in enumerate(config.operators):
            gcp.secretmanager.SecretIamMember(
                f"operator-{number}-{name.replace('_', '-')}",
                secret_id=kept.id,
                role="roles/secretmanager.secretAccessor",
                member=operator,
                opts=options(self),
            )


def _for_prometheus(parent: pulumi.Resource, cluster: Cluster, key: pulumi.Output[str]) -> None:
    """Metrics are told to who has the key; Google's collector reads this one secret."""
    secret = _secret(parent, cluster, METRICS_KEY, {"password": key})
    role = put(
        parent,
        cluster,
        k8s.rbac.v1.Role,
        METRICS_KEY,
        needs=[secret],
        metadata=metadata(METRICS_KEY),
        rules=[{"apiGroups": [""], "resources": ["secrets"], "resourceNames": [METRICS_KEY], "verbs": ["get"]}],
    )
    put(
        parent,
        cluster,
        k8s.rbac.v1.RoleBinding,
        METRICS_KEY,
        needs=[role],
        metadata=metadata(METRICS_KEY),
        role_ref={"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": METRICS_KEY},
        subjects=[{"kind": "ServiceAccount", "name": "collector", "namespace": "gke-gmp-system"}],
    )


def _secret(
    parent: pulumi.Resource, cluster: Cluster, name: str, data: dict[str, pulumi.Output[str]]
) -> k8s.core.v1.Secret:
    return put(parent, cluster, k8s.core.v1.Secret, f"{name}-secret", metadata=metadata(name), string_data=data)
