"""`cryptodudez serve` and `explain` as somebody types them: a process of its own, a real port."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cryptodudez_assets.models.registry import Registry
from cryptodudez_assets.settings import Settings
from cryptodudez_assets_tests.ether import NAMES, SIGNAL
from cryptodudez_assets_tests.model_builders import register_toy

START_SECONDS = 90  # most of it are imports, on a busy machine
COMMAND = str(Path(sys.executable).with_name("cryptodudez"))


def cryptodudez(home: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"CRYPTODUDEZ_HOME": str(home)} | more
    return subprocess.run([COMMAND, *arguments], env=environment, capture_output=True, text=True, timeout=60)


@contextmanager
def serving(home: Path) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = os.environ | {"CRYPTODUDEZ_HOME": str(home)}
    process = subprocess.Popen([COMMAND, "serve", "--port", str(port)], env=environment, stderr=subprocess.PIPE)
    url = f"http://127.0.0.1:{port}"
    try:
        wait_for(f"{url}/health/live")
        yield url
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0, "it drains and ends well"
    finally:
        process.kill()
        process.communicate()


def wait_for(url: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(url)
        except OSError:
            time.sleep(0.1)
        else:
            return
    pytest.fail(f"nothing answers at {url}")


def test_without_a_model_it_says_what_to_do_and_with_one_it_predicts_and_explains(tmp_path: Path) -> None:
    with serving(tmp_path) as url:
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"{url}/signal/eth")
        assert refused.value.code == 503
        assert "cryptodudez run" in json.load(refused.value)["detail"]
        assert "CryptoDudez" in urllib.request.urlopen(f"{url}/").read().decode()

        registry = Registry(Settings(home=tmp_path), SIGNAL)
        registry.promote(register_toy(registry, features=NAMES).version, "a test")
        wait_for(f"{url}/health/ready")
        body = json.dumps({"rows": [dict.fromkeys(NAMES, 0.5)]}).encode()
        request = urllib.request.Request(f"{url}/models/{SIGNAL}/predict", body, {"Content-Type": "application/json"})
        answer = json.load(urllib.request.urlopen(request))

    told = cryptodudez(tmp_path, "explain", answer["receipt_id"])
    assert told.returncode == 0, told.stderr
    assert "the same to the last bit" in told.stdout
    as_json = json.loads(cryptodudez(tmp_path, "explain", answer["receipt_id"], "--json").stdout)
    assert as_json["replay"]["replayed"]
    assert as_json["receipt"]["probabilities"] == [list(answer["predictions"][0]["probabilities"].values())]


def test_it_listens_to_everybody_only_with_a_key(tmp_path: Path) -> None:
    refused = cryptodudez(tmp_path, "serve", "--host", "0.0.0.0", "--port", "8000")  # noqa: S104
    assert refused.returncode == 1
    assert "CRYPTODUDEZ_API_KEY" in refused.stderr


def test_an_unknown_receipt_is_an_error_in_words(tmp_path: Path) -> None:
    told = cryptodudez(tmp_path, "explain", "nothing")
    assert told.returncode == 1
    assert "nothing" in told.stderr
    assert "Traceback" not in told.stderr


def test_an_unknown_data_set_is_an_error_in_words(tmp_path: Path) -> None:
    told = cryptodudez(tmp_path, "fetch", "kaggle", "unheard_of")
    assert told.returncode == 1
    assert "stock_market" in told.stderr
