"""Open a sample: the text that it is, or that is packed in it, or the texts of an archive's members, one after the other.

What is in a text is found out in `sample.py`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from cryptodudez_assets.lake.formats.archives import Container, FileRefused, Member, format_of, members
from cryptodudez_assets.lake.formats.seekable import Readable
from cryptodudez_assets.lake.formats.signatures import document
from cryptodudez_assets.lake.formats.text import HEAD_BYTES

REASONS_SHOWN = 3


def names_in(path: Path) -> list[str | None]:
    """The members of an archive that can be read; of any other file nothing but None, for itself.

    Raises FileRefused for an archive of which nothing can be read.
    """
    with path.open("rb") as content:
        if format_of(content.read(HEAD_BYTES)) != "zip":
            return [None]
        inside = [one for one in members(content, path.stat().st_size) if not one.ignored]
    if not inside:
        raise FileRefused("there is nothing in the archive that could be read")
    if told := document([one.name for one in inside]):
        raise FileRefused(told)
    if readable := [one.name for one in inside if not one.refused]:
        return [*readable]
    raise FileRefused(_nothing_in(inside))


@contextmanager
def opened(path: Path, member: str | None) -> Iterator[Readable]:
    """The text of a file, or of an archive's member."""
    with path.open("rb") as content:
        size = path.stat().st_size
        format_ = format_of(content.read(HEAD_BYTES))
        with Container(content).text(format_, member, _size_of(content, member, size)) as text:
            yield text


def _size_of(content: BinaryIO, member: str | None, size: int) -> int:
    return size if member is None else next(one.size for one in members(content, size) if one.name == member)


def _nothing_in(inside: list[Member]) -> str:
    reasons = [f"{one.name}: {one.refused}" for one in inside[:REASONS_SHOWN]]
    return "; ".join(["no member of the archive can be read", *reasons])
