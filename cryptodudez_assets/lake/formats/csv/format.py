"""CSV as one of the formats in which files come."""

from collections.abc import Sequence

from cryptodudez_assets.lake.formats.archives import FileRefused
from cryptodudez_assets.lake.formats.csv.dialect import Dialect, another_kind, follows, recognise
from cryptodudez_assets.lake.formats.csv.headers import clean
from cryptodudez_assets.lake.formats.csv.parse import ChunkReader
from cryptodudez_assets.lake.formats.forms import TEXT_SHOWN, shown
from cryptodudez_assets.lake.formats.reader import Content, Format, Reader, Recognised, Written
from cryptodudez_assets.lake.formats.text import decode
from cryptodudez_assets.sources.declaration import Layout


class Csv:
    """Text in which each line is a record, and a delimiter stands between its fields."""

    name = "csv"

    def follows(self, content: Content, layouts: Sequence[Layout]) -> bool:
        """By its header, or its first record."""
        return follows(content.head, of_csv(layouts))

    def recognise(self, content: Content, layouts: Sequence[Layout]) -> Recognised:
        """By its header, or its first record. Raises FileRefused where it is no CSV, with what it is."""
        mine = of_csv(layouts)
        if not mine:
            raise _of_none(content.head)
        seen = recognise(content.head, mine)
        dialect = seen.dialect
        line_end = "crlf" if dialect.line_end == "\r\n" else "lf"
        written = Written(
            self.name, dialect.header, dialect.encoding, dialect.delimiter, quote=dialect.quote, line_end=line_end
        )
        return Recognised(written, seen.layout, seen.added, seen.problem, infer=lambda: seen.types)

    def reader(self, written: Written, layout: Layout, keeps_extra: bool) -> Reader:
        """Reads the records behind its header."""
        dialect = Dialect(
            encoding=written.encoding or "utf-8",
            delimiter=written.delimiter or ",",
            line_end="\r\n" if written.line_end == "crlf" else "\n",
            header=written.names,
            quote=written.quote or '"',
            may_lack_header=layout.is_headerless,
        )
        return ChunkReader(dialect, layout, keeps_extra)


def of_csv(layouts: Sequence[Layout]) -> list[Layout]:
    """The layouts whose files may be CSV."""
    return [one for one in layouts if one.format in ("", Csv.name) and not one.rows and not one.told_beside_rows]


def _of_none(head: bytes) -> FileRefused:
    """Why a text is refused where a source has no CSV at all."""
    _, text = decode(head)
    if not text.strip():
        return FileRefused("empty file")
    line = clean(text.lstrip()[:TEXT_SHOWN].splitlines()[0].decode("utf-8", "surrogateescape"))
    told = f"a text that begins with {shown(line, TEXT_SHOWN)}, which is of no format that the source's layouts are in"
    return another_kind(head, text) or FileRefused(told)


CSV: Format = Csv()
