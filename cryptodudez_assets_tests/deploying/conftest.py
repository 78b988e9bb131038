"""Graphs of the stacks that are in deploy/, and of others, each taken once."""

import json
from copy import deepcopy
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml

from cryptodudez_assets_tests.images import APPS, image
from cryptodudez_assets_tests.integration.conftest import database, postgres  # noqa: F401  (fixtures)
from cryptodudez_assets_tests.podman import inspected

DEPLOY = Path(__file__).parents[2] / "deploy"
STACKS = ("dev", "prod", "password")

collect_ignore_glob = [] if find_spec("pulumi") else ["*_test.py"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All of this folder is of `make test-deploy`."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("deploy")


def told_of(stack: str) -> dict[str, Any]:
    """The configuration of a stack: of a file, or of a variant of one."""
    if stack == "password":
        told = told_of("dev")
        return told | {"database": {"login": "password"}, "feeds": [], "recorders": 0}
    text = (DEPLOY / f"Pulumi.{stack}.yaml").read_text().replace("PROJECT", "project-of-ours")
    told = yaml.safe_load(text)["config"]["cryptodudez:stack"]
    assert isinstance(told, dict)
    return deepcopy(told) | {"workloads": True}


@pytest.fixture(scope="session")
def graphs() -> dict[str, Any]:
    """Of each stack, as `pulumi up` would make it."""
    from checks.engine import take

    secrets = {"prod": {"x_token": "of-x", "notify_slack": "https://hooks.example.com/of-slack"}}
    return {stack: take(told_of(stack), secrets.get(stack)) for stack in STACKS}


@pytest.fixture(scope="session")
def stack_of_images() -> Any:
    """The graph of a stack without Google's proxy, with one recorder, of the images that were built."""
    from checks.engine import take

    names = {app: image(app) for app in APPS}
    images = {app: f"{name.rpartition(':')[0]}@{inspected('image', name)['Digest']}" for app, name in names.items()}
    told = told_of("password")
    return take(told | {"images": told["images"] | images, "recorders": 1})


@pytest.fixture
def prod(graphs: dict[str, Any]) -> Any:
    """That with all of it."""
    return graphs["prod"]


def as_text(graph: Any) -> str:
    """A graph for people to review: what there is, what it waits for, and what it is told, a line each."""
    services = {one.key for one in graph.of("projects/service:Service")}
    lines = []
    for one in sorted(graph.resources, key=lambda one: one.key):
        lines.append(f"{one.key}{' (protected)' if one.is_protected else ''}")
        needs = [
            *sorted(one.needs - services),
            *(["all of Google's services"] if services and services <= one.needs else []),
        ]
        lines += [f"  after {', '.join(needs)}"] if needs else []
        lines += [f"  {json.dumps(one.properties, sort_keys=True)}"] if one.properties else []
    return "\n".join(lines) + "\n"
