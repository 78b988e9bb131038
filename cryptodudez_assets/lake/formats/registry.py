"""The formats in which raw files hold records, and which of them a file is in. A further format is a line here and a room beside."""

from collections.abc import Sequence

from cryptodudez_assets.lake.formats.csv.format import CSV
from cryptodudez_assets.lake.formats.json.formats import DOCUMENT, LINES
from cryptodudez_assets.lake.formats.parquet.format import PARQUET
from cryptodudez_assets.lake.formats.reader import Content, Format, Reader, Recognised, Written
from cryptodudez_assets.sources.declaration import Layout

FORMATS: tuple[Format, ...] = (PARQUET, LINES, DOCUMENT, CSV)
"""Each is asked before those behind it. CSV is the last: any text might be one, and it says what a file is that is none of them."""


def recognise(content: Content, layouts: Sequence[Layout]) -> Recognised:
    """Recognise a file by its content, whatever its name. Raises FileRefused where it is nothing that can be read."""
    for one in FORMATS:
        if found := one.recognise(content, layouts):
            return found
    raise AssertionError("the last format takes or refuses whatever it is given")


def follows(content: Content, layouts: Sequence[Layout]) -> bool:
    """Whether a file has the columns of one of these layouts."""
    return any(one.follows(content, layouts) for one in FORMATS)


def reader_of(written: Written, layout: Layout, keeps_extra: bool) -> Reader:
    """Reads a file that was recognised as being written so."""
    one = next(one for one in FORMATS if one.name == written.format)
    return one.reader(written, layout, keeps_extra)
