"""Engines for tests: another one, to which something happens, or that is watched."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptodudez_assets.engines import Done, Engine, Say, Task


@dataclass
class Wrapped:
    """An engine that has work divided, and to which something happens."""

    engine: Engine
    name = "wrapped"
    is_remote = False
    parallel = 2


@dataclass(frozen=True)
class Noting:
    """Does what a function does, and leaves a note of the process."""

    function: Callable[[Any, Say], Any]
    folder: Path

    def __call__(self, task: object, say: Say) -> Any:
        (self.folder / str(os.getpid())).touch()
        return self.function(task, say)


@dataclass
class Watched(Wrapped):
    """An engine with the tasks that it was given, and with the processes that did them."""

    folder: Path
    tasks: list[Any] = field(default_factory=list)
    parallel = 3

    def run(self, function: Callable[[Task, Say], Done], tasks: Sequence[Task], say: Say) -> Iterator[Done]:
        """What the function gives for each task, in their order."""
        self.tasks += tasks
        yield from self.engine.run(Noting(function, self.folder), tasks, say)

    def of(self, kind: type[Task]) -> list[Task]:
        """The tasks of one kind."""
        return [task for task in self.tasks if isinstance(task, kind)]

    @property
    def processes(self) -> set[int]:
        """Who did tasks."""
        return {int(note.name) for note in self.folder.iterdir()}


@dataclass
class Meanwhile(Wrapped):
    """An engine that has something happen, once: behind the tasks of one kind, before whoever planned them hears of it."""

    kind: type[Any]
    happens: Callable[[], object]
    parallel = 1

    def run(self, function: Callable[[Task, Say], Done], tasks: Sequence[Task], say: Say) -> Iterator[Done]:
        """What the function gives for each task, in their order."""
        done = list(self.engine.run(function, tasks, say))
        if any(isinstance(task, self.kind) for task in tasks):
            happens, self.happens = self.happens, lambda: None
            happens()
        yield from done
