"""The text of a file: in which encoding it is, and its bytes as UTF-8. What it says is the formats' business."""

import codecs
from collections.abc import Iterator
from typing import BinaryIO

from cryptodudez_assets.lake.formats.archives import FileRefused, Text

HEAD_BYTES = 256 << 10
"""So much of a file tells what it is."""
BOMS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}


def decode(head: bytes) -> tuple[str, bytes]:
    """The encoding, and the text in UTF-8."""
    for bom, encoding in BOMS.items():
        if head.startswith(bom):
            text = head[len(bom) :]
            return encoding, text if bom == codecs.BOM_UTF8 else text.decode(encoding, "replace").encode()
    return "utf-8", head


def utf8_blocks(stream: BinaryIO | Text, encoding: str, size: int) -> Iterator[bytes]:
    """The text as UTF-8, without a byte order mark. What is no valid text stays invalid, for its record to be found out."""
    decoder = codecs.getincrementaldecoder(encoding)("surrogatepass") if encoding.startswith("utf-16") else None
    first = True
    while block := bytes(stream.read(max(size, len(codecs.BOM_UTF8)) if first else size)):
        text = decoder.decode(block).encode("utf-8", "surrogatepass") if decoder else block
        if first:
            text = text.removeprefix(codecs.BOM_UTF8)
        first = False
        if text:
            yield text
    if decoder and decoder.getstate()[0]:
        raise FileRefused(f"the {encoding} text ends in the middle of a character: cut off?")
