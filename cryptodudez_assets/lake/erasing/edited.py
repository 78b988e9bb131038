"""What became of a file's records, and how a file's text is known: what all formats of this room have in common."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Self

from cryptodudez_assets.lake.formats.reader import Recognised
from cryptodudez_assets.sources.declaration import Layout


@dataclass
class Edited:
    """How often identities were replaced in a text, and which records were taken out (the first is 1)."""

    replaced: int = 0
    removed: list[int] = field(default_factory=list)

    @property
    def places(self) -> int:
        """In how many places it is another text now."""
        return self.replaced + len(self.removed)

    def counted(self, part: tuple[bytes, int]) -> bytes:
        """A part of the text, of which it is counted what was replaced in it."""
        self.replaced += part[1]
        return part[0]


@dataclass(frozen=True)
class Form:
    """How a text's records are written, and which of its raw columns hold identities; a text of no known form has none."""

    format: str = ""
    encoding: str = "utf-8"
    delimiter: str = ","
    names: tuple[str, ...] = ()
    tagged: frozenset[str] = frozenset()
    rows: str = "$"
    """Where in a document the rows are."""
    listed: tuple[str, ...] = ()
    """What the values of records are that are lists."""
    may_lack_header: bool = False

    @classmethod
    def of(cls, seen: Recognised, tagged: "Tagged") -> Self:
        """As it was recognised."""
        written, layout = seen.written, seen.layout
        form = cls(written.format, written.encoding or "utf-8", written.delimiter or ",", written.names)
        if layout is None:
            return form
        return cls(
            form.format,
            form.encoding,
            form.delimiter,
            form.names,
            tagged.in_layout(layout),
            layout.rows or "$",
            tuple(layout.names),
            layout.is_headerless,
        )


@dataclass(frozen=True)
class Tagged:
    """The columns of a source's contract that hold identities of one kind."""

    columns: frozenset[str] = frozenset()

    def in_layout(self, layout: Layout) -> frozenset[str]:
        """The raw columns that they are made of."""
        return frozenset(self._roots(layout))

    def _roots(self, layout: Layout) -> Iterator[str]:
        for name in self.columns & layout.canonical.keys():
            yield from layout.canonical[name].meta.root_names()
