"""Where work is done: an engine runs tasks, and knows nothing of what they are.

A task is plain data: it says what is to be read, by which declaration, and where results are to be written. The function that
does it is handed nothing else, commits nothing, and may be run twice, in another process or on another machine. Whoever planned
the tasks decides and commits. What is read and written by whom does not belong here, nor does Dagster.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, TypeVar

Task = TypeVar("Task")
Done = TypeVar("Done")
Say = Callable[[str], None]
"""Words of progress."""


class Engine(Protocol):
    """Runs tasks somewhere."""

    @property
    def name(self) -> str:
        """What people call it: the value of a setting, and what a run says of itself."""

    @property
    def is_remote(self) -> bool:
        """Whether tasks may be run on other machines, which share no folder with this one."""

    @property
    def parallel(self) -> int:
        """How many tasks it can run at a time: into so many, at least, work is worth dividing."""

    def run(self, function: Callable[[Task, Say], Done], tasks: Sequence[Task], say: Say) -> Iterator[Done]:
        """What the function gives for each task, in their order. An error of a task is raised, and the others end or are not begun."""
