"""A twin of the cluster out of its own manifests: what the program in deploy/ emits, run by podman from the images that were built.

Beside the pods stand what a cloud would have: Google's stand-in with the two buckets, Pub/Sub, PostgreSQL, a simulated exchange, and
Kubernetes' API as far as runs need it (`kubernetes_stand_in.py`). What pods are told of these is all that is added to the settings that
the program emits. Pods share this machine's network: start it in a network of its own (`make twin-pods`).
"""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from cryptodudez_assets.settings import PREFIX
from cryptodudez_assets_tests.google_stand_in import GoogleStandIn
from cryptodudez_assets_tests.kubernetes_stand_in import HOST, PORT, KubernetesStandIn, served
from cryptodudez_assets_tests.podman import CommandFailed, logs, podman
from cryptodudez_assets_tests.pods import Cluster, Manifest, container_of, is_well
from cryptodudez_assets_tests.postgres_by_tcp import PostgresByTcp, postgres_by_tcp
from cryptodudez_assets_tests.pubsub_stand_in import pubsub_stand_in
from cryptodudez_assets_tests.recorder_campaign import exchange
from cryptodudez_assets_tests.twin import BOOKS, DATABASES, bucket

SERVERS = ("code", "webserver", "daemon", "serving", "recorder")
TALK_TO_KUBERNETES = ("daemon", "webserver")
ADDRESSES = {"Dagster UI": "http://127.0.0.1:3000", "dashboard and API": "http://127.0.0.1:8000"}
"""By the ports of the manifests."""
DATABASE_PORT = 5432
KEYS = {"API_KEY": "of-the-twin-" * 3, "ERASURE_KEY": "of-the-twin-" * 3}
PATIENCE_SECONDS = 600


@dataclass
class TwinOfPods:
    """What runs: `owners` by what they are, `pods` by the same, as podman calls them."""

    cluster: Cluster
    kubernetes: KubernetesStandIn
    store: GoogleStandIn
    postgres: PostgresByTcp
    environment: dict[str, str]
    addresses: dict[str, str]
    owners: dict[str, Manifest]
    pods: dict[str, str] = field(default_factory=dict)

    def start(self, name: str) -> None:
        """Start the pod of a Deployment or StatefulSet, as its controller does where there is none."""
        self.pods[name] = self.cluster.play(self.owners[name])

    def kill(self, name: str) -> None:
        """Have a pod be gone in a moment, with what it wrote into it; and another be made."""
        podman("pod", "rm", "--force", "--time", "0", self.pods[name])
        self.start(name)

    def is_well(self, name: str) -> bool:
        """Whether its probe says so."""
        return is_well(self.owners[name], self.pods[name])

    def is_ready(self) -> bool:
        """Whether all are well."""
        return all(self.is_well(name) for name in self.pods)

    def is_over(self) -> bool:
        """Pods are started again whatever happens: it ends when its context does."""
        return False

    def said(self) -> str:
        """What the pods said last."""
        told = [f"== refused: {self.kubernetes.refused}"]
        for name, pod in self.pods.items():
            told.append(f"== {name}\n{_logs(container_of(pod, name))}")
        for job in self.kubernetes.jobs[-2:]:
            told.append(f"== {job.name}\n{_logs(job.container)}")
        return "\n".join(told)


def _logs(container: str) -> str:
    try:
        return logs(container, 12)
    except (CommandFailed, OSError, ValueError):
        return "it is gone"


@contextmanager
def twin_of_pods(
    folder: Path, manifests: list[Manifest], judge: Callable[[list[Manifest], Manifest], list[str]], window_seconds: int
) -> Iterator[TwinOfPods]:
    """Start all of it, and wait until it is well. `judge` finds what is wrong with a job beside these manifests."""
    with ExitStack() as stack:
        settings = _one(manifests, "settings")["data"]
        events = settings[f"{PREFIX}EVENTS"].removeprefix("pubsub://").split("/")
        raw, lake = (settings[f"{PREFIX}{name}"].removeprefix("gs://").partition("/")[0] for name in ("RAW", "LAKE"))
        postgres = stack.enter_context(postgres_by_tcp(DATABASE_PORT, DATABASES))
        pubsub = stack.enter_context(pubsub_stand_in(f"projects/{events[0]}/subscriptions/{events[1]}"))
        store = stack.enter_context(bucket(folder, pubsub.address, is_kept=False, buckets=(raw, lake)))
        venue = stack.enter_context(exchange(folder, BOOKS)).port
        around = {
            f"{PREFIX}GS_ENDPOINT": store.endpoint,
            f"{PREFIX}EVENTS_ENDPOINT": f"http://{pubsub.address}",
            f"{PREFIX}BITSO_REST_URL": f"http://127.0.0.1:{venue}/v3",
            f"{PREFIX}BITSO_WS_URL": f"ws://127.0.0.1:{venue}/ws",
            f"{PREFIX}RECORD_WINDOW_SECONDS": str(window_seconds),
            "STORAGE_EMULATOR_HOST": store.endpoint,  # where Google's own client looks, by which Dagster keeps what runs print
        }
        settings |= around
        addresses = {f"{PREFIX}{name.upper()}": postgres.address(name) for name in DATABASES}
        keys = {f"{PREFIX}{name}": value for name, value in KEYS.items()}
        cluster = Cluster(manifests, folder, {"settings": keys, "database": addresses}, kubernetes=(HOST, PORT))
        kubernetes = KubernetesStandIn(cluster, lambda job: judge(manifests, job))
        stack.enter_context(served(kubernetes))
        for account in TALK_TO_KUBERNETES:
            kubernetes.let_in(account)
        cluster.end()  # of a run that was killed
        stack.callback(cluster.end)
        cluster.prepare()
        own = settings | addresses | keys | {f"{PREFIX}HOME": str(folder / "home")}
        owners = {name: cluster.one("StatefulSet" if name == "recorder" else "Deployment", name) for name in SERVERS}
        made = TwinOfPods(cluster, kubernetes, store, postgres, dict(os.environ) | own, dict(ADDRESSES), owners)
        for name in SERVERS:
            made.start(name)
        _wait_until_well(made)
        yield made


def _one(manifests: list[Manifest], name: str) -> Manifest:
    return next(one for one in manifests if one["kind"] == "ConfigMap" and one["metadata"]["name"] == name)


def _wait_until_well(made: TwinOfPods) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not made.is_ready():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not well after {PATIENCE_SECONDS} s: {made.said()}")
        time.sleep(1)
