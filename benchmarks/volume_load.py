"""`GET /predict` under load: how many answers, how late, and what they take of the server, by the number of connections.

Beside it `GET /health/live` of the same server, which does nothing: what a request costs before anything is predicted. The client is
`wrk`, on loopback and
on the same cores; each load ends after `--seconds`. At last what the model takes alone. Needs `wrk`.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil

from cryptodudez_assets.models.onnx_file import OnnxModel
from cryptodudez_assets.models.registry import Registry
from cryptodudez_assets.settings import Settings
from cryptodudez_assets_tests.ether import VOLUME
from cryptodudez_assets_tests.model_builders import register_volume

PORT = 8953
ROUTES = {"predict": "/predict?vol_moving_avg=%d&adj_close_rolling_med=25", "nothing": "/health/live?%d"}
SCRIPT = (
    'local n = 0; request = function() n = n + 1; return wrk.format("GET", string.format("%s", n %% 100000 + 1)) end'
)
ALONE = 20_000


@dataclass(frozen=True)
class Load:
    """What `wrk` and the system say of one load."""

    per_second: float
    p50: str
    p99: str
    errors: int
    cores: float
    megabytes: float


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--seconds", type=int, default=5)
    asked.add_argument("--connections", type=int, nargs="+", default=[1, 8, 64, 256])
    told = asked.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Settings(home=Path(folder), requests_per_minute=0)
        registry = Registry(home, VOLUME)
        registry.promote(register_volume(registry).version, "benchmark")
        with server(home) as process:
            print(
                "| connections | asked | answers/s | p50 | p99 | errors | cores of the server | its CPU us an answer | MB |"
            )
            print("|---|---|---|---|---|---|---|---|---|")
            for connections in told.connections:
                for name, route in ROUTES.items():
                    found = load(process, route, connections, told.seconds)
                    late = (found.p50, found.p99, found.errors)
                    taken = (
                        f"{found.cores:.2f}",
                        f"{found.cores / found.per_second * 1e6:.0f}",
                        f"{found.megabytes:,.0f}",
                    )
                    cells = (connections, name, f"{found.per_second:,.0f}", *late, *taken)
                    print("|", " | ".join(map(str, cells)), "|", flush=True)
        (file,) = Path(folder).rglob("model.onnx")
        print(f"\nthe model alone: {alone(OnnxModel(file.read_bytes())):.0f} us of processor time a prediction")


@contextmanager
def server(home: Settings) -> Iterator[psutil.Process]:
    command = [str(Path(sys.executable).with_name("cryptodudez")), "serve", "--port", str(PORT)]
    environment = os.environ | {"CRYPTODUDEZ_HOME": str(home.home), "CRYPTODUDEZ_REQUESTS_PER_MINUTE": "0"}
    process = subprocess.Popen(command, env=environment)
    try:
        while process.poll() is None:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{PORT}/health/live")
                break
            except OSError:
                time.sleep(0.2)
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait()


def load(process: psutil.Process, route: str, connections: int, seconds: int) -> Load:
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(SCRIPT % route)
        script.flush()
        before, began = sum(process.cpu_times()[:2]), time.monotonic()
        command = [
            "wrk",
            "-t1",
            f"-c{connections}",
            f"-d{seconds}s",
            "--latency",
            "-s",
            script.name,
            f"http://127.0.0.1:{PORT}",
        ]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        cores = (sum(process.cpu_times()[:2]) - before) / (time.monotonic() - began)
    errors = sum(map(int, re.findall(r"(?:connect|read|write|timeout|responses:) (\d+)", said)))
    latency = {share: value for share, value in re.findall(r"(50|99)%\s+(\S+)", said)}
    rate = float(re.findall(r"Requests/sec:\s+([\d.]+)", said)[0])
    return Load(rate, latency["50"], latency["99"], errors, cores, process.memory_info().rss / 1e6)


def alone(model: OnnxModel) -> float:
    """Microseconds of processor time of one prediction, with nothing around it."""
    row = np.array([[12345.0, 25.0]], np.float32)
    began = time.process_time()
    for _ in range(ALONE):
        model.predict(row)
    return (time.process_time() - began) / ALONE * 1e6


if __name__ == "__main__":
    main()
