"""Tasks in this process, in the caller's thread or in several. Other processes are in `pool.py`."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from cryptodudez_assets.engines import Done, Say, Task


@dataclass(frozen=True)
class LocalEngine:
    """This process. One worker does what it is told in the caller's own thread; more are threads."""

    workers: int = 1
    name = "local"
    is_remote = False

    @property
    def parallel(self) -> int:
        """How many tasks it can run at a time."""
        return self.workers

    def run(self, function: Callable[[Task, Say], Done], tasks: Sequence[Task], say: Say) -> Iterator[Done]:
        """What the function gives for each task, in their order."""
        if self.workers == 1:
            yield from (function(task, say) for task in tasks)
            return
        with ThreadPoolExecutor(self.workers) as executor:
            under_way = [executor.submit(function, task, say) for task in tasks]
            try:
                for number, one in enumerate(under_way, 1):
                    yield one.result()
                    say(f"part {number} of {len(tasks)} is done")
            finally:
                for one in under_way:
                    one.cancel()
