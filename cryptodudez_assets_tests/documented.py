"""Blocks of commands in the documentation: which test types them, or why none does.

Commands are fenced as `sh`; where what they print stands there, too, as `console`, with `$ ` before each. A block that is not typed
has a comment before it that says why: `<!-- not run: needs a Google project -->`. The test that asks for `page("docs/feeds.md")` types
all other blocks of that page; whose a page is, is told by that call alone (`claims`).

How they are typed is the tests' own, and of `console` that of `docs/typed.py`; Python and SQL on the pages is not looked at here.
"""

import ast
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

from cryptodudez_assets_tests.conftest import ROOT

SHELL, TRANSCRIPT = "sh", "console"
BLOCK = re.compile(
    r"(?:^ *<!-- not run: (?P<why>[^\n]+?) -->\n)?^(?P<indent> *)```(?P<kind>[^\n]*)\n(?P<text>.*?)^(?P=indent)```$",
    re.M | re.S,
)
TESTS = ROOT / "cryptodudez_assets_tests"


@dataclass(frozen=True)
class Block:
    """What stands between two fences: its language, its lines, and why nobody types it if so."""

    kind: str
    text: str
    not_run: str | None

    @property
    def has_commands(self) -> bool:
        """Whether somebody may type it."""
        return self.kind in {SHELL, TRANSCRIPT}


@dataclass(frozen=True)
class Page:
    """A page of the documentation."""

    text: str

    @property
    def blocks(self) -> list[Block]:
        """All that is fenced, in its order."""
        return [
            Block(found["kind"], textwrap.dedent(found["text"]), found["why"]) for found in BLOCK.finditer(self.text)
        ]

    @property
    def commands(self) -> list[str]:
        """The blocks of commands that are typed."""
        return [block.text for block in self.blocks if block.has_commands and block.not_run is None]


def page(name: str) -> Page:
    """A page by its path in the project, for the one test that types its commands; it names it by a literal."""
    return Page((ROOT / name).read_text(encoding="utf-8"))


def claims() -> Iterator[tuple[str, str]]:
    """Each page that a test asks for, and that test's file: one pair a call."""
    for path in sorted(TESTS.rglob("*_test.py")):
        if "documented" in (source := path.read_text(encoding="utf-8")):
            for node in ast.walk(ast.parse(source)):
                if isinstance(node, ast.Call) and ast.unparse(node.func) == "documented.page":
                    yield ast.literal_eval(node.args[0]), path.relative_to(TESTS).as_posix()
