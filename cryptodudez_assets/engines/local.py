"""Tasks on this machine: in this process, in threads of it, or in processes that have nothing but what they are handed."""

import pickle
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any

from cryptodudez_assets.engines import Done, Say, Task


class NotPortable(TypeError):
    """A task cannot be handed to another process; the message says why, and what to do."""


@dataclass(frozen=True)
class LocalEngine:
    """This machine. One worker does what it is told in the caller's own thread; more are threads, or `processes`."""

    workers: int = 1
    processes: bool = False

    @property
    def parallel(self) -> int:
        """How many tasks it can run at a time."""
        return self.workers

    def run(self, function: Callable[[Task, Say], Done], tasks: Sequence[Task], say: Say) -> Iterator[Done]:
        """What the function gives for each task, in their order; words of threads are said, of processes only that they are done.

        Raises NotPortable where a task holds what no other process can be handed.
        """
        if self.workers == 1 and not self.processes:
            yield from (function(task, say) for task in tasks)
            return
        with self._executor() as executor:
            if self.processes:
                under_way = [executor.submit(_unpacked, _packed(function, task)) for task in tasks]
            else:
                under_way = [executor.submit(function, task, say) for task in tasks]
            try:
                for number, one in enumerate(under_way, 1):
                    yield one.result()
                    say(f"part {number} of {len(tasks)} is done")
            finally:
                for one in under_way:
                    one.cancel()

    def _executor(self) -> Executor:
        # Not forked: threads of Polars do not survive it.
        return (
            ProcessPoolExecutor(self.workers, mp_context=get_context("spawn"))
            if self.processes
            else ThreadPoolExecutor(self.workers)
        )


def _packed(function: Callable[[Task, Say], Done], task: Task) -> bytes:
    try:
        return pickle.dumps((function, task))
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise NotPortable(
            f"a {type(task).__name__} cannot be handed to another process: {error}. Functions of a declaration must be "
            "defined at the top of a module"
        ) from error


def _unpacked(packed: bytes) -> Any:
    function, task = pickle.loads(packed)  # noqa: S301  (from our own parent)
    return function(task, _silent)


def _silent(_: str) -> None:
    """What is said in another process is heard by nobody."""
