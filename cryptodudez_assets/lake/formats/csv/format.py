"""CSV as one of the formats in which files come."""

from collections.abc import Sequence

from cryptodudez_assets.lake.formats.csv.dialect import Dialect, follows, recognise
from cryptodudez_assets.lake.formats.csv.parse import ChunkReader
from cryptodudez_assets.lake.formats.reader import Content, Format, Reader, Recognised, Written
from cryptodudez_assets.sources.declaration import Layout


class Csv:
    """Text in which each line is a record, and a delimiter stands between its fields."""

    name = "csv"

    def follows(self, content: Content, layouts: Sequence[Layout]) -> bool:
        """By its header, or its first record."""
        return follows(content.head, layouts)

    def recognise(self, content: Content, layouts: Sequence[Layout]) -> Recognised:
        """By its header, or its first record. Raises FileRefused where it is no CSV, with what it is."""
        seen = recognise(content.head, layouts)
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


CSV: Format = Csv()
