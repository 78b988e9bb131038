"""What a report says, as data: sections of words, plots and tables, before anyone decides how they look."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Plot:
    """The place of a picture, by its name, and what it shows in words for those who do not see it."""

    name: str
    words: str


@dataclass(frozen=True)
class Table:
    """Cells as they are printed. The first of a row names it."""

    caption: str
    head: list[str]
    rows: list[list[str]]


@dataclass(frozen=True)
class Check:
    """Something that had to hold, and whether it did."""

    name: str
    passed: bool
    words: str

    @property
    def outcome(self) -> str:
        """In a word."""
        return "passed" if self.passed else "failed"


@dataclass(frozen=True)
class Section:
    """A heading and what stands below it, in the order of the fields. Tables without rows are left out."""

    title: str
    paragraphs: list[str]
    checks: tuple[Check, ...] = ()
    plots: tuple[Plot, ...] = ()
    tables: tuple[Table, ...] = ()
    folded: bool = False


def markdown(sections: Iterable[Section]) -> str:
    """The words for a UI: no plots, no tables, nothing that a page folds away."""
    return "\n\n".join(_markdown(one) for one in sections if not one.folded)


def _markdown(one: Section) -> str:
    checks = "\n".join(f"- **{check.name}: {check.outcome}.** {check.words}" for check in one.checks)
    return "\n\n".join([f"### {one.title}", *one.paragraphs, *([checks] if checks else [])])
