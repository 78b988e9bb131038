"""Tasks in other processes of this machine, that have nothing but what they are handed."""

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from multiprocessing import connection, get_context, parent_process

from cryptodudez_assets.engines import Done, Say, Task
from cryptodudez_assets.engines.portable import do, packed


class WorkerDied(RuntimeError):
    """A process ended while it did a task: killed, or by the system for want of memory."""


@dataclass
class PoolEngine:
    """So many processes. They are started when they are first needed, and serve until nobody holds the engine any more."""

    workers: int
    name = "pool"
    is_remote = False
    _executor: ProcessPoolExecutor | None = field(default=None, init=False, repr=False)

    @property
    def parallel(self) -> int:
        """How many tasks it can run at a time."""
        return self.workers

    def run(self, function: Callable[[Task, Say], Done], tasks: Sequence[Task], say: Say) -> Iterator[Done]:
        """What the function gives for each task, in their order; says only how many are done.

        Raises NotPortable where a task holds what no other process can be handed, and WorkerDied where a process was lost; the next
        run has others.
        """
        if self._executor is None:
            # Not forked: threads of Polars do not survive it.
            context = get_context("spawn")
            self._executor = ProcessPoolExecutor(self.workers, mp_context=context, initializer=_end_with_parent)
        under_way = [self._executor.submit(do, one) for one in [packed(function, task) for task in tasks]]
        try:
            for number, one in enumerate(under_way, 1):
                yield one.result()
                say(f"{number} of {len(tasks)} tasks are done")
        except BrokenProcessPool as error:
            self._executor = None
            raise WorkerDied(
                "a process ended while it did a task: it was killed, or the machine has too little memory. Nothing was committed; "
                "run it again"
            ) from error
        finally:
            for one in under_way:
                one.cancel()


def _end_with_parent() -> None:
    """Whoever started this process may be killed before it can say that there is nothing more to do."""
    parent = parent_process()
    if parent is not None:
        threading.Thread(target=_wait_for_end_of, args=(parent.sentinel,), daemon=True).start()


def _wait_for_end_of(sentinel: int) -> None:
    connection.wait([sentinel])
    os._exit(1)
