"""A real server under load: models are replaced, good ones and bad ones, and it is stopped; nobody gets an error."""

import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import httpx
import pytest

from cryptodudez_assets.models.receipts import Receipts
from cryptodudez_assets.settings import Settings
from cryptodudez_assets_tests.integration.conftest import free_ports
from cryptodudez_assets_tests.model_builders import register_toy
from cryptodudez_assets_tests.serving_builders import MODEL, ROW, champion, served, status

CLIENTS = 6
PATIENCE_SECONDS = 20


@dataclass
class Api:
    """A server in a process of its own, and its home."""

    settings: Settings
    url: str
    process: "subprocess.Popen[bytes]"


@dataclass
class Clients:
    """Ask for predictions as fast as they are answered, until told to stop."""

    url: str
    answers: list[tuple[str, int]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)

    def ask(self) -> None:
        with httpx.Client(timeout=10) as client:
            while not self.stop.is_set():
                response = client.post(f"{self.url}/models/{MODEL}/predict", json={"rows": [ROW]})
                if response.status_code == 200:
                    answer = response.json()
                    self.answers.append((answer["receipt_id"], answer["model_version"]))
                else:
                    self.wrong.append(response.text)

    def wait_for(self, version: int) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not self.answers or self.answers[-1][1] != version:
            assert time.monotonic() < deadline, f"version {version} does not serve"
            time.sleep(0.05)


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    settings = Settings(home=tmp_path_factory.mktemp("home"), requests_per_minute=0)
    champion(settings)
    [port] = free_ports(1)
    with served(settings, port) as process:
        yield Api(settings, f"http://127.0.0.1:{port}", process)


@pytest.fixture
def clients(api: Api) -> Iterator[Clients]:
    asking = Clients(api.url)
    with ThreadPoolExecutor(CLIENTS) as threads:
        running = [threads.submit(asking.ask) for _ in range(CLIENTS)]
        yield asking
        asking.stop.set()
        for one in running:
            one.result()


def test_models_are_replaced_under_load_without_an_error(api: Api, clients: Clients):
    settings = api.settings
    clients.wait_for(1)
    registry = champion(settings, seed=1)
    clients.wait_for(2)
    register_toy(registry, files={"model.onnx": b"no model"})
    registry.promote(3, "a mistake")
    time.sleep(2.5)
    assert "cryptodudez_refused_reloads_total" in httpx.get(f"{clients.url}/metrics").text
    registry.promote(1, "back")
    clients.wait_for(1)
    clients.stop.set()
    time.sleep(0.5)

    assert clients.wrong == []
    assert {version for _, version in clients.answers} == {1, 2}
    receipts = Receipts(settings.receipts)
    for name, version in clients.answers[:: max(1, len(clients.answers) // 200)]:
        receipt = receipts.get(name)
        assert receipt is not None
        assert (receipt.version, receipt.sha256) == (version, registry.manifest(version).files["model.onnx"])


def test_told_to_stop_it_turns_unready_answers_what_runs_and_ends_well(api: Api):
    """The last of this file: it ends the server."""
    url, process, answers, after = api.url, api.process, list[str](), list[int]()
    with httpx.Client(timeout=10) as client:
        process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while process.poll() is None and time.monotonic() < deadline:
            after.append(status(f"{url}/health/ready"))
            try:
                answers.append(client.post(f"{url}/models/{MODEL}/predict", json={"rows": [ROW]}).json()["receipt_id"])
            except httpx.TransportError:
                time.sleep(0.05)  # it listens no more
        assert process.wait(PATIENCE_SECONDS) == 0
    assert 503 in after
    assert 200 not in after[after.index(503) :]
    assert len(answers) > 10
    receipts = Receipts(api.settings.receipts)
    assert all(receipts.get(name) for name in answers)
