"""Single predictions against an empty Litestar handler that takes and returns JSON, both by uvicorn, one worker each, in turn.

The API does all that it does in use: key, rate limit, metrics, strict rows, a boosted model, a receipt on disk before the answer.
Every request brings other features. Then both are besieged: hundreds of connections that dawdle, and some that send heads, bodies
and requests without an end. At last another version is promoted again and again under load.
Goals: at least 0.7 of the empty handler's requests per second, besieged or not; nobody else waits for a second, no error. Needs `wrk`.
"""

import argparse
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from litestar import Litestar, post
from sklearn.ensemble import HistGradientBoostingClassifier

from cryptodudez_assets.models.registry import Registry
from cryptodudez_assets.settings import Settings
from cryptodudez_assets_tests.attackers import Witness, besiege
from cryptodudez_assets_tests.ether import NAMES
from cryptodudez_assets_tests.ether import SIGNAL as MODEL
from cryptodudez_assets_tests.model_builders import toy_days, toy_draft, toy_files
from serving.run import LOOPBACK, Server, run, server_config

GOAL = 0.7
BESIEGED_AFTER_SECONDS = 4  # for imports, and to open its connections
KEY = "a key of a benchmark"
PATHS = {"empty": "/empty", "api": f"/models/{MODEL}/predict"}
PORTS = {"empty": 8951, "api": 8952}
SCRIPT = """
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.headers["X-API-Key"] = "%(key)s"
local names, count = {%(names)s}, 0
request = function()
  count = count + 1
  local row = {}
  for i, name in ipairs(names) do row[i] = string.format('"%%s": %%.6f', name, (count * 31 + i * 7) %% 1009 / 500 - 1) end
  return wrk.format(nil, nil, nil, '{"rows": [{' .. table.concat(row, ", ") .. '}]}')
end
"""


@post("/empty", status_code=200)
async def empty(data: dict[str, Any]) -> dict[str, Any]:
    return {"rows": len(data["rows"])}


@dataclass
class Load:
    """What wrk saw, and the processor time that the server took for a request."""

    per_second: float
    p99_ms: float
    errors: int
    cpu_us: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=4, help="of each round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--serve", choices=PATHS, help=argparse.SUPPRESS)
    parser.add_argument("--home", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--besiege", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        serve(arguments.serve, arguments.home)
        return
    if arguments.besiege:
        besiege(arguments.besiege)
    if shutil.which("wrk") is None:
        sys.exit("this needs wrk (https://github.com/wg/wrk): apt-get install wrk, brew install wrk")
    with tempfile.TemporaryDirectory() as folder:
        measure(Path(folder), arguments)


def measure(home: Path, arguments: argparse.Namespace) -> None:
    registry = registered(home)
    with server("empty", home) as empty_server, server("api", home) as api_server:
        servers = {"empty": empty_server, "api": api_server}
        measure_rounds(servers, home, arguments, lambda kind: nullcontext())
        print("\nbesieged by connections that are slow or have no end")
        with Witness(PORTS["api"]) as witness:
            measure_rounds(servers, home, arguments, lambda kind: besieged(PORTS[kind]))
        longest = max(witness.waits)
        print(
            f"others waited for /health/live at most {longest:.2f} s (goal 1), errors {len(witness.wrong)} (goal 0)\n"
        )
        versions = promoting(api_server, home, registry, arguments)
    print(f"while replacing the model {versions.per_second:,.0f}/s, errors {versions.errors} (goal 0)")


def measure_rounds(
    servers: dict[str, psutil.Process],
    home: Path,
    arguments: argparse.Namespace,
    meanwhile: Callable[[str], AbstractContextManager[None]],
) -> None:
    found: dict[str, list[Load]] = {kind: [] for kind in servers}
    for _ in range(arguments.rounds):
        for kind, process in servers.items():
            with meanwhile(kind):
                found[kind].append(load(kind, process, home, arguments))
    report(found, arguments)


@contextmanager
def besieged(port: int) -> Iterator[None]:
    process = subprocess.Popen([sys.executable, __file__, "--besiege", str(port)])
    time.sleep(BESIEGED_AFTER_SECONDS)
    try:
        yield
    finally:
        process.kill()
        process.wait()


def report(found: dict[str, list[Load]], arguments: argparse.Namespace) -> None:
    print(f"{arguments.connections} connections, {arguments.rounds} rounds of {arguments.seconds} s, medians")
    print(f"{'':<8}{'requests/s':>12}{'p99 ms':>10}{'CPU us':>10}{'errors':>8}")
    for kind, loads in found.items():
        per_second, p99, cpu = (
            statistics.median(getattr(one, what) for one in loads) for what in ("per_second", "p99_ms", "cpu_us")
        )
        print(f"{kind:<8}{per_second:>12,.0f}{p99:>10.1f}{cpu:>10.0f}{sum(one.errors for one in loads):>8}")
    ratios = [ours.per_second / its.per_second for ours, its in zip(found["api"], found["empty"], strict=True)]
    cheaper = [its.cpu_us / ours.cpu_us for ours, its in zip(found["api"], found["empty"], strict=True)]
    slower = [ours.p99_ms / its.p99_ms for ours, its in zip(found["api"], found["empty"], strict=True)]
    each = ", ".join(f"{ratio:.2f}" for ratio in ratios)
    print(f"throughput ratio {statistics.median(ratios):.2f} (goal {GOAL}; rounds: {each})")
    print(f"by processor time alone {statistics.median(cheaper):.2f}: what others do on the machine disturbs this less")
    print(f"p99 ratio {statistics.median(slower):.1f}")


def registered(home: Path) -> Registry:
    """Two versions of a boosted model; the first serves."""
    registry = Registry(Settings(home=home), MODEL)
    for seed in (0, 1):
        model = HistGradientBoostingClassifier(max_iter=50, max_depth=3, random_state=seed)
        model.fit(*toy_days(True, len(NAMES), seed))
        registry.register(toy_draft(model, NAMES), toy_files(model))
    registry.promote(1, "benchmark")
    return registry


def serve(kind: str, home: Path) -> None:
    if kind == "api":
        run(Settings(home=home, api_key=KEY, requests_per_minute=10**9), port=PORTS[kind])  # type: ignore[arg-type]
    else:
        app = Litestar([empty], openapi_config=None, logging_config=None)
        Server(server_config(app, LOOPBACK, PORTS[kind]), lambda: None).run()


@contextmanager
def server(kind: str, home: Path) -> Iterator[psutil.Process]:
    process = subprocess.Popen([sys.executable, __file__, "--serve", kind, "--home", str(home)], env=dict(os.environ))
    try:
        wait_for(kind, process)
        yield psutil.Process(process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def wait_for(kind: str, process: "subprocess.Popen[bytes]") -> None:
    for _ in range(1200):
        try:
            urllib.request.urlopen(f"http://{LOOPBACK}:{PORTS[kind]}/health/live").close()
            return
        except urllib.error.HTTPError:
            return  # the empty one has no such path
        except OSError:
            time.sleep(0.1)
        if process.poll() is not None:
            break
    sys.exit(f"the server of {kind} did not start")


def load(kind: str, process: psutil.Process, home: Path, arguments: argparse.Namespace) -> Load:
    script = home / "rows.lua"
    names = ", ".join(f'"{name}"' for name in NAMES)
    script.write_text(SCRIPT % {"key": KEY, "names": names})
    url = f"http://{LOOPBACK}:{PORTS[kind]}{PATHS[kind]}"
    command = ["wrk", "-t1", f"-c{arguments.connections}", f"-d{arguments.seconds}s", "--latency", "-s", str(script)]
    before = sum(process.cpu_times()[:2])
    said = subprocess.run([*command, url], capture_output=True, text=True, check=True).stdout
    used = sum(process.cpu_times()[:2]) - before
    requests = int(_number(r"(\d+) requests in", said))
    wrong = _number(r"Non-2xx or 3xx responses: (\d+)", said)
    broken = sum(map(int, re.findall(r"(?:connect|read|write|timeout) (\d+)", said)))
    return Load(_number(r"Requests/sec: +([\d.]+)", said), _p99(said), int(wrong) + broken, used / requests * 1e6)


def promoting(process: psutil.Process, home: Path, registry: Registry, arguments: argparse.Namespace) -> Load:
    """Load while the champion changes every second and a half."""
    promoter = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys, time\nfrom pathlib import Path\nfrom cryptodudez_assets.models.registry import Registry\n"
            "from cryptodudez_assets.settings import Settings\n"
            "for n in range(1, 100):\n"
            "    Registry(Settings(home=Path(sys.argv[1])), sys.argv[2]).promote(1 + n % 2, 'benchmark'); time.sleep(1.5)",
            str(home),
            registry.name,
        ]
    )
    try:
        found = load("api", process, home, argparse.Namespace(**{**vars(arguments), "seconds": 10}))
    finally:
        promoter.kill()
        promoter.wait()
    print(f"promoted {len(registry.promotions()) - 1} times under load")
    return found


def _p99(said: str) -> float:
    value, unit = re.findall(r"99%\s+([\d.]+)(us|ms|s)", said)[0]
    return float(value) * {"us": 1e-3, "ms": 1.0, "s": 1e3}[unit]


def _number(pattern: str, said: str) -> float:
    found = re.search(pattern, said)
    return float(found[1]) if found else 0.0


if __name__ == "__main__":
    main()
