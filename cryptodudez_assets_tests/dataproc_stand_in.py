"""A stand-in for Dataproc: its services of batches, jobs and operations over gRPC, as far as they are asked here.

Batches go through states that a test gives them, one at each look. A job is what its test says. Names, the same request twice and names
that are taken are treated as Google's reference says.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.cloud.dataproc_v1 import (
    Batch,
    BatchControllerClient,
    CancelJobRequest,
    CreateBatchRequest,
    GetBatchRequest,
    GetJobRequest,
    Job,
    JobControllerClient,
    SubmitJobRequest,
)
from google.cloud.dataproc_v1.services.batch_controller.transports import BatchControllerGrpcTransport
from google.cloud.dataproc_v1.services.job_controller.transports import JobControllerGrpcTransport
from google.longrunning import operations_pb2
from google.protobuf import empty_pb2

from cryptodudez_assets_tests.grpc_stand_in import Services, served

State = Batch.State
WELL = [(State.PENDING, ""), (State.RUNNING, "on 2 executors"), (State.SUCCEEDED, "")]


@dataclass
class DataprocStandIn:
    """What was asked of it, and how it answers."""

    course: list[tuple[Batch.State, str]] = field(default_factory=lambda: list(WELL))
    """The states of each batch, the next at each look."""
    lost: dict[str, int] = field(default_factory=dict)
    """How many of the next answers are lost on their way, by method; what was asked is done."""
    run_job: Callable[[Job], bool] = lambda job: True
    """What a job does, and whether it went well."""
    asked: list[tuple[str, Any]] = field(default_factory=list)
    batches: dict[str, Batch] = field(default_factory=dict)
    jobs: dict[str, Job] = field(default_factory=dict)
    _requests: dict[str, str] = field(default_factory=dict)
    _looks: dict[str, int] = field(default_factory=dict)
    address: str = ""

    def create_batch(self, request: CreateBatchRequest, context: grpc.ServicerContext) -> operations_pb2.Operation:
        if not re.fullmatch(r"[a-z0-9-]{4,63}", request.batch_id) or len(request.request_id) > 40:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"batch ID {request.batch_id!r} is invalid")
        name = f"{request.parent}/batches/{request.batch_id}"
        if request.request_id not in self._requests:
            if name in self.batches:
                context.abort(grpc.StatusCode.ALREADY_EXISTS, f"{name} exists")
            request.batch.name, request.batch.operation = name, f"operations/{request.batch_id}"
            self.batches[name], self._requests[request.request_id] = request.batch, name
        return operations_pb2.Operation(name=self.batches[self._requests[request.request_id]].operation)

    def get_batch(self, request: GetBatchRequest, context: grpc.ServicerContext) -> Batch:
        if request.name not in self.batches:
            context.abort(grpc.StatusCode.NOT_FOUND, f"{request.name} was not found")
        batch = self.batches[request.name]
        if batch.state not in {State.SUCCEEDED, State.FAILED, State.CANCELLED}:
            look = self._looks[batch.name] = self._looks.get(batch.name, -1) + 1
            if look:
                batch.state_history.append({"state": batch.state, "state_message": batch.state_message})
            batch.state, batch.state_message = self.course[min(look, len(self.course) - 1)]
        return batch

    def cancel_operation(self, request: Any, context: grpc.ServicerContext) -> empty_pb2.Empty:
        (batch,) = [one for one in self.batches.values() if one.operation == request.name]
        batch.state = State.CANCELLED
        return empty_pb2.Empty()

    def submit_job(self, request: SubmitJobRequest, context: grpc.ServicerContext) -> Job:
        if request.request_id not in self._requests:
            number = f"job-{len(self.jobs)}"
            self._requests[request.request_id] = number
            job = self.jobs[number] = request.job
            job.job_uuid, job.reference = number, {"job_id": number, "project_id": request.project_id}
            went_well = self.run_job(job)
            job.status = {"state": "DONE"} if went_well else {"state": "ERROR", "details": "it went wrong there"}
            job.done = True
        return self.jobs[self._requests[request.request_id]]

    def get_job(self, request: GetJobRequest, context: grpc.ServicerContext) -> Job:
        return self.jobs[request.job_id]

    def cancel_job(self, request: CancelJobRequest, context: grpc.ServicerContext) -> Job:
        return self.jobs[request.job_id]

    def batch_client(self) -> BatchControllerClient:
        """Google's client, asking this service."""
        return BatchControllerClient(
            transport=BatchControllerGrpcTransport(channel=grpc.insecure_channel(self.address))
        )

    def job_client(self) -> JobControllerClient:
        """The same of jobs on clusters."""
        return JobControllerClient(transport=JobControllerGrpcTransport(channel=grpc.insecure_channel(self.address)))

    def methods_asked(self) -> list[str]:
        """The names of what was asked, in order."""
        return [name for name, _ in self.asked]

    def handler(self, name: str, request: Any, answer: Any) -> grpc.RpcMethodHandler:
        """How a method is served that takes and gives these messages."""
        snake = re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()

        def served(asked: Any, context: grpc.ServicerContext) -> Any:
            self.asked.append((name, asked))
            given = getattr(self, snake)(asked, context)
            if self.lost.get(name, 0):
                self.lost[name] -= 1
                context.abort(grpc.StatusCode.UNAVAILABLE, "the answer is lost")
            return given

        return grpc.unary_unary_rpc_method_handler(
            served,
            request_deserializer=getattr(request, "deserialize", None) or request.FromString,
            response_serializer=getattr(answer, "serialize", None) or answer.SerializeToString,
        )


SERVICES: Services = {
    "google.cloud.dataproc.v1.BatchController": {
        "CreateBatch": (CreateBatchRequest, operations_pb2.Operation),
        "GetBatch": (GetBatchRequest, Batch),
    },
    "google.cloud.dataproc.v1.JobController": {
        "SubmitJob": (SubmitJobRequest, Job),
        "GetJob": (GetJobRequest, Job),
        "CancelJob": (CancelJobRequest, Job),
    },
    "google.longrunning.Operations": {"CancelOperation": (operations_pb2.CancelOperationRequest, empty_pb2.Empty)},
}


@contextmanager
def dataproc_stand_in() -> Iterator[DataprocStandIn]:
    """The service, on a port of loopback that was free."""
    stand_in = DataprocStandIn()
    with served(stand_in, SERVICES):
        yield stand_in
