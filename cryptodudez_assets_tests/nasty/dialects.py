"""How the text of a nasty file is written: separator, quotes, line ends, encoding, order and look of the header."""

import codecs
import random
from collections.abc import Sequence
from dataclasses import dataclass

from cryptodudez_assets_tests.nasty.subjects import Subject

SEPARATORS = [",", ";", "\t", "|"]
ENCODINGS = ["utf-8", "utf-8", "utf-8-sig", "utf-16-le", "utf-16-be", "latin-1"]
BOMS = {"utf-16-le": codecs.BOM_UTF16_LE, "utf-16-be": codecs.BOM_UTF16_BE}
FOREIGN = ["é", "ü ß", "€uro", "日本", "🚀", "e\u0301", "ﬁ", "Ж"]


@dataclass(frozen=True)
class Dialect:
    """`quotes`: around what needs them, around all, or around texts."""

    separator: str
    quotes: str
    line_end: str
    encoding: str
    header: tuple[str, ...]
    padded: bool

    def line(self, fields: Sequence[str], names: Sequence[str] = (), subject: Subject | None = None) -> str:
        """Fields as a line, without its end."""
        kinds = [subject.columns.get(name, "text") if subject else "text" for name in names] or ["text"] * len(fields)
        written = (self._written(field, kind) for field, kind in zip(fields, kinds, strict=True))
        return self.separator.join(written)

    def _written(self, field: str, kind: str) -> str:
        needed = any(one in field for one in (self.separator, '"', "\n", "\r"))
        if needed or self.quotes == "all" or (self.quotes == "texts" and kind == "text"):
            return '"' + field.replace('"', '""') + '"'
        return field

    def names(self, header: Sequence[str]) -> str:
        """The header's line."""
        return self.line([f" {name} " if self.padded and n % 2 else name for n, name in enumerate(header)])

    def encoded(self, text: str) -> bytes:
        """The bytes; a surrogate stands for a byte that is no UTF-8."""
        if self.encoding in BOMS:
            return BOMS[self.encoding] + text.encode(self.encoding, "surrogatepass")
        return text.encode(self.encoding, "surrogateescape")


def drawn(rng: random.Random, subject: Subject) -> Dialect:
    """Any dialect."""
    header = list(subject.columns)
    if rng.random() < 0.5:
        rng.shuffle(header)
    return Dialect(
        separator=rng.choice(SEPARATORS),
        quotes=rng.choice(["needed", "needed", "all", "texts"]),
        line_end=rng.choice(["\n", "\n", "\r\n"]),
        encoding=rng.choice(ENCODINGS),
        header=tuple(header),
        padded=rng.random() < 0.2,
    )
