"""What the images of serving and recorder install: from the lock file, each app alone, and it runs on that."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from stack.config import StackConfig

from cryptodudez_assets.settings import PREFIX
from cryptodudez_assets_tests.deploying.conftest import DEPLOY
from cryptodudez_assets_tests.integration.conftest import free_ports

ROOT = DEPLOY.parent
IMAGES = DEPLOY / "images"
PATIENCE_SECONDS = 120
WHOLE_SECONDS = 3.0
"""A recorder that was stopped before a second was over has recorded none."""


@pytest.fixture(scope="module", params=["serving", "recorder"])
def installed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """The app, and a Python that has what its image installs."""
    folder = tmp_path_factory.mktemp(request.param)
    uv = str(Path(sys.executable).with_name("uv"))
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    python = folder / "bin" / "python"
    environment = os.environ | {"VIRTUAL_ENV": str(folder)}
    group = ["--only-group", request.param, "--no-install-project"]
    subprocess.run(
        [uv, "sync", "--active", "--frozen", "--quiet", *group, "--python", python],
        check=True,
        cwd=ROOT,
        env=environment,
    )
    subprocess.run([uv, "pip", "install", "--quiet", "--no-deps", "--python", python, ROOT], check=True)
    return request.param, python


@contextmanager
def running(python: Path, home: Path, *words: str) -> Iterator[None]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    with (home / "said").open("wb") as said:
        process = subprocess.Popen(
            [python, "-m", "cryptodudez_assets", *words],
            cwd=home,
            env=environment | {f"{PREFIX}HOME": str(home / "home")},
            stdout=said,
            stderr=said,
        )
        try:
            yield
            assert process.poll() is None
        finally:
            process.terminate()
            process.wait(PATIENCE_SECONDS)
    assert "No module named" not in (home / "said").read_text()


def answers(url: str, said: Path) -> httpx.Response:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return httpx.get(url)
        except httpx.TransportError:
            assert time.monotonic() < deadline, said.read_text()
            time.sleep(0.2)


def test_each_app_runs_on_what_its_image_installs(installed: tuple[str, Path], tmp_path: Path) -> None:
    app, python = installed
    port = free_ports(1)[0]
    if app == "serving":
        with running(python, tmp_path, "serve", "--port", str(port)):
            assert answers(f"http://127.0.0.1:{port}/health/live", tmp_path / "said").json()["status"] == "live"
            assert "Not investment advice" in answers(f"http://127.0.0.1:{port}/", tmp_path / "said").text
        return
    nowhere = ("--rest-url", "http://127.0.0.1:1/v3", "--ws-url", "ws://127.0.0.1:1/ws")
    with running(python, tmp_path, "record", "--book", "btc_mxn", "--port", str(port), *nowhere):
        assert answers(f"http://127.0.0.1:{port}/about", tmp_path / "said").json()
        time.sleep(WHOLE_SECONDS)
    assert list((tmp_path / "home" / "lake" / "raw").rglob("*.parquet"))


def test_hadolint_finds_nothing() -> None:
    command = [str(Path(sys.executable).with_name("hadolint")), str(IMAGES / "Containerfile")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_there_is_a_way_to_build_each_image_of_the_stack() -> None:
    ours = set(StackConfig.__dataclass_fields__["images"].type.__dataclass_fields__) - {"proxy", "spark"}
    script = (IMAGES / "build.sh").read_text()
    assert all(re.search(rf"\b{name}\b", script) for name in ours)
    assert "ENTRYPOINT" not in (IMAGES / "Containerfile").read_text(), "Dagster's launcher gives arguments alone"
