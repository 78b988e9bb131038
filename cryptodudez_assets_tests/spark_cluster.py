"""A standalone cluster of Spark on this machine: a master and workers of one core each, processes of their own on loopback."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptodudez_assets.engines import Done, Say, Task
from cryptodudez_assets.engines.spark import LITTLE_JAVA, SparkEngine
from cryptodudez_assets_tests.conftest import ROOT
from cryptodudez_assets_tests.integration.conftest import free_ports, spark_engine
from cryptodudez_assets_tests.wrapped_engines import Wrapped

PATIENCE_SECONDS = 240


@contextmanager
def standalone(folder: Path, workers: int) -> Iterator[str]:
    """Start it, with its logs and working folders in `folder`; gives the master's address."""
    import pyspark

    home, port = Path(pyspark.__file__).parent, free_ports(1)[0]
    environment = os.environ | {"SPARK_HOME": str(home), "SPARK_LOCAL_IP": "127.0.0.1", "PYTHONPATH": str(ROOT)}
    environment["SPARK_DAEMON_JAVA_OPTS"] = LITTLE_JAVA
    master = f"spark://127.0.0.1:{port}"
    commands = [["master.Master", "--host", "127.0.0.1", "--port", str(port), "--webui-port", "0"]]
    for number in range(1, workers + 1):
        own = ["--cores", "1", "--memory", "1g", "--webui-port", "0", "--work-dir", str(folder / f"worker-{number}")]
        commands.append(["worker.Worker", "--host", "127.0.0.1", *own, master])
    with ExitStack() as stack:
        for number, (name, *arguments) in enumerate(commands):
            log = folder / f"cluster-{number}.log"
            with log.open("w") as out:
                command = [home / "bin" / "spark-class", f"org.apache.spark.deploy.{name}", *arguments]
                process = subprocess.Popen(command, env=environment, stdout=out, stderr=subprocess.STDOUT)
            stack.callback(process.wait)
            stack.callback(process.kill)  # where whoever starts it ignores SIGTERM, it does, too
            _wait_for(log, "I have been elected leader" if number == 0 else "Successfully registered with master")
        yield master


def all_of(workers: int) -> dict[str, str]:
    """Options with which tasks wait until so many workers are there, or the first to be there would do them all."""
    return {
        "spark.cores.max": str(workers),
        "spark.scheduler.minRegisteredResourcesRatio": "1.0",
        "spark.scheduler.maxRegisteredResourcesWaitingTime": f"{PATIENCE_SECONDS}s",
        "spark.executor.memory": "600m",
        "spark.executorEnv.PYTHONPATH": str(ROOT),
    }


def driven(master: str, script: Path | str, *arguments: object, **environment: str) -> tuple[int, str]:
    """Run a driver to its end, with the cluster as its Spark: a file, or this text. How it ended, and its words."""
    told = {"ENGINE": "spark", "SPARK_MASTER": master, "SPARK_OPTIONS": json.dumps(all_of(2))}
    done = subprocess.run(
        [sys.executable, *([script] if isinstance(script, Path) else ["-c", script]), *map(str, arguments)],
        env=os.environ
        | {f"CRYPTODUDEZ_{name}": value for name, value in told.items()}
        | {"PYTHONPATH": str(ROOT)}
        | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    return done.returncode, done.stdout


def engine_of_driver() -> SparkEngine:
    """The Spark that a driver was told of."""
    return spark_engine(*(os.environ[f"CRYPTODUDEZ_SPARK_{name}"] for name in ("MASTER", "OPTIONS")))


@dataclass(frozen=True)
class Telling:
    """Does what a function does, slowly, so that each worker gets some; tells on which."""

    function: Callable[[Any, Say], Any]
    folder: Path

    def __call__(self, task: object, say: Say) -> Any:
        worker = Path.cwd().parents[1].name  # an executor begins in worker-1/app-…/0
        (self.folder / f"{worker} {type(task).__name__}").touch()
        time.sleep(0.5)
        return self.function(task, say)


@dataclass
class Spread(Wrapped):
    """An engine whose workers each get some of the tasks, and which tells who got some."""

    folder: Path

    def run(self, function: Callable[[Task, Say], Done], tasks: Sequence[Task], say: Say) -> Iterator[Done]:
        """What the function gives for each task, in their order."""
        yield from self.engine.run(Telling(function, self.folder), tasks, say)


def _wait_for(log: Path, line: str) -> None:
    """Until a server says that it is there."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while line not in log.read_text():
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.1)
