"""What must hold of every stack: a function a rule, from a graph to what is wrong with it, a line each.

Each is shown to fail on a graph that was broken for it. Where Google's documentation says why, it is named. Whether Kubernetes would
take the manifests is asked in `manifests.py`.
"""

import re
from collections.abc import Iterator

import yaml
from pydantic import SecretStr

from checks.graph import HIDDEN, Graph, Resource, walk
from checks.manifests import Manifest, containers_of, name_of, pods_of
from checks.rules import Rules
from checks.runs import instance_text
from cryptodudez_assets.recorder.stream import ALL_ADDRESSES
from cryptodudez_assets.settings import PREFIX, Settings

POLICIES = Rules()
policy, findings = POLICIES.add, POLICIES.findings
EVERYBODY = {"allUsers", "allAuthenticatedUsers"}
BASIC_ROLES = {"roles/owner", "roles/editor", "roles/viewer"}
SERVERS = ("webserver", "daemon", "code", "serving")
LAUNCHES = {"webserver", "daemon"}
ALERTS = {
    "restart-storm",
    "out-of-memory",
    "pending",
    "dead-letters",
    "reconciliation-lag",
    "stale-signal",
    "recorders-blind",
}
TELL_METRICS = {"serving", "recorder"}
ACCOUNT = re.compile(r"[a-z][a-z0-9-]{4,28}[a-z0-9]")
AGENT = re.compile(r"@(gs-project-accounts|gcp-sa-[a-z-]+)\.iam\.gserviceaccount\.com$")
"""One of Google's own accounts in our project."""
SECRETS = {
    f"{PREFIX}{name}".upper()
    for name, one in Settings.model_fields.items()
    if SecretStr in getattr(one.annotation, "__args__", ())
}
"""Variables whose values nobody may read."""


# Buckets -------------------------------------------------------------------------------------------------------------------------------


@policy
def buckets_are_private(graph: Graph) -> Iterator[str]:
    """cloud.google.com/storage/docs/public-access-prevention: enforced, nobody can open an object by mistake."""
    for bucket in graph.of("storage/bucket:Bucket"):
        if bucket.at("uniformBucketLevelAccess") is not True or bucket.at("publicAccessPrevention") != "enforced":
            yield f"{bucket.name}: objects can be opened to everybody"


@policy
def raw_files_keep_old_versions(graph: Graph) -> Iterator[str]:
    """What a producer overwrites by mistake can be had again; tables keep their own past, and would be kept twice."""
    for name, wanted in (("raw", True), ("lake", False)):
        if graph.one("storage/bucket:Bucket", name).at("versioning.enabled") is not wanted:
            yield f"{name}: versioning is not {wanted}"


@policy
def old_versions_expire(graph: Graph) -> Iterator[str]:
    """cloud.google.com/storage/docs/lifecycle: else each is paid for ever."""
    for bucket in graph.of("storage/bucket:Bucket"):
        rules = bucket.at("lifecycleRules", [])
        if bucket.at("versioning.enabled") and not any(
            rule.get("condition", {}).get("daysSinceNoncurrentTime") for rule in rules
        ):
            yield f"{bucket.name}: old versions are kept for ever"


@policy
def soft_delete_is_stated(graph: Graph) -> Iterator[str]:
    """cloud.google.com/storage/docs/soft-delete: without a word Google keeps for seven days, also whom we erased."""
    for bucket in graph.of("storage/bucket:Bucket"):
        if bucket.at("softDeletePolicy.retentionDurationSeconds") is None:
            yield f"{bucket.name}: nobody says for how long deleted objects can be restored"


@policy
def nothing_is_retained_against_erasure(graph: Graph) -> Iterator[str]:
    """cloud.google.com/storage/docs/bucket-lock: a retention policy cannot stand beside versions, and would keep people who were erased."""
    for bucket in graph.of("storage/bucket:Bucket"):
        if bucket.at("retentionPolicy") is not None:
            yield f"{bucket.name}: has a retention policy"


@policy
def producers_only_create(graph: Graph) -> Iterator[str]:
    """cloud.google.com/storage/docs/access-control/iam-roles: objectCreator neither reads nor overwrites."""
    for member in graph.of("storage/bucketIAMMember:BucketIAMMember"):
        if member.name.startswith("producer-") and member.at("role") != "roles/storage.objectCreator":
            yield f"{member.name}: {member.at('role')}"


# Who may do what -----------------------------------------------------------------------------------------------------------------------


def _grants(graph: Graph) -> list[Resource]:
    return [one for one in graph.resources if one.at("member") is not None and one.at("role") is not None]


@policy
def nothing_is_for_everybody(graph: Graph) -> Iterator[str]:
    """Neither anonymous callers nor whoever has an account at Google."""
    for one in _grants(graph):
        if one.at("member") in EVERYBODY:
            yield f"{one.key}: {one.at('member')}"


@policy
def no_basic_roles(graph: Graph) -> Iterator[str]:
    """cloud.google.com/iam/docs/roles-overview: basic roles hold thousands of permissions."""
    for one in _grants(graph):
        if one.at("role") in BASIC_ROLES:
            yield f"{one.key}: {one.at('role')}"


@policy
def buckets_are_granted_one_by_one(graph: Graph) -> Iterator[str]:
    """A role of storage on the project is one on each of its buckets, also those that come later."""
    for one in graph.of("projects/iAMMember:IAMMember"):
        if str(one.at("role")).startswith("roles/storage."):
            yield f"{one.name}: {one.at('role')} on the whole project"


@policy
def accounts_have_no_keys(graph: Graph) -> Iterator[str]:
    """cloud.google.com/iam/docs/best-practices-for-managing-service-account-keys: pods are who they are by Workload Identity."""
    for key in graph.of("serviceaccount/key:Key"):
        yield key.name


@policy
def pods_are_their_accounts(graph: Graph) -> Iterator[str]:
    """cloud.google.com/kubernetes-engine/docs/how-to/workload-identity: the annotation and the binding, or tokens are those of the node."""
    bound = {
        (one.at("serviceAccountId"), str(one.at("member")).partition("[")[2].rstrip("]"))
        for one in graph.of("serviceaccount/iAMMember:IAMMember")
        if one.at("role") == "roles/iam.workloadIdentityUser"
    }
    accounts = {one["metadata"]["name"]: one for one in graph.manifests() if one["kind"] == "ServiceAccount"}
    for owner, _, pod in pods_of(graph.manifests()):
        name = pod.get("serviceAccountName", "default")
        email = accounts.get(name, {}).get("metadata", {}).get("annotations", {}).get("iam.gke.io/gcp-service-account")
        if not any(account.endswith(str(email)) and who.endswith(f"/{name}") for account, who in bound):
            yield f"{owner}: {name} is no account of Google's"


@policy
def accounts_have_names_that_google_takes(graph: Graph) -> Iterator[str]:
    """cloud.google.com/iam/reference/rest/v1/projects.serviceAccounts/create: 6 to 30 characters."""
    for account in graph.of("serviceaccount/account:Account"):
        if not ACCOUNT.fullmatch(str(account.at("accountId"))):
            yield f"{account.name}: {account.at('accountId')}"


@policy
def nodes_are_not_the_default_account(graph: Graph) -> Iterator[str]:
    """cloud.google.com/kubernetes-engine/docs/how-to/hardening-your-cluster: the default account may be an editor of the project."""
    for cluster in graph.of("container/cluster:Cluster"):
        if not cluster.at("clusterAutoscaling.autoProvisioningDefaults.serviceAccount"):
            yield f"{cluster.name}: nodes run as the project's default account"


# Events --------------------------------------------------------------------------------------------------------------------------------


def _may(graph: Graph, kind: str, role: str, agent: str, of: str, target: str) -> bool:
    return any(
        one.at("role") == role and agent in str(one.at("member")) and str(one.at(of)).startswith(target)
        for one in graph.of(kind)
    )


@policy
def storage_may_publish(graph: Graph) -> Iterator[str]:
    """cloud.google.com/storage/docs/reporting-changes: its agent needs publisher on the topic before the notification is made."""
    for notification in graph.of("storage/notification:Notification"):
        topic = str(notification.at("topic"))
        if not _may(
            graph,
            "pubsub/topicIAMMember:TopicIAMMember",
            "roles/pubsub.publisher",
            "gs-project-accounts",
            "topic",
            topic,
        ):
            yield f"{notification.name}: Cloud Storage may not publish to {topic}"
        if not any("TopicIAMMember" in need for need in notification.needs):
            yield f"{notification.name}: does not wait until Cloud Storage may publish"


@policy
def pubsub_may_forward_dead_letters(graph: Graph) -> Iterator[str]:
    """cloud.google.com/pubsub/docs/dead-letter-topics: Pub/Sub's agent needs publisher there, and subscriber here."""
    for subscription in graph.of("pubsub/subscription:Subscription"):
        dead = subscription.at("deadLetterPolicy.deadLetterTopic")
        if dead is None:
            continue
        if not _may(
            graph, "pubsub/topicIAMMember:TopicIAMMember", "roles/pubsub.publisher", "gcp-sa-pubsub", "topic", dead
        ):
            yield f"{subscription.name}: Pub/Sub may not publish to {dead}"
        name = subscription.name
        if not _may(
            graph,
            "pubsub/subscriptionIAMMember:SubscriptionIAMMember",
            "roles/pubsub.subscriber",
            "gcp-sa-pubsub",
            "subscription",
            name,
        ):
            yield f"{subscription.name}: Pub/Sub may not take from it what it forwards"


@policy
def events_are_kept(graph: Graph) -> Iterator[str]:
    """A week without us loses nothing; a month without messages does not end the subscription; what nobody takes goes elsewhere."""
    subscription = graph.one("pubsub/subscription:Subscription", "lake")
    if subscription.at("messageRetentionDuration") != "604800s":
        yield "messages are not kept for seven days"
    if subscription.at("expirationPolicy.ttl") != "":
        yield "the subscription ends where nobody asks for a month"
    if subscription.at("deadLetterPolicy.deadLetterTopic") is None:
        yield "what nobody takes is delivered for ever"
    if not 120 <= subscription.at("ackDeadlineSeconds", 10) <= 600:
        yield "a lease ends before two ticks of the sensor"


@policy
def dead_letters_are_kept(graph: Graph) -> Iterator[str]:
    """A topic without a subscription keeps nothing."""
    read = {one.at("topic") for one in graph.of("pubsub/subscription:Subscription")}
    for subscription in graph.of("pubsub/subscription:Subscription"):
        dead = subscription.at("deadLetterPolicy.deadLetterTopic")
        if dead is not None and dead not in read:
            yield f"{subscription.name}: nobody is subscribed to {dead}"


@policy
def one_takes_events(graph: Graph) -> Iterator[str]:
    """Who shares a subscription takes the other's messages."""
    takers = [
        one.at("member")
        for one in graph.of("pubsub/subscriptionIAMMember:SubscriptionIAMMember")
        if one.at("role") == "roles/pubsub.subscriber"
        and str(one.at("subscription")).startswith("lake")
        and "gcp-sa-pubsub" not in str(one.at("member"))
    ]
    if len(takers) != 1:
        yield f"{len(takers)} may take events"


# Keys of our own -----------------------------------------------------------------------------------------------------------------------


@policy
def services_may_use_our_keys(graph: Graph) -> Iterator[str]:
    """cloud.google.com/kms/docs/cmek: a service's agent needs the key before anything is encrypted by it."""
    usable = {
        str(one.at("cryptoKeyId")): one.key
        for one in graph.of("kms/cryptoKeyIAMMember:CryptoKeyIAMMember")
        if one.at("role") == "roles/cloudkms.cryptoKeyEncrypterDecrypter" and AGENT.search(str(one.at("member")))
    }
    for one in graph.resources:
        for path, value in walk(one.properties):
            if path.rpartition(".")[2] not in {"defaultKmsKeyName", "kmsKeyName", "encryptionKeyName"} or not value:
                continue
            if value not in usable:
                yield f"{one.key}: no agent of Google's may use {value}"
            elif usable[value] not in one.needs:
                yield f"{one.key}: does not wait until its service may use {value}"


@policy
def keys_turn_and_stay(graph: Graph) -> Iterator[str]:
    """cloud.google.com/kms/docs/key-rotation; and what a key encrypted is lost with it."""
    for key in graph.of("kms/cryptoKey:CryptoKey"):
        if not key.at("rotationPeriod") or not key.is_protected:
            yield f"{key.name}: does not turn, or can be deleted"


# Network and database --------------------------------------------------------------------------------------------------------------------


@policy
def database_is_private(graph: Graph) -> Iterator[str]:
    """cloud.google.com/sql/docs/postgres/private-ip: no public address, TLS only, and the peering is there first."""
    for one in graph.of("sql/databaseInstance:DatabaseInstance"):
        told = one.at("settings.ipConfiguration", {})
        if told.get("ipv4Enabled") is not False or not told.get("privateNetwork"):
            yield f"{one.name}: has a public address"
        if told.get("sslMode") not in {"ENCRYPTED_ONLY", "TRUSTED_CLIENT_CERTIFICATE_REQUIRED"}:
            yield f"{one.name}: takes connections without TLS"
        if not any("servicenetworking" in need for need in one.needs):
            yield f"{one.name}: does not wait for its network"


@policy
def database_can_be_restored(graph: Graph) -> Iterator[str]:
    """cloud.google.com/sql/docs/postgres/backup-recovery/pitr: the catalog is which files are the tables."""
    for one in graph.of("sql/databaseInstance:DatabaseInstance"):
        if not one.at("settings.backupConfiguration.enabled") or not one.at(
            "settings.backupConfiguration.pointInTimeRecoveryEnabled"
        ):
            yield f"{one.name}: no moment of the last days can be restored"


@policy
def cluster_is_private(graph: Graph) -> Iterator[str]:
    """Nodes have no public addresses, and the control plane answers to named networks."""
    for cluster in graph.of("container/cluster:Cluster"):
        if not cluster.at("privateClusterConfig.enablePrivateNodes"):
            yield f"{cluster.name}: nodes have public addresses"
        blocks = [one["cidrBlock"] for one in cluster.at("masterAuthorizedNetworksConfig.cidrBlocks", [])]
        if not blocks or any(one.endswith("/0") for one in blocks):
            yield f"{cluster.name}: anybody reaches the control plane"


@policy
def google_is_reached_without_the_internet(graph: Graph) -> Iterator[str]:
    """cloud.google.com/vpc/docs/private-google-access: nodes, and Spark's workers, have no addresses to do it otherwise."""
    for subnet in graph.of("compute/subnetwork:Subnetwork"):
        if not subnet.at("privateIpGoogleAccess"):
            yield f"{subnet.name}: no Private Google Access"


@policy
def firewalls_are_not_open(graph: Graph) -> Iterator[str]:
    """What is reached from outside is reached through a load balancer."""
    for one in graph.of("compute/firewall:Firewall"):
        if any(source.endswith("/0") for source in one.at("sourceRanges", [])):
            yield f"{one.name}: open to everybody"


@policy
def what_holds_data_is_protected(graph: Graph) -> Iterator[str]:
    """Where a stack is protected, all of what holds data is."""
    kinds = ("container/cluster:Cluster", "sql/databaseInstance:DatabaseInstance", "storage/bucket:Bucket")
    held = [one for one in graph.of(*kinds) if one.name != "staging"]
    if not any(one.is_protected for one in held):
        return
    for one in held:
        if not one.is_protected or one.at("deletionProtection") is False:
            yield f"{one.key}: can be deleted"


# Pods ------------------------------------------------------------------------------------------------------------------------------------


def _all_pods(graph: Graph) -> list[tuple[str, Manifest, Manifest]]:
    """Those of servers, and those that the launcher makes of its configuration."""
    told = yaml.safe_load(instance_text(graph))["run_launcher"]["config"]["run_k8s_config"]
    run = {"image": "", **told["container_config"], "name": "run"}
    labels = told["pod_template_spec_metadata"]["labels"]
    return [*pods_of(graph.manifests()), ("runs", labels, told["pod_spec_config"] | {"containers": [run]})]


def _all_containers(graph: Graph) -> Iterator[tuple[str, Manifest]]:
    for owner, _, pod in _all_pods(graph):
        for container in containers_of(pod):
            yield f"{owner}: {container['name']}", container


@policy
def pods_are_nobody(graph: Graph) -> Iterator[str]:
    """kubernetes.io/docs/concepts/security/pod-security-standards: not root."""
    for owner, _, pod in _all_pods(graph):
        context = pod.get("securityContext", {})
        if context.get("runAsNonRoot") is not True or not context.get("runAsUser"):
            yield f"{owner}: may run as root"


@policy
def containers_can_do_little(graph: Graph) -> Iterator[str]:
    """The same page, `restricted`: no capabilities, no way up, the runtime's own filter of system calls."""
    for owner, _, pod in _all_pods(graph):
        if pod.get("securityContext", {}).get("seccompProfile", {}).get("type") != "RuntimeDefault":
            yield f"{owner}: no filter of system calls"
        if any(pod.get(one) for one in ("hostNetwork", "hostPID", "hostIPC")):
            yield f"{owner}: is on the node's own"
    for name, container in _all_containers(graph):
        context = container.get("securityContext", {})
        if context.get("allowPrivilegeEscalation") is not False or context.get("capabilities", {}).get("drop") != [
            "ALL"
        ]:
            yield f"{name}: has capabilities, or a way to more"


@policy
def containers_do_not_write_to_their_image(graph: Graph) -> Iterator[str]:
    """What can be written is a volume that is named."""
    for name, container in _all_containers(graph):
        if container.get("securityContext", {}).get("readOnlyRootFilesystem") is not True:
            yield name


@policy
def images_are_digests(graph: Graph) -> Iterator[str]:
    """A tag is another image tomorrow."""
    told = yaml.safe_load(instance_text(graph))["run_launcher"]["config"]["job_image"]
    for name, image in [
        ("runs", told),
        *((name, one["image"]) for name, one in _all_containers(graph) if one["image"]),
    ]:
        if not re.search(r"@sha256:[0-9a-f]{64}$", image):
            yield f"{name}: {image}"


@policy
def containers_are_bounded(graph: Graph) -> Iterator[str]:
    """CPU and memory, asked for and limited."""
    for name, container in _all_containers(graph):
        for kind in ("requests", "limits"):
            missing = {"cpu", "memory"} - set(container.get("resources", {}).get(kind, {}))
            if missing:
                yield f"{name}: no {kind} of {' and '.join(sorted(missing))}"


@policy
def servers_are_asked_how_they_are(graph: Graph) -> Iterator[str]:
    """Each is asked whether it lives, with time to start; whoever is talked to, whether it is ready."""
    for owner, _, pod in pods_of(graph.manifests()):
        for container in pod["containers"]:
            wanted = {"startupProbe", "livenessProbe"} | ({"readinessProbe"} if container.get("ports") else set())
            if missing := {one for one in wanted if not container.get(one)}:
                yield f"{owner}: no {' and '.join(sorted(missing))}"


@policy
def servers_are_not_drained_at_once(graph: Graph) -> Iterator[str]:
    """kubernetes.io/docs/tasks/run-application/configure-pdb: nodes are upgraded each few weeks."""
    budgets = [
        one["spec"]["selector"]["matchLabels"] for one in graph.manifests() if one["kind"] == "PodDisruptionBudget"
    ]
    for owner, labels, _ in pods_of(graph.manifests()):
        if not any(one.items() <= labels.items() for one in budgets):
            yield f"{owner}: no budget of disruptions"


@policy
def tokens_are_for_who_launches(graph: Graph) -> Iterator[str]:
    """Who does not talk to Kubernetes has nothing to talk with."""
    for owner, labels, pod in _all_pods(graph):
        if pod.get("automountServiceAccountToken") is not (labels["app.kubernetes.io/name"] in LAUNCHES):
            yield owner


@policy
def roles_are_small(graph: Graph) -> Iterator[str]:
    """No wildcards, nothing of the whole cluster, of secrets only some that are named, to be read."""
    for one in graph.manifests():
        if one["kind"] in {"ClusterRole", "ClusterRoleBinding"}:
            yield f"{name_of(one)}: is of the whole cluster"
        for rule in one.get("rules", ()) if one["kind"] == "Role" else ():
            if "*" in [*rule["verbs"], *rule["resources"], *rule["apiGroups"]] or _opens_secrets(rule):
                yield f"{name_of(one)}: {rule}"


def _opens_secrets(rule: Manifest) -> bool:
    return "secrets" in rule["resources"] and not (rule.get("resourceNames") and rule["verbs"] == ["get"])


# Secrets and settings --------------------------------------------------------------------------------------------------------------------


@policy
def secrets_are_secret(graph: Graph) -> Iterator[str]:
    """Marked so, they are encrypted in Pulumi's state, and not printed."""
    for one in graph.resources:
        for kind, name in (
            ("core/v1:Secret", "stringData"),
            ("secretVersion:SecretVersion", "secretData"),
            ("sql/user:User", "password"),
        ):
            if one.type.endswith(kind) and one.at(name, HIDDEN) != HIDDEN:
                yield f"{one.key}: {name} is no secret"


@policy
def nothing_secret_is_plain(graph: Graph) -> Iterator[str]:
    """Neither a setting that is a secret, nor an address with a password, in what can be read by whoever may list pods."""
    for one in graph.manifests():
        if one["kind"] == "Secret":
            continue
        for path, value in walk(one):
            if path.rpartition(".")[2] in SECRETS or (path.endswith(".name") and value in SECRETS):
                yield f"{name_of(one)}: {path}: a secret setting"
            if isinstance(value, str) and re.search(r"://[^/\s:@]+:[^/\s@]+@", value):
                yield f"{name_of(one)}: {path}: a password in an address"


@policy
def settings_are_the_platforms(graph: Graph) -> Iterator[str]:
    """A variable that the platform does not know is a mistake: it does nothing."""
    known = {f"{PREFIX}{name}".upper() for name in Settings.model_fields}
    for one in graph.manifests():
        for path, value in walk(one):
            names = [path.rpartition(".")[2], value if path.endswith(".name") else ""]
            for name in names:
                if isinstance(name, str) and name.startswith(PREFIX) and name not in known:
                    yield f"{name_of(one)}: {name}"


@policy
def nothing_secret_is_shown(graph: Graph) -> Iterator[str]:
    """What the program exports is printed at the end."""
    for name, value in graph.exports.items():
        if any(one == HIDDEN for _, one in walk({"it": value})):
            yield name


# Dagster ---------------------------------------------------------------------------------------------------------------------------------


@policy
def one_daemon(graph: Graph) -> Iterator[str]:
    """Two would evaluate each sensor twice: the old one ends before the new one starts."""
    spec = graph.one("apps/v1:Deployment", "daemon").properties["spec"]
    if spec["replicas"] != 1 or spec["strategy"]["type"] != "Recreate":
        yield "there may be two"


@policy
def runs_make_room_for_servers(graph: Graph) -> Iterator[str]:
    """A daemon that waits behind runs starts none, and ends none."""
    values = {one["metadata"]["name"]: one["value"] for one in graph.manifests() if one["kind"] == "PriorityClass"}
    pods = {
        labels["app.kubernetes.io/name"]: values.get(pod.get("priorityClassName", ""), 0)
        for _, labels, pod in _all_pods(graph)
    }
    for name in sorted(set(pods) - {"run"}):
        if pods[name] <= pods["run"]:
            yield f"{name}: has no more priority than runs"
    for one in graph.manifests():
        if one["kind"] == "PriorityClass" and one["value"] <= pods["run"] and one.get("preemptionPolicy") != "Never":
            yield f"{one['metadata']['name']}: runs take others' place"


@policy
def jobs_that_are_done_go(graph: Graph) -> Iterator[str]:
    """They stay for a day by default, in thousands; and Dagster alone tries again."""
    told = yaml.safe_load(instance_text(graph))["run_launcher"]["config"]["run_k8s_config"]["job_spec_config"]
    if not 0 < told.get("ttlSecondsAfterFinished", 0) <= 3600 or told.get("backoffLimit") != 0:
        yield f"{told}"


@policy
def runs_can_be_ended(graph: Graph) -> Iterator[str]:
    """Dagster deletes a job, and then its pod: without the second right the pod goes on, and another run beside it."""
    for one in graph.manifests():
        if one["kind"] != "Role" or one["metadata"]["name"] != "launches-runs":
            continue
        deleted = {resource for rule in one["rules"] if "delete" in rule["verbs"] for resource in rule["resources"]}
        if not {"jobs", "pods"} <= deleted:
            yield f"{name_of(one)}: deletes {sorted(deleted)} only"


@policy
def runs_stay_where_they_are(graph: Graph) -> Iterator[str]:
    """cloud.google.com/kubernetes-engine/docs/how-to/extended-duration-pods: Autopilot moves others when it likes."""
    told = yaml.safe_load(instance_text(graph))["run_launcher"]["config"]["run_k8s_config"]
    if (
        told["pod_template_spec_metadata"].get("annotations", {}).get("cluster-autoscaler.kubernetes.io/safe-to-evict")
        != "false"
    ):
        yield "a run may be moved, which ends it"


@policy
def sidecars_end_with_their_pod(graph: Graph) -> Iterator[str]:
    """kubernetes.io/docs/concepts/workloads/pods/sidecar-containers: an ordinary second container keeps a job from ending."""
    for owner, _, pod in _all_pods(graph):
        if len(pod["containers"]) > 1:
            yield f"{owner}: has a second container"
        for one in pod.get("initContainers", ()):
            if one.get("restartPolicy") != "Always":
                yield f"{owner}: {one['name']} must end before the pod begins"


@policy
def recorders_keep_their_volumes(graph: Graph) -> Iterator[str]:
    """A volume that one pod at a time may write holds what could not be landed yet."""
    for one in graph.manifests():
        if one["kind"] != "StatefulSet":
            continue
        modes = [claim["spec"]["accessModes"] for claim in one["spec"].get("volumeClaimTemplates", ())]
        kept = one["spec"].get("persistentVolumeClaimRetentionPolicy", {})
        if modes != [["ReadWriteOnce"]] or set(kept.values()) != {"Retain"}:
            yield name_of(one)


# From outside ----------------------------------------------------------------------------------------------------------------------------


@policy
def outside_is_tls(graph: Graph) -> Iterator[str]:
    """cloud.google.com/kubernetes-engine/docs/how-to/managed-certs: each way in has a certificate, and plain HTTP is led to it."""
    there = {name_of(one) for one in graph.manifests()}
    for one in graph.manifests():
        if one["kind"] != "Ingress":
            continue
        told = one["metadata"].get("annotations", {})
        certificate = f"ManagedCertificate/{told.get('networking.gke.io/managed-certificates')}"
        front = f"FrontendConfig/{told.get('networking.gke.io/v1beta1.FrontendConfig')}"
        for wanted in (certificate, front):
            if wanted not in there:
                yield f"{name_of(one)}: there is no {wanted}"


@policy
def services_are_inside(graph: Graph) -> Iterator[str]:
    """A service of these types has a public address without a certificate or a key."""
    for one in graph.manifests():
        if one["kind"] == "Service" and one["spec"].get("type", "ClusterIP") not in {"ClusterIP"}:
            yield f"{name_of(one)}: {one['spec']['type']}"


@policy
def dagster_asks_who_comes(graph: Graph) -> Iterator[str]:
    """Dagster's UI asks nobody, and whoever reaches it can run what they like: only Identity-Aware Proxy leads there."""
    there = {name_of(one): one for one in graph.manifests()}
    for one in graph.manifests():
        for rule in one["spec"]["rules"] if one["kind"] == "Ingress" else ():
            for path in rule["http"]["paths"]:
                service = there.get(f"Service/{path['backend']['service']['name']}", {})
                if service.get("spec", {}).get("selector", {}).get("app.kubernetes.io/name") != "webserver":
                    continue
                backend = there.get(f"BackendConfig/{service['metadata']['name']}", {})
                if not backend.get("spec", {}).get("iap", {}).get("enabled"):
                    yield f"{name_of(one)}: leads to Dagster's UI without Identity-Aware Proxy"


@policy
def few_reach_the_internet(graph: Graph) -> Iterator[str]:
    """Who serves or shows needs nobody outside."""
    for one in graph.manifests():
        if one["kind"] != "NetworkPolicy" or one["metadata"]["name"] not in {"webserver", "daemon", "serving"}:
            continue
        for rule in one["spec"]["egress"]:
            if any(peer.get("ipBlock", {}).get("cidr") == "0.0.0.0/0" for peer in rule["to"]):
                yield name_of(one)


# What people are told --------------------------------------------------------------------------------------------------------------------


@policy
def people_are_told(graph: Graph) -> Iterator[str]:
    """Each alert is there, and has somebody to tell."""
    there = {one.name: one for one in graph.of("monitoring/alertPolicy:AlertPolicy")}
    for name in sorted(ALERTS):
        if name not in there:
            yield f"no alert {name}"
        elif not there[name].at("notificationChannels"):
            yield f"{name}: nobody is told"


@policy
def money_is_watched(graph: Graph) -> Iterator[str]:
    """A budget, with a word before all of it is spent."""
    shares = [
        rule["thresholdPercent"] for one in graph.of("billing/budget:Budget") for rule in one.at("thresholdRules", [])
    ]
    if not any(share < 1 for share in shares):
        yield "nobody is told before the money is spent"


@policy
def metrics_reach_prometheus(graph: Graph) -> Iterator[str]:
    """Who is listed is let through to, listens on more than loopback, and has the key that it asks for."""
    manifests = {name_of(one): one for one in graph.manifests()}
    pods = {labels["app.kubernetes.io/name"]: pod for _, labels, pod in _all_pods(graph)}
    for name in TELL_METRICS & pods.keys():
        if f"PodMonitoring/{name}" not in manifests:
            yield f"{name}: nobody asks it"
            continue
        (container,) = pods[name]["containers"]
        (asked,) = manifests[f"PodMonitoring/{name}"]["spec"]["endpoints"]
        ports = {one["containerPort"] for one in container.get("ports", ()) if one["name"] == asked["port"]}
        if "basicAuth" not in asked or not any("secretRef" in one for one in container["envFrom"]):
            yield f"{name}: is asked without a key"
        if ALL_ADDRESSES not in container["command"]:
            yield f"{name}: listens to itself alone"
        let_in = {
            port["port"]
            for rule in manifests[f"NetworkPolicy/{name}"]["spec"]["ingress"]
            for port in rule["ports"]
            if any("namespaceSelector" in peer for peer in rule["from"])
        }
        if not ports or not ports <= let_in:
            yield f"{name}: {sorted(ports)} is asked, {sorted(let_in)} is let through"
