"""What counts as other code, and what does not: comments, moves and renames."""

import importlib
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

import cryptodudez_assets
from cryptodudez_assets.code_hash import hash_of_code
from cryptodudez_assets.features import all_views

PACKAGE = Path(cryptodudez_assets.__file__).parent
NUMBERS = count()

HELPERS = '''
"""Helpers."""
LIMIT = 3

def doubled(value):
    return value * 2

def unused(value):
    return value * 5
'''
MAIN = '''
"""What is computed."""
import math
from PACKAGE.helpers import LIMIT, doubled

class Row:
    """A row."""
    close: float
    volume: int = 0

    def total(self, factor=1):
        """All of it."""
        return self.close * self.volume * factor

def compute(value, *more):
    """The result."""
    # the largest first
    kept = [one for one in more if one < LIMIT]
    def inner(x):
        return doubled(x) + math.floor(value)
    try:
        return sum(map(inner, kept), start=Row().total(2))
    except ValueError as error:
        raise KeyError(str(error)) from error
'''

Hash = Callable[..., str]


@pytest.fixture
def hash_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hash]:
    """The hash of `compute` in a package made of these texts."""
    made: list[str] = []
    monkeypatch.syspath_prepend(tmp_path)

    def hashed(main: str = MAIN, helpers: str = HELPERS, within: str = "", name: str = "compute", **others: str) -> str:
        package = f"made_{next(NUMBERS)}"
        made.append(package)
        (tmp_path / package).mkdir()
        for module, text in {"__init__": "", "main": main, "helpers": helpers, **others}.items():
            (tmp_path / package / f"{module}.py").write_text(text.replace("PACKAGE", package))
        importlib.invalidate_caches()
        return hash_of_code(f"{package}.main.{name}", within=(f"{package}{within}",))

    yield hashed
    for module in [name for name in sys.modules if name.partition(".")[0] in made]:
        del sys.modules[module]


SAME: dict[str, tuple[str, str]] = {
    "a comment": ("# the largest first", "# the smallest last, or so"),
    "a docstring": ('"""The result."""', '"""Something else, in\n    two lines."""'),
    "no docstring": ('    """A row."""\n', ""),
    "layout": ("self.close * self.volume * factor", "(\n            self.close\n            * self.volume * factor)"),
    "a local variable": ("kept", "chosen"),
    "a parameter that is not passed by name": ("value", "amount"),
    "a function within": ("inner", "within"),
    "the name of an error": ("error", "wrong"),
    "what a class is called": ("Row", "Line"),
    "annotations": ("def compute(value, *more):", "def compute(value: float, *more: float) -> float:"),
    "an import that nothing uses": ("import math", "import math\nimport os"),
}


@pytest.mark.parametrize("case", SAME)
def test_it_stays(hash_of: Hash, case: str):
    old, new = SAME[case]
    assert old in MAIN
    assert hash_of(MAIN.replace(old, new)) == hash_of()


OTHER: dict[str, tuple[str, str]] = {
    "an operator": ("one < LIMIT", "one <= LIMIT"),
    "a number": ("total(2)", "total(3)"),
    "its type": ("total(2)", "total(2.0)"),
    "a default": ("factor=1", "factor=2"),
    "a field": ("volume: int = 0", "amount: int = 0"),
    "a field's type": ("close: float", "close: int"),
    "a method": ("total", "sum_of"),
    "another function of a library": ("math.floor", "math.ceil"),
    "a built-in": ("sum(", "max("),
    "which variable": ("return doubled(x)", "return doubled(value)"),
    "an argument left out": (", start=", ", "),
    "what is caught": ("except ValueError", "except TypeError"),
}


@pytest.mark.parametrize("case", OTHER)
def test_it_changes(hash_of: Hash, case: str):
    old, new = OTHER[case]
    assert old in MAIN
    assert hash_of(MAIN.replace(old, new)) != hash_of()


def test_what_is_called_counts_wherever_it_is(hash_of: Hash):
    assert hash_of(helpers=HELPERS.replace("value * 2", "value * 3")) != hash_of()
    assert hash_of(helpers=HELPERS.replace("LIMIT = 3", "LIMIT = 4")) != hash_of()
    assert hash_of(helpers=HELPERS.replace("value * 5", "value * 6")) == hash_of()


def test_a_function_may_move_and_be_called_otherwise(hash_of: Hash):
    moved = MAIN.replace(
        "PACKAGE.helpers import LIMIT, doubled", "PACKAGE.other import BOUND as LIMIT, twice as doubled"
    )
    other = HELPERS.replace("LIMIT", "BOUND").replace("doubled", "twice")
    assert hash_of(moved, helpers="", other=other) == hash_of()
    by_module = MAIN.replace("from PACKAGE.helpers import LIMIT, doubled", "from PACKAGE import helpers")
    by_module = by_module.replace("LIMIT", "helpers.LIMIT").replace("doubled(", "helpers.doubled(")
    assert hash_of(by_module) == hash_of()
    handed_on = MAIN.replace("PACKAGE.helpers", "PACKAGE.front")
    assert hash_of(handed_on, front="from PACKAGE.helpers import LIMIT, doubled\n") == hash_of()
    here = MAIN.replace("from PACKAGE.helpers import LIMIT, doubled", HELPERS)
    assert hash_of(here, helpers="") == hash_of()


def test_of_what_is_outside_only_the_use_counts(hash_of: Hash):
    alone = hash_of(within=".main")
    assert hash_of(helpers=HELPERS.replace("value * 2", "value * 3"), within=".main") == alone
    assert hash_of(MAIN.replace("doubled(x)", "doubled(x) + doubled(x)"), within=".main") != alone


def test_definitions_may_lead_to_each_other(hash_of: Hash):
    one = "def compute(n):\n    return n and other(n - 1)\ndef other(n):\n    return not n or compute(n - 1)\n"
    first, second = one.split("def other")
    assert hash_of(one) == hash_of(f"def other{second}{first}")
    assert hash_of(one) == hash_of(one.replace("other", "odd"))
    assert hash_of(one) != hash_of(one.replace("not n or", "n or"))


def test_code_without_a_source_is_refused():
    with pytest.raises(ValueError, match="no source"):
        hash_of_code("nowhere.at.all")
    with pytest.raises(ValueError, match="no source"):
        hash_of_code("cryptodudez_assets.code_hash.not_there")


def test_what_a_module_knows_by_no_name_stands_for_all_of_it():
    def nested() -> int:
        return 1

    assert hash_of_code(nested) == hash_of_code(lambda: 2) == hash_of_code(sys.modules[__name__])


RENAMED = {
    "day_of": "utc_day",
    "days_before": "earlier_days",
    "CryptoDailyFeatures": "DailyCandles",
    "HORIZONS": "AHEAD",
}


def test_all_views_stay_what_they_are_in_another_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Every view's code is moved to another package, with a comment in each file and other names here and there."""
    package = tmp_path / "elsewhere"
    shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
    (package / "features" / "exact.py").rename(package / "features" / "to_the_last_bit.py")
    for path in package.rglob("*.py"):
        text = re.sub(r"\bcryptodudez_assets\b", "elsewhere", path.read_text())
        text = re.sub(r"\bfeatures\.exact\b", "features.to_the_last_bit", text)
        for old, new in RENAMED.items():
            text = re.sub(rf"(?<![\w.\"']){old}\b(?!=)", new, text) if path.parent.name == "features" else text
        path.write_text(f"{text}\n# One more word about it.\n")
    monkeypatch.syspath_prepend(tmp_path)
    try:
        elsewhere = importlib.import_module("elsewhere.features").all_views()
        assert {name: view.code_hash for name, view in elsewhere.items()} == {
            name: view.code_hash for name, view in all_views().items()
        }
    finally:
        for module in [name for name in sys.modules if name.partition(".")[0] == "elsewhere"]:
            del sys.modules[module]
