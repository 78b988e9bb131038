"""Tasks as bytes, for workers that share nothing with whoever planned them: what goes there, and how it is done there."""

import pickle
from collections.abc import Callable
from typing import Any

from cryptodudez_assets.engines import Done, Say, Task


class NotPortable(TypeError):
    """A task cannot be handed to another process; the message says why, and what to do."""


def packed(function: Callable[[Task, Say], Done], task: Task) -> bytes:
    """A task with what does it. Raises NotPortable where it holds what no other process can be handed."""
    try:
        return pickle.dumps((function, task))
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise NotPortable(
            f"a {type(task).__name__} cannot be handed to another process: {error}. Functions of a declaration must be "
            "defined at the top of a module"
        ) from error


def do(task: bytes) -> Any:
    """Do what was packed; its words are heard by nobody."""
    function, unpacked = pickle.loads(task)  # noqa: S301  (from whoever planned it)
    return function(unpacked, _silent)


def _silent(_: str) -> None:
    """What is said in another process is heard by nobody."""
