"""Files of Python are parsed by several threads at once, as pages of the dashboard are made, and whatever is collected meanwhile."""

import ast
import gc
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cryptodudez_assets import parsed_code, settings


class LetsOthersIn:
    """Garbage that lets another thread go on when it is collected, as connections to databases do."""

    def __init__(self) -> None:
        self.itself = self

    def __del__(self) -> None:
        time.sleep(0.0001)


class Parses:
    """Garbage that parses when it is collected, as what logs an error does."""

    def __init__(self) -> None:
        self.itself = self

    def __del__(self) -> None:
        ast.parse("1 + 1")


@pytest.fixture
def collected_often() -> Iterator[None]:
    before = gc.get_threshold()
    gc.set_threshold(50)
    yield
    gc.set_threshold(*before)


def n_statements(path: Path) -> int:
    LetsOthersIn()
    return len(parsed_code.statements_of(path))


@pytest.mark.usefixtures("collected_often")
def test_threads_do_not_disturb_each_other():
    with ThreadPoolExecutor(8) as threads:
        found = set(threads.map(n_statements, [Path(settings.__file__)] * 100))

    assert len(found) == 1


@pytest.mark.usefixtures("collected_often")
def test_what_is_collected_may_parse_too():
    for _ in range(20):
        Parses()
        assert parsed_code.statements_of(Path(settings.__file__))
