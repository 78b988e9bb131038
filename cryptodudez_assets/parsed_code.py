"""The statements of a file of Python."""

import ast
import threading
from pathlib import Path

_ONE_AT_A_TIME = threading.Lock()


def statements_of(path: Path) -> list[ast.stmt]:
    """The statements of the file's top level; SyntaxError where it is no Python.

    Python 3.11 counts for all threads together how deep it is in a tree, and fails (SystemError) where another thread makes one, too,
    while garbage is collected in between.
    """
    with _ONE_AT_A_TIME:
        return ast.parse(path.read_bytes()).body
