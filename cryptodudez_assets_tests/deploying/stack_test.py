"""The program as Pulumi runs it: what depends on what, preview and update, what a wrong configuration says, and types."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from checks.engine import ProgramFailed, take
from checks.graph import HIDDEN, Graph, walk
from checks.picture import WIDTH, shapes
from drawing import svg
from stack.config import Wrong, read, venue_hosts
from stack.edges import edges

from cryptodudez_assets_tests.deploying.conftest import DEPLOY, as_text, told_of

SNAPSHOT = DEPLOY / "graph.txt"
PICTURE = DEPLOY / "architecture.svg"


def test_a_preview_asks_for_the_same_as_an_update(prod: Graph) -> None:
    """Outputs are unknown in it: what is made only of known ones would be missing."""
    secrets = {"x_token": "of-x", "notify_slack": "https://hooks.example.com/of-slack"}
    preview = take(told_of("prod"), secrets, preview=True)
    assert {one.key for one in preview.resources} == {one.key for one in prod.resources}


def test_names_are_of_one_resource(graphs: dict[str, Graph]) -> None:
    for graph in graphs.values():
        keys = [one.key for one in graph.resources]
        assert len(keys) == len(set(keys))


def test_what_needs_something_waits_for_it(prod: Graph) -> None:
    def waits(kind: str, name: str, *needed: str) -> None:
        needs = prod.one(kind, name).needs
        assert all(any(one in need for need in needs) for one in needed), (name, sorted(needs))

    waits("storage/notification:Notification", "landed", "Bucket::raw", "Topic::landed", "bucket-publishes")
    waits("sql/databaseInstance:DatabaseInstance", "postgres", "Connection::databases", "Network::network")
    waits("sql/user:User", "serving-logs-in", "DatabaseInstance::postgres", "Account::serving")
    waits("storage/bucket:Bucket", "raw", "key-storage")
    waits("apps/v1:Deployment", "daemon", "dagster-instance", "settings", "Database::dagster", "cryptodudez-servers")
    waits("apps/v1:Deployment", "serving", "settings-secret", "Database::online")
    waits("container/cluster:Cluster", "cluster", "nodes-defaultNodeServiceAccount", "Subnetwork::subnet")
    for one in prod.resources:
        if one.manifest is not None:
            assert one.provider == "kubernetes", one.key


def test_pods_come_once_there_are_images_and_the_databases_let_them_in(prod: Graph) -> None:
    first = take(told_of("prod") | {"workloads": False})
    assert {one.key for one in first.resources} < {one.key for one in prod.resources}
    assert not [one for one in first.manifests() if one["kind"] in {"Deployment", "StatefulSet", "Ingress"}]
    assert {"images", "database_address", "cluster"} <= set(first.exports)


def test_nothing_is_made_before_google_allows_it(prod: Graph) -> None:
    """Each component waits for the services that the project turns on."""
    for one in prod.resources:
        if one.is_component and one.name not in {"services", "cryptodudez-dev"}:
            assert any("projects/service:Service" in need for need in one.needs), one.key


def test_secrets_of_others_are_given_and_kept(prod: Graph) -> None:
    assert prod.one("core/v1:Secret", "settings-secret").at("stringData") == HIDDEN
    assert prod.one("secretVersion:SecretVersion", "kept-x-token").at("secretData") == HIDDEN
    for one in prod.resources:
        for path, value in walk(one.properties):
            assert value != "of-x", (one.key, path)
            assert "of-slack" not in str(value), (one.key, path)


def test_the_graph_is_as_it_was(prod: Graph) -> None:
    text = as_text(prod)
    if os.environ.get("RENEW_SNAPSHOT"):
        SNAPSHOT.write_text(text)
    assert SNAPSHOT.read_text() == text, (
        "the graph has changed; if it was meant to, run this test with RENEW_SNAPSHOT=1 and look at `git diff`"
    )


def test_the_picture_is_of_this_graph(prod: Graph) -> None:
    drawn, tall = shapes(prod, edges(read(told_of("prod"))))
    text = svg(drawn, WIDTH, tall, "The stack: pods, buckets and services, and who reaches what")
    if os.environ.get("RENEW_SNAPSHOT"):
        PICTURE.write_text(text)
    assert PICTURE.read_text() == text, (
        "the picture is of another graph; run this test with RENEW_SNAPSHOT=1, and look at it"
    )


def test_an_edge_that_nobody_drew_is_an_error(prod: Graph) -> None:
    policy = "kubernetes:networking.k8s.io/v1:NetworkPolicy::edges-of-serving"
    elsewhere = [{"ipBlock": {"cidr": "198.51.100.0/24"}}]
    graph = prod.changed(policy, lambda told: told["spec"]["egress"].append({"to": elsewhere, "ports": [{"port": 1}]}))
    with pytest.raises(ValueError, match=r"198.51.100.0/24.* is nowhere in the picture"):
        shapes(graph, edges(read(told_of("prod"))))


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"images": {"code": "code:latest"}}, "images.code: String should match pattern"),
    ({"regions": "europe"}, "regions: Unexpected keyword argument"),
    ({"budget": "much"}, "budget: Input should be a valid integer, unable to parse string as an integer, not 'much'"),
    (
        {"run_size": {"cpu": 1, "memory": 16}},
        "run_size: 16 GiB for 1 cores: Autopilot gives between 1 and 6.5 GiB a core",
    ),
    ({"soft_delete_days": 3}, "soft_delete_days is 0, or from 7 to 90"),
    ({"operators": []}, "operators: Tuple should have at least 1 item"),
    ({"operators": ["somebody"]}, "operators.0: String should match pattern"),
    ({"domain": "https://api.example.com"}, "domain: String should match pattern"),
    ({"database": {"login": "kerberos"}}, "database.login: Input should be 'iam' or 'password', not 'kerberos'"),
    ({"books": [], "recorders": 1}, "books is empty"),
]


@pytest.mark.parametrize(("change", "words"), WRONG)
def test_a_wrong_value_is_one_clear_line(change: dict[str, Any], words: str) -> None:
    with pytest.raises(Wrong) as told:
        read(told_of("prod") | change)
    said = str(told.value)
    assert said.startswith("cryptodudez:stack: ")
    assert words in said
    assert not any(secret in said for secret in ("Traceback", "pydantic"))


def test_the_program_says_it_too() -> None:
    with pytest.raises(ProgramFailed, match=r"cryptodudez:stack: budget: .*, not 'much'"):
        take(told_of("dev") | {"budget": "much"})


def test_binance_is_asked_where_it_answers() -> None:
    assert venue_hosts("us-central1", ("binance", "x")) == {"binance": "https://data-api.binance.vision"}
    assert venue_hosts("europe-west3", ("binance", "x")) == {}


def ty(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("ty")), "check", "--python", sys.prefix, "--project", str(folder)]
    places = [
        word for path in (folder, DEPLOY / "aws", DEPLOY.parent / "docs") for word in ("--extra-search-path", str(path))
    ]
    return subprocess.run([*command, *places, str(folder)], capture_output=True, text=True, check=False, timeout=300)


def test_types_hold() -> None:
    done = ty(DEPLOY)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("was", "becomes", "words"),
    [
        (
            "public_access_prevention=",
            "public_access_preventions=",
            "No overload of `Bucket.__init__` matches arguments",
        ),
        ('"days_since_noncurrent_time"', '"days_since_non_current_time"', "days_since_non_current_time"),
        ("force_destroy=False", "force_destroy=[1]", "force_destroy"),
    ],
)
def test_a_wrong_property_is_found(tmp_path: Path, was: str, becomes: str, words: str) -> None:
    shutil.copytree(DEPLOY / "stack", tmp_path / "stack")
    file = tmp_path / "stack" / "lake.py"
    text = file.read_text()
    assert was in text
    file.write_text(text.replace(was, becomes))
    done = ty(tmp_path)
    assert done.returncode == 1
    assert words in done.stdout
