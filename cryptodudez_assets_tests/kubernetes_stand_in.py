"""A stand-in for Kubernetes' API, as far as Dagster's launcher of runs asks it: it takes jobs, starts their pods and says how they are.

Over TLS, as in a cluster, with an account's token; what an account may do is looked up in the roles that the program emits, and a job is
taken only where all that is known of manifests holds of it. Pods are podman's. There is no scheduler: a pod starts at once, or stays
pending where the test says that there is no room.
"""

import json
import re
import ssl
import subprocess
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cryptodudez_assets_tests.answering import answering
from cryptodudez_assets_tests.podman import CommandFailed, inspected, logs, podman
from cryptodudez_assets_tests.pods import Cluster, Manifest, container_of

HOST, PORT = "127.0.0.1", 6443
ASKED = re.compile(
    r"/(?:api/v1|apis/(?P<group>batch)/v1)/namespaces/(?P<namespace>[^/]+)/(?P<kind>jobs|pods|events)"
    r"(?:/(?P<name>[^/]+)(?:/(?P<part>status|log))?)?"
)
VERBS = {"POST": "create", "DELETE": "delete"}
NO_ROOM = "0/1 nodes are available: 1 Insufficient cpu."
KILLED = 137

Answer = tuple[HTTPStatus, Any]


@dataclass
class Job:
    """A job that was taken, and its one pod."""

    manifest: Manifest
    pod: str
    began: str
    is_pending: bool = False
    is_deleted: bool = False
    failed_to_start: str = ""
    played: threading.Event = field(default_factory=threading.Event)

    @property
    def name(self) -> str:
        """The job's."""
        name: str = self.manifest["metadata"]["name"]
        return name

    @property
    def container(self) -> str:
        """What podman calls the container that does the work."""
        return container_of(self.pod, self.manifest["spec"]["template"]["spec"]["containers"][0]["name"])

    def state(self) -> Manifest | None:
        """What podman says of the container; None where the pod is gone."""
        try:
            state: Manifest = inspected("container", self.container)["State"]
        except CommandFailed:
            return None
        return state


@dataclass
class KubernetesStandIn:
    """`judge` finds what is wrong with a job; `is_full`: pods of new jobs stay pending. `jobs` are all that were ever taken."""

    cluster: Cluster
    judge: Callable[[Manifest], list[str]]
    is_full: bool = False
    jobs: list[Job] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    """What was wrong with what was asked for."""
    _tokens: dict[str, str] = field(default_factory=dict)
    _one_at_a_time: threading.Lock = field(default_factory=threading.Lock)

    def running(self) -> list[Job]:
        """Jobs whose pods run."""
        return [one for one in self.jobs if not one.is_deleted and (one.state() or {}).get("Status") == "running"]

    def kill(self, job: Job) -> None:
        """Have a job's pod be gone in a moment."""
        podman("pod", "rm", "--force", "--time", "0", job.pod)

    def let_in(self, account: str) -> None:
        """Make an account's token, where its pods find it."""
        folder = self.cluster.token_folder(account)
        folder.mkdir(parents=True)
        token = uuid.uuid4().hex
        self._tokens[token] = account
        (folder / "token").write_text(token)
        (folder / "ca.crt").write_text((self.cluster.folder / "ca.crt").read_text())

    def answer(self, method: str, target: str, token: str, body: bytes) -> Answer:
        """What is answered to a request."""
        url = urlsplit(target)
        if (account := self._tokens.get(token)) is None:
            return self._refuse(HTTPStatus.UNAUTHORIZED, "nobody of ours")
        if (asked := ASKED.fullmatch(url.path)) is None:
            return self._refuse(HTTPStatus.NOT_FOUND, f"nobody here answers {method} {url.path}")
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        verb = VERBS.get(method) or ("get" if asked["name"] else "list")
        resource = f"{asked['kind']}/{asked['part']}" if asked["part"] else asked["kind"]
        if not self._may(account, asked["group"] or "", resource, verb):
            return self._refuse(HTTPStatus.FORBIDDEN, f"{account} may not {verb} {resource}")
        if verb == "create" and (
            wrong := self.judge(_whole(body))
        ):  # which takes a while, and nobody else waits for it
            return self._refuse(HTTPStatus.UNPROCESSABLE_ENTITY, "; ".join(wrong))
        with self._one_at_a_time:
            answer: Answer = getattr(self, f"_{verb}_{asked['kind']}")(asked["name"], asked["part"], query, body)
        return answer

    def _may(self, account: str, group: str, resource: str, verb: str) -> bool:
        roles = {
            one["roleRef"]["name"]
            for one in self.cluster.manifests
            if one["kind"] == "RoleBinding" and any(subject["name"] == account for subject in one["subjects"])
        }
        rules = [
            rule
            for one in self.cluster.manifests
            if one["kind"] == "Role" and one["metadata"]["name"] in roles
            for rule in one["rules"]
        ]
        return any(
            group in rule["apiGroups"] and resource in rule["resources"] and verb in rule["verbs"] for rule in rules
        )

    def _refuse(self, status: HTTPStatus, why: str) -> Answer:
        self.refused.append(why)
        return status, {"kind": "Status", "status": "Failure", "code": status, "message": why}

    def _job(self, name: str) -> Job | None:
        return next((one for one in self.jobs if one.name == name and not one.is_deleted), None)

    def _create_jobs(self, _: str, __: str, ___: Any, body: bytes) -> Answer:
        manifest = _whole(body)
        if self._job(manifest["metadata"]["name"]):
            return HTTPStatus.CONFLICT, {"kind": "Status", "code": HTTPStatus.CONFLICT, "message": "there is one"}
        began = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
        name = f"{manifest['metadata']['name']}-{uuid.uuid4().hex[:5]}"
        job = Job(manifest, name, began, is_pending=self.is_full)
        self.jobs.append(job)
        if not job.is_pending:
            threading.Thread(target=self._play, args=(job,), daemon=True).start()
        return HTTPStatus.CREATED, self._told(job)

    def _play(self, job: Job) -> None:
        try:
            self.cluster.play(job.manifest, job.pod)
        except CommandFailed as error:
            job.failed_to_start = str(error)
        job.played.set()

    def _get_jobs(self, name: str, *_: Any) -> Answer:
        job = self._job(name)
        return (HTTPStatus.OK, self._told(job)) if job else _not_found(name)

    def _list_jobs(self, _: Any, __: Any, query: dict[str, str], ___: Any) -> Answer:
        name = query.get("fieldSelector", "").partition("metadata.name=")[2]
        jobs = [one for one in self.jobs if not one.is_deleted and name in {"", one.name}]
        return HTTPStatus.OK, {"kind": "JobList", "items": [self._told(one) for one in jobs]}

    def _delete_jobs(self, name: str, *_: Any) -> Answer:
        """Its pod stays, as where nobody says otherwise."""
        if (job := self._job(name)) is None:
            return _not_found(name)
        job.is_deleted = True
        return HTTPStatus.OK, {"kind": "Status", "status": "Success"}

    def _told(self, job: Job) -> Manifest:
        pod = self._pod(job)
        phase = pod["status"]["phase"] if pod else "Failed"
        counts = {"Pending": "active", "Running": "active", "Succeeded": "succeeded", "Failed": "failed"}
        ready = {"ready": int(phase == "Running")}
        return job.manifest | {"status": {"startTime": job.began, counts[phase]: 1, **ready}}

    def _pods(self) -> Iterator[Manifest]:
        for job in self.jobs:
            if pod := self._pod(job):
                yield pod

    def _pod(self, job: Job) -> Manifest | None:
        """As Kubernetes tells of it; None where it is gone."""
        template = job.manifest["spec"]["template"]
        metadata = template["metadata"] | {"name": job.pod}
        metadata["labels"] = metadata.get("labels", {}) | {"job-name": job.name}
        phase, state = self._phase(job)
        if not phase:
            return None
        name = template["spec"]["containers"][0]["name"]
        told = {
            "name": name,
            "state": state,
            "ready": phase == "Running",
            "restartCount": 0,
            "image": "",
            "imageID": "",
        }
        status = {"phase": phase, **({"containerStatuses": [told]} if state else {})}
        return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"], "status": status}

    def _phase(self, job: Job) -> tuple[str, Manifest]:
        if job.is_pending:
            return ("" if job.is_deleted else "Pending"), {}
        if job.failed_to_start:
            return "Pending", {"waiting": {"reason": "CreateContainerError", "message": job.failed_to_start}}
        if not job.played.is_set():
            return "Pending", {"waiting": {"reason": "ContainerCreating"}}
        if (state := job.state()) is None:
            return "", {}
        if state["Status"] in {"exited", "stopped"}:
            code = state["ExitCode"]
            reason = "OOMKilled" if state["OOMKilled"] else "Completed" if code == 0 else "Error"
            return ("Succeeded" if code == 0 else "Failed"), {"terminated": {"exitCode": code, "reason": reason}}
        return "Running", {"running": {"startedAt": job.began}}

    def _list_pods(self, _: Any, __: Any, query: dict[str, str], ___: Any) -> Answer:
        label = query.get("labelSelector", "").partition("job-name=")[2]
        name = query.get("fieldSelector", "").partition("metadata.name=")[2]
        pods = [
            one
            for one in self._pods()
            if label in {"", one["metadata"]["labels"]["job-name"]} and name in {"", one["metadata"]["name"]}
        ]
        return HTTPStatus.OK, {"kind": "PodList", "items": pods}

    def _get_pods(self, name: str, part: str, query: dict[str, str], _: Any) -> Answer:
        job = next((one for one in self.jobs if one.pod == name), None)
        pod = self._pod(job) if job else None
        if job is None or pod is None:
            return _not_found(name)
        if part != "log":
            return HTTPStatus.OK, pod
        return HTTPStatus.OK, logs(job.container, int(query.get("tailLines", "100")))

    def _delete_pods(self, name: str, *_: Any) -> Answer:
        job = next((one for one in self.jobs if one.pod == name), None)
        if job is None or self._pod(job) is None:
            return _not_found(name)
        if not job.is_pending:
            threading.Thread(target=_end, args=(job,), daemon=True).start()
        return HTTPStatus.OK, {"kind": "Status", "status": "Success"}

    def _list_events(self, _: Any, __: Any, query: dict[str, str], ___: Any) -> Answer:
        name = query.get("fieldSelector", "").partition("involvedObject.name=")[2]
        events = [
            {
                "metadata": {"name": f"{job.pod}.1"},
                "involvedObject": {"kind": "Pod", "name": job.pod},
                "type": "Warning",
                "reason": "FailedScheduling",
                "message": NO_ROOM,
                "count": 1,
            }
            for job in self.jobs
            if job.is_pending and job.pod == name
        ]
        return HTTPStatus.OK, {"kind": "EventList", "items": events}


def _whole(body: bytes) -> Manifest:
    """A job, with what Kubernetes' client leaves to the address."""
    manifest: Manifest = {"apiVersion": "batch/v1", "kind": "Job"} | json.loads(body)
    return manifest


def _end(job: Job) -> None:
    """Asked to end, and killed when its time is over, as Kubernetes does."""
    seconds = job.manifest["spec"]["template"]["spec"].get("terminationGracePeriodSeconds", 30)
    job.played.wait()
    podman("pod", "rm", "--force", "--time", str(seconds), job.pod)


def _not_found(name: str) -> Answer:
    return HTTPStatus.NOT_FOUND, {"kind": "Status", "code": HTTPStatus.NOT_FOUND, "message": f"there is no {name}"}


@contextmanager
def served(stand_in: KubernetesStandIn, port: int = PORT) -> Iterator[None]:
    """Its API, over TLS."""
    key, certificate = (stand_in.cluster.folder / name for name in ("ca.key", "ca.crt"))
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=kubernetes"]
    command += ["-addext", f"subjectAltName=IP:{HOST}", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            token = self.headers.get("Authorization", "").partition(" ")[2]  # behind "bearer", however that is written
            status, told = stand_in.answer(self.command, self.path, token, body)
            content = told.encode() if isinstance(told, str) else json.dumps(told).encode()
            self.send_response(status)
            self.send_header("Content-Type", "text/plain" if isinstance(told, str) else "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_DELETE = do_GET  # noqa: N815

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing: what was refused is in `refused`."""

    server = ThreadingHTTPServer((HOST, port), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    with answering(server):
        yield
