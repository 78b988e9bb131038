"""Tasks as bytes, for workers that share nothing with whoever planned them: what goes there, and how it is done there."""

import pickle
from collections.abc import Callable
from typing import Any

from cryptodudez_assets.engines import Done, Say, Task
from cryptodudez_assets.engines.likeness import insist_on, likeness


class NotPortable(TypeError):
    """A task cannot be handed to another process; the message says why, and what to do."""


def packed(function: Callable[[Task, Say], Done], task: Task) -> bytes:
    """A task with what does it, and with what it was planned. Raises NotPortable where it holds what no other process can be handed."""
    try:
        return pickle.dumps((likeness(), pickle.dumps((function, task))))
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise NotPortable(
            f"a {type(task).__name__} cannot be handed to another process: {error}. Functions of a declaration must be "
            "defined at the top of a module"
        ) from error


def do(task: bytes) -> Any:
    """Do what was packed; its words are heard by nobody. Raises UnlikeWorker, before anything of it is looked at."""
    planned, work = pickle.loads(task)  # noqa: S301  (from whoever planned it)
    insist_on(planned)
    function, unpacked = pickle.loads(work)  # noqa: S301  (the same)
    return function(unpacked, _silent)


def attempt(task: bytes, failed: Callable[[bytes], object] | None = None) -> bytes:
    """Do what was packed where only lost processes are to be tried again: what a task raises is its answer, to be `opened`.

    `failed` is handed such an answer, too: where answers are looked at only once all are there.
    """
    try:
        return pickle.dumps((do(task), None))
    except Exception as error:
        answer = pickle.dumps((None, _portable(error)))
        if failed is not None:
            failed(answer)
        return answer


def opened(answer: bytes) -> Any:
    """What a task gave; what it raised is raised."""
    done, error = pickle.loads(answer)  # noqa: S301  (from our own workers)
    if error is not None:
        raise error
    return done


def _portable(error: Exception) -> Exception:
    """The error, or its words where it cannot be handed over as it is."""
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301  (our own)
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


def _silent(_: str) -> None:
    """What is said in another process is heard by nobody."""
