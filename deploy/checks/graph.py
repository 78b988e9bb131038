"""The graph: the resources that the program asked Pulumi's engine for, to be looked at, and to be broken on purpose.

How it is taken is in `engine.py`, what is asked of it in `policies.py`.
"""

from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import Any

from google.protobuf import json_format
from pulumi.runtime.proto import resource_pb2

SIGNATURE = "4dabf18193072939515e22adb298388d"
"""By which Pulumi's protocol marks values that are more than JSON."""
HIDDEN = "[secret]"
KUBERNETES = "kubernetes:"


@dataclass(frozen=True)
class Resource:
    """One resource. `needs`: names of those that it waits for; secrets are shown as `[secret]` where `secrets` names their paths."""

    type: str
    name: str
    properties: dict[str, Any]
    parent: str = ""
    needs: frozenset[str] = frozenset()
    secrets: frozenset[str] = frozenset()
    is_protected: bool = False
    provider: str = ""

    @property
    def key(self) -> str:
        """Type and name, which are of one resource alone."""
        return f"{self.type}::{self.name}"

    @property
    def is_component(self) -> bool:
        """Whether it is a group of others."""
        return self.type.startswith("cryptodudez:") or self.type == "pulumi:pulumi:Stack"

    @property
    def manifest(self) -> dict[str, Any] | None:
        """As Kubernetes takes it, where it is one of Kubernetes'."""
        return self.properties if self.type.startswith(KUBERNETES) else None

    def at(self, path: str, default: Any = None) -> Any:
        """The value at `a.b.0.c`; the default where there is none."""
        value: Any = self.properties
        for step in path.split("."):
            if isinstance(value, list) and step.isdecimal() and int(step) < len(value):
                value = value[int(step)]
            elif isinstance(value, Mapping) and step in value:
                value = value[step]
            else:
                return default
        return value


@dataclass(frozen=True)
class Graph:
    """All resources, in the order in which they were asked for."""

    resources: tuple[Resource, ...]
    exports: dict[str, Any] = field(default_factory=dict)

    def of(self, *types: str) -> list[Resource]:
        """Those whose type ends so: `storage/bucket:Bucket`, or just `Bucket`."""
        return [
            one
            for one in self.resources
            if any(one.type.endswith((f":{kind}", f"/{kind}")) or one.type == kind for kind in types)
        ]

    def one(self, kind: str, name: str) -> Resource:
        """The one of this name. Raises KeyError."""
        for resource in self.of(kind):
            if resource.name == name:
                return resource
        raise KeyError(f"{kind} {name}")

    def manifests(self) -> list[dict[str, Any]]:
        """Of Kubernetes. What is secret in a `Secret` is one hidden value, whatever its names are."""
        return [
            one | {"stringData": {"hidden": HIDDEN}} if one.get("stringData") == HIDDEN else one
            for one in (resource.manifest for resource in self.resources)
            if one is not None and "kind" in one
        ]

    def changed(self, key: str, change: Callable[[dict[str, Any]], object]) -> "Graph":
        """A graph in which one resource's properties were changed, to show what a policy says of it. Raises KeyError."""
        if key not in {one.key for one in self.resources}:
            raise KeyError(key)
        made = []
        for one in self.resources:
            if one.key == key:
                properties = deepcopy(one.properties)
                change(properties)
                one = replace(one, properties=properties)
            made.append(one)
        return Graph(tuple(made), self.exports)

    def without(self, key: str) -> "Graph":
        """A graph that lacks one resource. Raises KeyError."""
        left = tuple(one for one in self.resources if one.key != key)
        if len(left) == len(self.resources):
            raise KeyError(key)
        return Graph(left, self.exports)


def resource(request: resource_pb2.RegisterResourceRequest) -> Resource:
    """What was asked for."""
    secrets: set[str] = set()
    properties = plain(json_format.MessageToDict(request.object), "", secrets)
    return Resource(
        type=request.type,
        name=request.name,
        properties=properties,
        parent=_named(request.parent),
        needs=frozenset(map(_named, request.dependencies)),
        secrets=frozenset(secrets),
        is_protected=request.protect,
        provider=request.provider.split("::")[-2] if "::" in request.provider else "",
    )


def _named(urn: str) -> str:
    """Type and name; the type of a resource in a component begins with that of the component."""
    if not urn:
        return ""
    *_, types, name = urn.split("::")
    return f"{types.rpartition('$')[2]}::{name}"


def plain(value: Any, path: str, secrets: set[str]) -> Any:
    """The value as JSON, with `[secret]` in place of secrets, whose paths are added to the set; whole numbers are whole."""
    if isinstance(value, dict):
        if SIGNATURE in value:
            secrets.add(path)
            return HIDDEN
        return {name: plain(one, f"{path}.{name}".lstrip("."), secrets) for name, one in value.items()}
    if isinstance(value, list):
        return [plain(one, f"{path}.{number}", secrets) for number, one in enumerate(value)]
    # Numbers travel as floats: Kubernetes takes no port 8000.0.
    return int(value) if isinstance(value, float) and value.is_integer() else value


def walk(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every value in it that holds no others, with its path."""
    if isinstance(value, Mapping):
        for name, one in value.items():
            yield from walk(one, f"{path}.{name}".lstrip("."))
    elif isinstance(value, list):
        for number, one in enumerate(value):
            yield from walk(one, f"{path}.{number}")
    else:
        yield path, value
