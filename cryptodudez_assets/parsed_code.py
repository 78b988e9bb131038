"""The statements of a file of Python."""

import ast
import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_ONE_AT_A_TIME = threading.Lock()


def statements_of(path: Path) -> list[ast.stmt]:
    """The statements of the file's top level; SyntaxError where it is no Python.

    Python 3.11 counts for all of a process how deep it is in a tree, and fails (SystemError) where another tree is made while it makes
    one: by another thread, or by what is collected as garbage meanwhile, such as a connection which logs that it cannot be closed.
    """
    with _ONE_AT_A_TIME, _nothing_collected():
        return ast.parse(path.read_bytes()).body


@contextmanager
def _nothing_collected() -> Iterator[None]:
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()
