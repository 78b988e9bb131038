"""Ways to break a graph, to show what a policy says of it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from checks.graph import Graph, Resource

Break = Callable[[Graph], Graph]


def put(key: str, path: str, value: Any) -> Break:
    """Break one value; a path may lead through lists."""

    def change(properties: dict[str, Any]) -> None:
        *steps, last = path.split(".")
        place: Any = properties
        for step in steps:
            place = place[int(step)] if isinstance(place, list) else place[step]
        if isinstance(place, list):
            place[int(last)] = value
        else:
            place[last] = value

    return lambda graph: graph.changed(key, change)


def without(key: str) -> Break:
    """Leave one resource out."""
    return lambda graph: graph.without(key)


def added(kind: str, /, **properties: Any) -> Break:
    """Add one that nobody wants."""
    return lambda graph: Graph((*graph.resources, Resource(kind, "added", properties)), graph.exports)


def altered(key: str, **changes: Any) -> Break:
    """Change what a resource is beside its properties."""
    return lambda graph: Graph(
        tuple(replace(one, **changes) if one.key == key else one for one in graph.resources), graph.exports
    )
