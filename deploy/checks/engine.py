"""An engine of Pulumi's that makes nothing: it runs the program in a process of its own and talks to it by Pulumi's protocol, as `pulumi
preview` (outputs are unknown) or `pulumi up` (they are made up where a cloud would tell them) do, and writes down what it was asked for.

What only Pulumi's own engine and providers do is not looked at: what properties they take, and what a cloud says to them.
"""

import json
import os
import subprocess
import sys
from collections.abc import Generator, Mapping
from concurrent import futures
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import yaml
from google.protobuf import json_format
from google.protobuf.empty_pb2 import Empty  # ty: ignore[missing-module-member]
from google.protobuf.struct_pb2 import Struct  # ty: ignore[missing-module-member]
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, provider_pb2, resource_pb2, resource_pb2_grpc

from checks.graph import SIGNATURE, Graph, plain, resource

PROGRAM = Path(__file__).parents[1]
PROJECT, REGION, NUMBER = "project-of-ours", "europe-west3", "100000000000"
ACCOUNT, AMAZONS_REGION = "123456789012", "eu-central-1"
SECRET_VALUE = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105  (Pulumi's mark of a secret)
AGENTS = {"pubsub": "pubsub", "sqladmin": "cloud-sql", "secretmanager": "secretmanager"}
"""What Google calls its own accounts, by service."""
STACK = "pulumi:pulumi:Stack"
SECONDS = 120
UNDERSTANDS = {
    "secrets",
    "resourceReferences",
    "outputValues",
    "aliasSpecs",
    "deletedWith",
    "transforms",
    "invokeTransforms",
}
# Pulumi's own executor does this; it comes with the command, which is not needed here.
EXECUTOR = """
import asyncio, json, os, runpy, sys
import pulumi.runtime as runtime
told = json.loads(os.environ["ENGINE"])
runtime.configure(runtime.Settings(**told))
sys.path.insert(0, os.getcwd())
loop = asyncio.new_event_loop()
asyncio.set_event_loop(loop)
loop.run_until_complete(runtime.run_in_stack(lambda: runpy.run_path("__main__.py", run_name="__main__")))
"""


class ProgramFailed(RuntimeError):
    """The program ended with an error; the message is what it said."""


def take(
    config: Mapping[str, Any],
    secrets: Mapping[str, str] | None = None,
    *,
    region: str = REGION,
    preview: bool = False,
    program: Path = PROGRAM,
) -> Graph:
    """Run the program with this as its `stack`; `secrets` are told as `pulumi config set --secret` tells them; `region` is Google's.

    Raises ProgramFailed.
    """
    project = yaml.safe_load((program / "Pulumi.yaml").read_text())["name"]
    with _serving(preview) as (monitor, engine, address):
        configuration = {
            "gcp:project": PROJECT,
            "gcp:region": region,
            "aws:region": AMAZONS_REGION,
            f"{project}:stack": json.dumps(config),
            **{f"{project}:{name}": value for name, value in (secrets or {}).items()},
        }
        told = {
            "monitor": address,
            "engine": address,
            "project": project,
            "stack": "dev",
            "parallel": 16,
            "dry_run": preview,
        }
        environment = {
            **os.environ,
            "ENGINE": json.dumps(told),
            "PULUMI_CONFIG": json.dumps(configuration),
            "PULUMI_CONFIG_SECRET_KEYS": json.dumps([f"{project}:{name}" for name in secrets or {}]),
        }
        done = subprocess.run(
            [sys.executable, "-c", EXECUTOR],
            cwd=program,
            env=environment,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        if done.returncode or engine.errors:
            raise ProgramFailed("\n".join([*engine.errors, done.stderr.strip()]))
    exports: dict[str, Any] = plain(json_format.MessageToDict(monitor.exports), "", set())
    return Graph(tuple(resource(one) for one in monitor.asked if one.type != STACK), exports)


@contextmanager
def _serving(preview: bool) -> Generator[tuple["_Monitor", "_Engine", str]]:
    server = grpc.server(futures.ThreadPoolExecutor(32))
    monitor, engine = _Monitor(preview), _Engine()
    resource_pb2_grpc.add_ResourceMonitorServicer_to_server(monitor, server)
    engine_pb2_grpc.add_EngineServicer_to_server(engine, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield monitor, engine, f"127.0.0.1:{port}"
    finally:
        server.stop(0).wait()


class _Monitor(resource_pb2_grpc.ResourceMonitorServicer):
    """Takes what the program declares. Names of methods are the protocol's."""

    def __init__(self, preview: bool) -> None:
        self._preview = preview
        self.asked: list[resource_pb2.RegisterResourceRequest] = []
        self.exports = Struct()

    def SupportsFeature(self, request: Any, context: Any) -> Any:  # noqa: N802
        return resource_pb2.SupportsFeatureResponse(hasSupport=request.id in UNDERSTANDS)

    def RegisterPackage(self, request: Any, context: Any) -> Any:  # noqa: N802
        return resource_pb2.RegisterPackageResponse(ref=request.name)

    def RegisterResource(self, request: Any, context: Any) -> Any:  # noqa: N802
        self.asked.append(request)
        parents = request.parent.split("::")[2] + "$" if request.parent and STACK not in request.parent else ""
        urn = f"urn:pulumi:dev::cryptodudez::{parents}{request.type}::{request.name}"
        is_known = request.custom and not self._preview
        outputs = Struct()
        outputs.CopyFrom(request.object)
        if is_known:
            told = _told(request.type, request.name, json_format.MessageToDict(request.object))
            secret = set(request.additionalSecretOutputs)
            outputs.update({name: _secret(value) if name in secret else value for name, value in told.items()})
        return resource_pb2.RegisterResourceResponse(
            urn=urn, id=f"{request.name}-id" if is_known else "", object=outputs
        )

    def RegisterResourceOutputs(self, request: Any, context: Any) -> Any:  # noqa: N802
        if STACK in request.urn:
            self.exports = request.outputs
        return Empty()

    def Invoke(self, request: Any, context: Any) -> Any:  # noqa: N802
        answers = {
            "gcp:storage/getProjectServiceAccount:getProjectServiceAccount": {
                "emailAddress": f"service-{NUMBER}@gs-project-accounts.iam.gserviceaccount.com"
            },
            "gcp:organizations/getProject:getProject": {"number": NUMBER},
            "aws:index/getCallerIdentity:getCallerIdentity": {"accountId": ACCOUNT},
        }
        if request.tok not in answers:
            context.abort(grpc.StatusCode.UNIMPLEMENTED, f"nobody here knows what {request.tok} answers")
        answer = json_format.ParseDict(answers[request.tok], Struct())
        return provider_pb2.InvokeResponse(**{"return": answer})  # ty: ignore[unknown-argument]

    def SignalAndWaitForShutdown(self, request: Any, context: Any) -> Any:  # noqa: N802
        return Empty()


class _Engine(engine_pb2_grpc.EngineServicer):
    """Hears what the program says."""

    def __init__(self) -> None:
        self.errors: list[str] = []
        self._root = ""

    def Log(self, request: Any, context: Any) -> Any:  # noqa: N802
        if request.severity >= engine_pb2.ERROR:
            self.errors.append(request.message)
        return Empty()

    def GetRootResource(self, request: Any, context: Any) -> Any:  # noqa: N802
        return engine_pb2.GetRootResourceResponse(urn=self._root)

    def SetRootResource(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._root = request.urn
        return engine_pb2.SetRootResourceResponse()


def _secret(value: Any) -> dict[str, Any]:
    return {SIGNATURE: SECRET_VALUE, "value": value}


def _told(kind: str, name: str, asked: Mapping[str, Any]) -> dict[str, Any]:
    """What a cloud would tell of a resource, made up."""
    name = str(asked.get("name", name))
    if kind.startswith("aws:"):
        return _amazon_tells(kind, name, asked)
    match kind:
        case "gcp:serviceaccount/account:Account":
            email = f"{asked['accountId']}@{PROJECT}.iam.gserviceaccount.com"
            return {
                "name": f"projects/{PROJECT}/serviceAccounts/{email}",
                "email": email,
                "member": f"serviceAccount:{email}",
            }
        case "gcp:projects/serviceIdentity:ServiceIdentity":
            service = AGENTS[asked["service"].partition(".")[0]]
            return {"member": f"serviceAccount:service-{NUMBER}@gcp-sa-{service}.iam.gserviceaccount.com"}
        case "gcp:storage/bucket:Bucket":
            return {"name": name, "url": f"gs://{name}"}
        case "gcp:sql/databaseInstance:DatabaseInstance":
            return {"name": name, "connectionName": f"{PROJECT}:{REGION}:{name}", "privateIpAddress": "10.60.0.3"}
        case "gcp:container/cluster:Cluster":
            return {"name": name, "endpoint": "203.0.113.7", "masterAuth": {"clusterCaCertificate": "Y2E="}}
        case "gcp:compute/globalAddress:GlobalAddress":
            return {"name": name, "address": asked.get("address", "203.0.113.8")}
        case "random:index/randomPassword:RandomPassword":
            return {"result": "x" * int(asked["length"])}
        case _ if kind.startswith("gcp:"):
            return {"name": name}
        case _:
            return {}


def _amazon_tells(kind: str, name: str, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Names of Amazon's, which tell region and account; a bucket's tells neither."""
    match kind:
        case "aws:s3/bucket:Bucket":
            return {"arn": f"arn:aws:s3:::{asked['bucket']}"}
        case "aws:sqs/queue:Queue":
            url = f"https://sqs.{AMAZONS_REGION}.amazonaws.com/{ACCOUNT}/{name}"
            return {"arn": f"arn:aws:sqs:{AMAZONS_REGION}:{ACCOUNT}:{name}", "url": url}
        case "aws:sns/topic:Topic":
            return {"arn": f"arn:aws:sns:{AMAZONS_REGION}:{ACCOUNT}:{name}"}
        case "aws:iam/role:Role":
            return {"arn": f"arn:aws:iam::{ACCOUNT}:role/{name}"}
        case _:
            return {}
