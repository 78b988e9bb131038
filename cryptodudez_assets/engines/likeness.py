"""What a worker must share with whoever plans, or its rows would be others: the project's code, the libraries that compute, Python, the
kind of machine.

Tasks name functions and declarations, which a worker finds in the project that it has. Where that is another release's, or has other
libraries, tables would be made by it in silence, under the name of the code that planned them; hashes of keys would not agree either.
Settings and credentials do not belong here: tasks carry what they need of the first, and the second are a worker's own.
"""

import hashlib
import platform
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from cryptodudez_assets.settings import own_declarations

COMPUTES = ("polars", "duckdb", "numpy", "pandera", "pyarrow", "pyiceberg")
"""Libraries by whose version rows, their hashes and data files may differ."""
CODE = (".py", ".sql")
PROJECT = Path(__file__).parents[1]
SHOWN = 12

Likeness = Mapping[str, str]
"""Of what it is, in words, and which."""


class UnlikeWorker(RuntimeError):
    """A worker has not what the tasks were planned with; the message says what differs, and nothing was done by it."""


@cache
def likeness() -> Likeness:
    """What this process has. Found out once: a process goes on with what it imported, whatever is in its folders later."""
    return {
        "cryptodudez": hash_of_project(PROJECT),
        **({"declarations": hash_of_project(own)} if (own := own_declarations()) else {}),
        "Python": ".".join(platform.python_version_tuple()[:2]),
        "machine": platform.machine(),
        **{name: _version(name) for name in COMPUTES},
    }


def insist_on(planned: Likeness) -> None:
    """Refuse tasks that were planned with something else than this process has. Raises UnlikeWorker."""
    here = likeness()
    differing = [
        f"{name} {here.get(name, 'none')} (planned with {told})"
        for name, told in planned.items()
        if here.get(name) != told
    ]
    if differing:
        raise UnlikeWorker(
            f"a worker has {', '.join(differing)}, so that its rows could be others; nothing was committed. Workers need the project and "
            "the locked environment of whoever plans: docs/launching.md"
        )


def hash_of_project(folder: Path) -> str:
    """A hash of all code below a folder, and of where it is in it."""
    told = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.suffix in CODE):
        told.update(f"{path.relative_to(folder).as_posix()}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return told.hexdigest()[:SHOWN]


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "none"
