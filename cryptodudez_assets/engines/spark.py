"""Tasks on Apache Spark, which only hands them out: no reader, shuffle or writer of Spark's is used, and no table of its own.

A session is handed over by whoever begins (`defs/resources.py`); it is started when the first tasks are to be run. Credentials and
addresses of stores are found by the executors in their own environment.
"""

import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TYPE_CHECKING
from uuid import uuid4

from cryptodudez_assets.engines import Done, Say, Task
from cryptodudez_assets.engines.loopback import LOOPBACK, is_on_loopback
from cryptodudez_assets.engines.portable import attempt, opened, packed
from cryptodudez_assets.settings import SUBMITTED

if TYPE_CHECKING:
    from pyspark import SparkContext
    from pyspark.sql import SparkSession

LOOK_SECONDS = 1.0
QUIET_SECONDS = 30.0
"""So long no executor takes a task before that is said, and each time again: Spark itself would wait without a word."""
# Java only hands tasks out: to compile it well, and to collect its garbage in parallel, costs more than it gives.
LITTLE_JAVA = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
SAID_CHARACTERS = 500


class SparkFailed(RuntimeError):
    """Spark did not start, or gave up; the message has its words."""


class SparkEngine:
    """The executors of a session. One that is lost is replaced by Spark, and its tasks are done again."""

    name = "spark"

    def __init__(self, session: "Callable[[], SparkSession]", *, is_remote: bool) -> None:
        self._session, self.is_remote = session, is_remote
        self._failed: SparkFailed | None = None

    @property
    def parallel(self) -> int:
        """How many tasks it can run at a time: cores, or `spark.default.parallelism`. Raises SparkFailed where it does not start."""
        return int(self._context().defaultParallelism)

    def run(self, function: Callable[[Task, Say], Done], tasks: Sequence[Task], say: Say) -> Iterator[Done]:
        """What the function gives for each task, in their order, once all are done; meanwhile says how many are.

        What a task raised is raised here soon after it happened, and tasks that are not begun by then never are. Raises NotPortable
        where a task cannot be handed over, and SparkFailed where Spark gives up.
        """
        parts = [packed(function, task) for task in tasks]
        if parts:
            yield from map(opened, self._collected(parts, say))

    def _collected(self, parts: list[bytes], say: Say) -> list[bytes]:
        context, group = self._context(), uuid4().hex
        failures = context.accumulator([], _Joined())

        def collect() -> list[bytes]:
            context.setJobGroup(group, f"{len(parts)} tasks")
            told = context.parallelize(parts, len(parts)).map(lambda part: attempt(part, lambda it: failures.add([it])))
            found: list[bytes] = told.collect()
            return found

        with ThreadPoolExecutor(1) as executor:
            job = executor.submit(collect)
            try:
                told, heard = 0, time.monotonic()
                while wait([job], LOOK_SECONDS).not_done:
                    for failure in failures.value:
                        opened(failure)  # raises what it holds
                    done, running = _seen_of(context, group)
                    if running or done > told:
                        heard = time.monotonic()
                    if done > told:
                        told = done
                        say(f"{done} of {len(parts)} tasks are done")
                    if time.monotonic() - heard > QUIET_SECONDS:
                        heard = time.monotonic()
                        say(
                            f"no executor has taken a task for {QUIET_SECONDS:.0f} s ({done} of {len(parts)} are done): {context.master} "
                            "has none, or none with so many cores and so much memory as is asked for"
                        )
                return job.result()
            except BaseException as error:
                context.cancelJobGroup(group)
                if _is_of_py4j(error):
                    raise SparkFailed(f"Spark gave up: {_words_of(error)}") from error
                raise

    def _context(self) -> "SparkContext":
        if self._failed is not None:
            raise self._failed  # to find out once more would take a minute, for each table of a run
        interrupts = signal.getsignal(signal.SIGINT)
        try:
            context = self._session().sparkContext
        except Exception as error:
            if _is_of_py4j(error):
                self._failed = SparkFailed(f"Spark did not start: {_why_not(error)}")
                raise self._failed from error
            raise
        finally:
            if threading.current_thread() is threading.main_thread():
                signal.signal(
                    signal.SIGINT, interrupts
                )  # Spark takes it over, and would speak to Java in the middle of a word
        if not self.is_remote and is_remote(context.master):
            raise SparkFailed(f"Spark's master is {context.master}, and the lake was opened for this machine alone")
        conf = context.getConf()
        # Executors run the same Python as whoever plans, unless the cluster has it elsewhere; Polars uses what a task was given.
        context.pythonExec = conf.get("spark.pyspark.python", None) or sys.executable
        context.environment.setdefault("POLARS_MAX_THREADS", conf.get("spark.task.cpus", "1"))
        return context


class _Joined:
    """How Spark adds up lists of what tasks tell besides what they give, each when it is done."""

    def zero(self, _: list[bytes]) -> list[bytes]:
        return []

    def addInPlace(self, told: list[bytes], more: list[bytes]) -> list[bytes]:  # noqa: N802  (Spark's name)
        return told + more


def configuration(master: str, options: Mapping[str, str]) -> dict[str, str]:
    """What Spark is to be started with. `options` are Spark's own, and win; where spark-submit began, it has said the master.

    On this machine it listens on loopback only; where executors are elsewhere they must reach the driver, so that this is up to Spark.
    """
    told = {
        "spark.app.name": "cryptodudez",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.log.level": "ERROR",
        "spark.driver.extraJavaOptions": LITTLE_JAVA,
        "spark.executor.extraJavaOptions": LITTLE_JAVA,
        # Imports once what tasks need, and forks workers from there.
        "spark.python.daemon.module": "cryptodudez_assets.spark_daemon",
    }
    if master != SUBMITTED:
        told |= {"spark.master": master}
    if not is_remote(master):
        told |= {"spark.driver.bindAddress": LOOPBACK, "spark.driver.host": LOOPBACK}
    return told | dict(options)


def is_remote(master: str) -> bool:
    """Whether a master may have executors on other machines: each but `local…` and those on loopback."""
    if master.startswith("local"):
        return False
    return not (master.startswith("spark://") and is_on_loopback(master.removeprefix("spark://")))


def _seen_of(context: "SparkContext", group: str) -> tuple[int, int]:
    """How many tasks are done, and how many are under way."""
    tracker = context.statusTracker()
    jobs = [tracker.getJobInfo(job) for job in tracker.getJobIdsForGroup(group)]
    found = [tracker.getStageInfo(stage) for job in jobs if job for stage in job.stageIds]
    stages = [stage for stage in found if stage]
    return sum(int(stage.numCompletedTasks) for stage in stages), sum(int(stage.numActiveTasks) for stage in stages)


def _is_of_py4j(error: BaseException) -> bool:
    """Whether Spark, or the way to it, raised it. Nothing of theirs is imported before they are used."""
    return any(kind.__module__.split(".")[0] in {"py4j", "pyspark"} for kind in type(error).__mro__)


def _why_not(error: BaseException) -> str:
    """What Spark says of not starting, in words of who asked for it."""
    words = _words_of(error)
    if "JAVA_GATEWAY_EXITED" in words:
        return "Java did not begin; what it said is above. It must be there, 17 or newer, and understand CRYPTODUDEZ_SPARK_OPTIONS"
    if "stopped SparkContext" in words:
        return "the master of CRYPTODUDEZ_SPARK_MASTER did not answer, or would not have it"
    return words


def _words_of(error: BaseException) -> str:
    """What Spark says, without the traces of Java."""
    lines = [line.strip() for line in str(error).splitlines()]
    told = [line for line in lines if line and not line.startswith(("at ", "... "))]
    return " ".join(told)[:SAID_CHARACTERS]
