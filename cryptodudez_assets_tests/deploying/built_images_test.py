"""The images, built and run: hardened as the manifests say, without a network, until the probe of each says that it is well."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from checks.graph import Graph
from stack.pods import WRITABLE

from cryptodudez_assets.settings import PREFIX
from cryptodudez_assets_tests.images import APPS, BASE, BOUNDS, image, largest, megabytes
from cryptodudez_assets_tests.podman import CommandFailed, inspected, lacking, logs, podman
from cryptodudez_assets_tests.pods import Cluster, Manifest, container_of, is_well

pytestmark = [pytest.mark.images, pytest.mark.skipif(bool(lacking()), reason=lacking() or "all is there")]

PATIENCE_SECONDS = 300
LOOKS = """
import json, os
def can_write(folder):
    try:
        open(os.path.join(folder, "written"), "w").close()
        return True
    except OSError:
        return False
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
told = {name: status[name].split()[0] for name in ("CapPrm", "CapEff", "CapBnd", "NoNewPrivs", "Seccomp")}
told |= {"user": os.getuid(), "group": os.getgid(), "interfaces": sorted(os.listdir("/sys/class/net"))}
told |= {"writes": [folder for folder in ("/app", "/etc", "/", "/tmp", "/var/lib/cryptodudez") if can_write(folder)]}
print(json.dumps(told))
"""


@pytest.fixture
def cluster(stack_of_images: Graph, tmp_path: Path) -> Iterator[Cluster]:
    """A home of its own for each pod; nothing of the lake can be reached."""
    manifests = [
        one
        for one in stack_of_images.manifests()
        if one["kind"] not in {"ConfigMap"} or one["metadata"]["name"] != "settings"
    ]
    home = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "settings"},
        "data": {f"{PREFIX}HOME": "/var/lib/cryptodudez/home"},
    }
    nothing = {"settings": {f"{PREFIX}API_KEY": "x" * 40}, "database": {}}
    made = Cluster([*manifests, home], tmp_path, secrets=nothing, network="none")
    made.end()  # of a run that was killed
    made.prepare()
    yield made
    made.end()


def wait_until_well(owner: Manifest, pod: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    container = container_of(pod, owner["spec"]["template"]["spec"]["containers"][0]["name"])
    while not is_well(owner, pod):
        state = inspected("container", container)
        assert state["RestartCount"] == 0, logs(container)
        assert time.monotonic() < deadline, logs(container)
        time.sleep(0.5)


@pytest.mark.parametrize("app", APPS)
def test_it_runs_hardened_as_its_manifest_says(cluster: Cluster, app: str) -> None:
    owner = cluster.one("StatefulSet" if app == "recorder" else "Deployment", app)
    pod = cluster.play(owner)
    wait_until_well(owner, pod)
    told = owner["spec"]["template"]["spec"]["containers"][0]
    container = container_of(pod, app)
    seen = json.loads(podman("exec", container, "python3", "-c", LOOKS))
    assert seen == {
        **dict.fromkeys(("CapPrm", "CapEff", "CapBnd"), "0000000000000000"),
        "NoNewPrivs": "1",
        "Seccomp": "2",
        "user": 10001,
        "group": 10001,
        "interfaces": ["lo"],
        "writes": list(WRITABLE.values())[::-1],
    }
    known = inspected("container", container)
    assert known["HostConfig"]["Memory"] == int(told["resources"]["limits"]["memory"].removesuffix("Mi")) * 2**20
    assert known["ImageName"] == told["image"]


@pytest.mark.parametrize("app", [BASE, *APPS])
def test_it_is_no_larger_than_is_said(app: str, capsys: pytest.CaptureFixture[str]) -> None:
    size = megabytes(image(app))
    packages = "" if app == BASE else f": {largest(image(app))}"
    with capsys.disabled():
        print(f"\n{app}: {size:,.0f} MB of {BOUNDS[app]:,}{packages}")
    assert size <= BOUNDS[app]


def test_an_image_has_no_tools_of_its_build_and_nobody_s_secrets() -> None:
    for app in APPS:
        for command in ("uv", "pip"):
            with pytest.raises(CommandFailed):
                podman("run", "--rm", "--network", "none", image(app), "sh", "-c", f"command -v {command}")
        assert not any(
            name.startswith("SSL_CERT")
            for name in podman("run", "--rm", "--network", "none", image(app), "env").split()
        )
