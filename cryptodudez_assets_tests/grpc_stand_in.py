"""A stand-in for a service of Google's, served over gRPC on loopback. What it answers is the stand-in's own business."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Protocol

import grpc

Services = Mapping[str, Mapping[str, tuple[Any, Any]]]
"""By the service's full name, its methods; of each the messages that it takes and gives."""


class StandIn(Protocol):
    """`address`: where it is served."""

    address: str

    def handler(self, name: str, request: Any, answer: Any) -> grpc.RpcMethodHandler:
        """How the method of this name is served, which takes and gives these messages."""


@contextmanager
def served(stand_in: StandIn, services: Services) -> Iterator[None]:
    """Serve it, on a port of loopback that was free."""
    server = grpc.server(ThreadPoolExecutor(8))
    for service, methods in services.items():
        handlers = {name: stand_in.handler(name, *messages) for name, messages in methods.items()}
        server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(service, handlers)])
    stand_in.address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    try:
        yield
    finally:
        server.stop(None).wait()
