"""Every policy holds of every stack, and each is shown to fail on a graph that was broken for it."""

from typing import Any

import pytest
import yaml
from checks.graph import HIDDEN, Graph
from checks.policies import POLICIES, findings

from cryptodudez_assets_tests.deploying.breaking import Break, added, altered, put, without

BUCKET, DATABASE, CLUSTER = (
    "gcp:storage/bucket:Bucket",
    "gcp:sql/databaseInstance:DatabaseInstance",
    "gcp:container/cluster:Cluster",
)
SUBSCRIPTION = "gcp:pubsub/subscription:Subscription::lake"
DEPLOYMENT, CONFIG, POLICY = (
    "kubernetes:apps/v1:Deployment",
    "kubernetes:core/v1:ConfigMap",
    "kubernetes:networking.k8s.io/v1:NetworkPolicy",
)
SERVING, RECORDER = f"{DEPLOYMENT}::serving", "kubernetes:apps/v1:StatefulSet::recorder"


def launcher(*steps: str, value: Any) -> Break:
    """Break Dagster's configuration of runs."""

    def change(properties: dict[str, Any]) -> None:
        told = yaml.safe_load(properties["data"]["dagster.yaml"])
        place = told["run_launcher"]["config"]
        for step in steps[:-1]:
            place = place[step]
        place[steps[-1]] = value
        properties["data"]["dagster.yaml"] = yaml.safe_dump(told)

    return lambda graph: graph.changed(f"{CONFIG}::dagster-instance", change)


def container(path: str, value: Any) -> Break:
    """Break the container of the API."""
    return put(SERVING, f"spec.template.spec.containers.0.{path}", value)


def manifest(kind: str, name: str, **body: Any) -> Break:
    """Add a manifest."""
    return added(f"kubernetes:{kind}", kind=kind.rpartition(":")[2], metadata={"name": name}, **body)


BREAKS: dict[str, list[Break]] = {
    "buckets_are_private": [
        put(f"{BUCKET}::raw", "publicAccessPrevention", "inherited"),
        put(f"{BUCKET}::lake", "uniformBucketLevelAccess", False),
    ],
    "raw_files_keep_old_versions": [
        put(f"{BUCKET}::raw", "versioning.enabled", False),
        put(f"{BUCKET}::lake", "versioning.enabled", True),
    ],
    "old_versions_expire": [put(f"{BUCKET}::raw", "lifecycleRules", [])],
    "soft_delete_is_stated": [put(f"{BUCKET}::raw", "softDeletePolicy", {})],
    "nothing_is_retained_against_erasure": [put(f"{BUCKET}::raw", "retentionPolicy", {"retentionPeriod": 1})],
    "producers_only_create": [
        put("gcp:storage/bucketIAMMember:BucketIAMMember::producer-0-objectCreator", "role", "roles/storage.objectUser")
    ],
    "nothing_is_for_everybody": [
        put("gcp:storage/bucketIAMMember:BucketIAMMember::producer-0-objectCreator", "member", "allUsers")
    ],
    "no_basic_roles": [put("gcp:projects/iAMMember:IAMMember::spark-works", "role", "roles/editor")],
    "buckets_are_granted_one_by_one": [
        put("gcp:projects/iAMMember:IAMMember::spark-works", "role", "roles/storage.objectUser")
    ],
    "accounts_have_no_keys": [added("gcp:serviceaccount/key:Key", serviceAccountId="serving")],
    "pods_are_their_accounts": [
        without("gcp:serviceaccount/iAMMember:IAMMember::serving-is"),
        put("kubernetes:core/v1:ServiceAccount::serving", "metadata.annotations", {}),
    ],
    "accounts_have_names_that_google_takes": [put("gcp:serviceaccount/account:Account::nodes", "accountId", "nodes")],
    "nodes_are_not_the_default_account": [put(f"{CLUSTER}::cluster", "clusterAutoscaling", {})],
    "storage_may_publish": [
        without("gcp:pubsub/topicIAMMember:TopicIAMMember::bucket-publishes"),
        altered("gcp:storage/notification:Notification::landed", needs=frozenset()),
    ],
    "pubsub_may_forward_dead_letters": [
        without("gcp:pubsub/topicIAMMember:TopicIAMMember::dead-letters-published"),
        without("gcp:pubsub/subscriptionIAMMember:SubscriptionIAMMember::dead-letters-taken"),
    ],
    "events_are_kept": [
        put(SUBSCRIPTION, "messageRetentionDuration", "3600s"),
        put(SUBSCRIPTION, "expirationPolicy.ttl", "2678400s"),
        put(SUBSCRIPTION, "deadLetterPolicy", None),
        put(SUBSCRIPTION, "ackDeadlineSeconds", 10),
    ],
    "dead_letters_are_kept": [without("gcp:pubsub/subscription:Subscription::dead-letters")],
    "one_takes_events": [
        added(
            "gcp:pubsub/subscriptionIAMMember:SubscriptionIAMMember",
            role="roles/pubsub.subscriber",
            member="serviceAccount:another@example.com",
            subscription="lake",
        )
    ],
    "services_may_use_our_keys": [
        without("gcp:kms/cryptoKeyIAMMember:CryptoKeyIAMMember::key-pubsub-agent"),
        altered(f"{BUCKET}::raw", needs=frozenset()),
    ],
    "keys_turn_and_stay": [
        put("gcp:kms/cryptoKey:CryptoKey::key-storage", "rotationPeriod", ""),
        altered("gcp:kms/cryptoKey:CryptoKey::key-sql", is_protected=False),
    ],
    "database_is_private": [
        put(f"{DATABASE}::postgres", "settings.ipConfiguration.ipv4Enabled", True),
        put(f"{DATABASE}::postgres", "settings.ipConfiguration.sslMode", "ALLOW_UNENCRYPTED_AND_ENCRYPTED"),
        altered(f"{DATABASE}::postgres", needs=frozenset()),
    ],
    "database_can_be_restored": [
        put(f"{DATABASE}::postgres", "settings.backupConfiguration.pointInTimeRecoveryEnabled", False)
    ],
    "cluster_is_private": [
        put(f"{CLUSTER}::cluster", "privateClusterConfig.enablePrivateNodes", False),
        put(f"{CLUSTER}::cluster", "masterAuthorizedNetworksConfig.cidrBlocks", [{"cidrBlock": "0.0.0.0/0"}]),
    ],
    "google_is_reached_without_the_internet": [
        put("gcp:compute/subnetwork:Subnetwork::subnet", "privateIpGoogleAccess", False)
    ],
    "firewalls_are_not_open": [put("gcp:compute/firewall:Firewall::spark-inside", "sourceRanges", ["0.0.0.0/0"])],
    "what_holds_data_is_protected": [
        altered(f"{BUCKET}::raw", is_protected=False),
        put(f"{DATABASE}::postgres", "deletionProtection", False),
    ],
    "pods_are_nobody": [
        put(SERVING, "spec.template.spec.securityContext.runAsNonRoot", False),
        launcher("run_k8s_config", "pod_spec_config", "securityContext", "runAsUser", value=0),
    ],
    "containers_can_do_little": [
        container("securityContext.capabilities.drop", []),
        put(SERVING, "spec.template.spec.securityContext.seccompProfile.type", "Unconfined"),
        put(SERVING, "spec.template.spec.hostNetwork", True),
        launcher("run_k8s_config", "container_config", "securityContext", "allowPrivilegeEscalation", value=True),
    ],
    "containers_do_not_write_to_their_image": [container("securityContext.readOnlyRootFilesystem", False)],
    "images_are_digests": [
        container("image", "europe-west3-docker.pkg.dev/project-of-ours/cryptodudez/serving:latest"),
        launcher("job_image", value="code:1"),
    ],
    "containers_are_bounded": [container("resources.limits", {"cpu": "1"})],
    "servers_are_asked_how_they_are": [container("readinessProbe", None), container("livenessProbe", None)],
    "servers_are_not_drained_at_once": [without("kubernetes:policy/v1:PodDisruptionBudget::serving")],
    "tokens_are_for_who_launches": [
        put(SERVING, "spec.template.spec.automountServiceAccountToken", True),
        put(f"{DEPLOYMENT}::daemon", "spec.template.spec.automountServiceAccountToken", False),
    ],
    "roles_are_small": [
        put("kubernetes:rbac.authorization.k8s.io/v1:Role::launches-runs", "rules.0.verbs", ["*"]),
        put("kubernetes:rbac.authorization.k8s.io/v1:Role::launches-runs", "rules.0.resources", ["secrets"]),
        put("kubernetes:rbac.authorization.k8s.io/v1:Role::metrics-key", "rules.0.resourceNames", []),
        manifest("rbac.authorization.k8s.io/v1:ClusterRole", "all", rules=[]),
    ],
    "secrets_are_secret": [
        put("kubernetes:core/v1:Secret::settings-secret", "stringData", {"CRYPTODUDEZ_API_KEY": "plain"}),
        put("gcp:secretmanager/secretVersion:SecretVersion::kept-api-key", "secretData", "plain"),
    ],
    "nothing_secret_is_plain": [
        put(f"{CONFIG}::settings", "data.CRYPTODUDEZ_API_KEY", "plain"),
        container("env", [{"name": "CRYPTODUDEZ_X_TOKEN", "value": "plain"}]),
        put(f"{CONFIG}::settings", "data.CRYPTODUDEZ_ONLINE", "postgresql://user:password@host/online"),
    ],
    "settings_are_the_platforms": [
        put(f"{CONFIG}::settings", "data.CRYPTODUDEZ_LAKES", "gs://a"),
        container("env", [{"name": "CRYPTODUDEZ_RAWZONE", "value": "gs://a"}]),
    ],
    "nothing_secret_is_shown": [lambda graph: Graph(graph.resources, {**graph.exports, "password": HIDDEN})],
    "one_daemon": [
        put(f"{DEPLOYMENT}::daemon", "spec.replicas", 2),
        put(f"{DEPLOYMENT}::daemon", "spec.strategy", {"type": "RollingUpdate"}),
    ],
    "runs_make_room_for_servers": [
        launcher("run_k8s_config", "pod_spec_config", "priorityClassName", value="cryptodudez-servers"),
        put(SERVING, "spec.template.spec.priorityClassName", None),
        put("kubernetes:scheduling.k8s.io/v1:PriorityClass::cryptodudez-runs", "preemptionPolicy", None),
    ],
    "jobs_that_are_done_go": [
        launcher("run_k8s_config", "job_spec_config", "ttlSecondsAfterFinished", value=86400),
        launcher("run_k8s_config", "job_spec_config", "backoffLimit", value=4),
    ],
    "runs_can_be_ended": [
        lambda graph: graph.changed(
            "kubernetes:rbac.authorization.k8s.io/v1:Role::launches-runs",
            lambda told: [rule.update(verbs=["get"]) for rule in told["rules"] if rule["resources"] == ["pods"]],
        )
    ],
    "runs_stay_where_they_are": [launcher("run_k8s_config", "pod_template_spec_metadata", "annotations", value={})],
    "sidecars_end_with_their_pod": [
        put(SERVING, "spec.template.spec.initContainers.0.restartPolicy", None),
        lambda graph: graph.changed(
            SERVING, lambda told: told["spec"]["template"]["spec"]["containers"].append({"name": "second", "image": ""})
        ),
    ],
    "recorders_keep_their_volumes": [
        put(
            RECORDER,
            "spec.volumeClaimTemplates.0.spec.accessModes",
            ["ReadWriteMany"],
        ),
        put(RECORDER, "spec.persistentVolumeClaimRetentionPolicy.whenScaled", "Delete"),
    ],
    "outside_is_tls": [
        put("kubernetes:networking.k8s.io/v1:Ingress::serving", "metadata.annotations", {}),
        without("kubernetes:networking.gke.io/v1:ManagedCertificate::serving-managedcertificate"),
    ],
    "services_are_inside": [put("kubernetes:core/v1:Service::webserver", "spec.type", "LoadBalancer")],
    "dagster_asks_who_comes": [
        put("kubernetes:cloud.google.com/v1:BackendConfig::dagster-ui-backendconfig", "spec.iap.enabled", False),
        put(
            "kubernetes:networking.k8s.io/v1:Ingress::serving",
            "spec.rules.0.http.paths.0.backend.service.name",
            "webserver",
        ),
    ],
    "few_reach_the_internet": [
        put(f"{POLICY}::edges-of-serving", "spec.egress.0.to", [{"ipBlock": {"cidr": "0.0.0.0/0"}}])
    ],
    "people_are_told": [
        without("gcp:monitoring/alertPolicy:AlertPolicy::stale-signal"),
        put("gcp:monitoring/alertPolicy:AlertPolicy::pending", "notificationChannels", []),
    ],
    "metrics_reach_prometheus": [
        without("kubernetes:monitoring.googleapis.com/v1:PodMonitoring::recorder"),
        put("kubernetes:monitoring.googleapis.com/v1:PodMonitoring::recorder", "spec.endpoints.0", {"port": "main"}),
        put("kubernetes:monitoring.googleapis.com/v1:PodMonitoring::recorder", "spec.endpoints.0.port", "other"),
        put(RECORDER, "spec.template.spec.containers.0.command", ["cryptodudez", "record"]),
        put(RECORDER, "spec.template.spec.containers.0.envFrom", []),
        put(f"{POLICY}::edges-of-recorder", "spec.ingress", []),
    ],
    "money_is_watched": [without("gcp:billing/budget:Budget::month")],
}


@pytest.mark.parametrize("stack", ["dev", "prod", "password"])
def test_every_policy_holds(graphs: dict[str, Graph], stack: str) -> None:
    assert findings(graphs[stack]) == []


def test_each_policy_has_a_graph_that_breaks_it() -> None:
    assert set(BREAKS) == set(POLICIES)


@pytest.mark.parametrize(
    ("name", "number"), [(name, number) for name, breaks in BREAKS.items() for number in range(len(breaks))]
)
def test_it_fails_on_a_graph_that_was_broken_for_it(prod: Graph, name: str, number: int) -> None:
    assert list(POLICIES[name](BREAKS[name][number](prod)))
