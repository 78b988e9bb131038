"""What a file is that is no CSV, told by its first bytes, and what to do with it. Only for words: nothing is read by this.

A table of our own rather than a library: what a reason needs beside a name is what to do, and the text formats that come as
`.csv` (an error page, JSON, a Git LFS pointer) are none to a library of magic numbers. `filetype` has had no release since 2022;
`puremagic` lives, but answers for any text too, by a list of extensions.
"""

import codecs
import re
from collections.abc import Iterable
from typing import NamedTuple


class Known(NamedTuple):
    """A format by its name, and what to do to have such a file read."""

    name: str
    advice: str


EXPORT = "export it as CSV"
UNPACK = "unpack it, and land what is in it, as it is or as gzip or zip"
FETCH = "fetch or save the data again"
WORKBOOK = "save its sheet as CSV (UTF-8)"
BINARY = "binary data, not text"
HEAD = 512
# So many of the characters of a text may be none that a text has.
TOLERATED, SLIPS = 0.02, 2

# Bytes, and where they are.
MAGIC: list[tuple[bytes, int, Known]] = [
    (b"ORC", 0, Known("ORC", EXPORT)),
    (b"Obj\x01", 0, Known("Avro", EXPORT)),
    (b"ARROW1", 0, Known("Arrow or Feather", EXPORT)),
    (b"FEA1", 0, Known("Feather", EXPORT)),
    (b"\xff\xff\xff\xff", 0, Known("an Arrow stream", EXPORT)),
    (b"\x89HDF\r\n\x1a\n", 0, Known("HDF5", EXPORT)),
    (b"CDF\x01", 0, Known("NetCDF", EXPORT)),
    (b"CDF\x02", 0, Known("NetCDF", EXPORT)),
    (b"\x93NUMPY", 0, Known("a NumPy array", EXPORT)),
    (b"SQLite format 3\0", 0, Known("an SQLite database", "export its table as CSV")),
    (b"DUCK", 8, Known("a DuckDB database", "export its table as CSV")),
    (b"\0\1\0\0Standard", 0, Known("an Access database", "export its table as CSV")),
    (b"RDX", 0, Known("R data", EXPORT)),
    (b"<stata_dta>", 0, Known("Stata data", EXPORT)),
    (b"$FL2", 0, Known("SPSS data", EXPORT)),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 0, Known("an old Excel workbook or another OLE file (xls)", WORKBOOK)),
    (b"\x09\x08", 0, Known("an old Excel workbook (xls)", WORKBOOK)),
    (b"{\\rtf", 0, Known("a rich text document (RTF)", "save it as CSV")),
    (b"BZh", 0, Known("bzip2", UNPACK)),
    (b"\xfd7zXZ\0", 0, Known("xz", UNPACK)),
    (b"\x28\xb5\x2f\xfd", 0, Known("Zstandard (zst)", UNPACK)),
    (b"\x04\x22\x4d\x18", 0, Known("LZ4", UNPACK)),
    (b"\x5d\0\0", 0, Known("LZMA", UNPACK)),
    (b"LZIP", 0, Known("lzip", UNPACK)),
    (b"\x1f\x9d", 0, Known("compress (Z)", UNPACK)),
    (b"\xff\x06\0\0sNaPpY", 0, Known("Snappy", UNPACK)),
    (b"7z\xbc\xaf\x27\x1c", 0, Known("7z", UNPACK)),
    (b"Rar!\x1a\x07", 0, Known("RAR", UNPACK)),
    (b"MSCF", 0, Known("a cabinet archive", UNPACK)),
    (b"\x1f\x8b", 0, Known("gzip", "unpack it once: a file may be packed once, and alone")),
    (b"PK\x03\x04", 0, Known("zip", "unpack it once: a file may be packed once, and alone")),
    (b"ustar", 257, Known("a tar archive", UNPACK)),
    (b"%PDF-", 0, Known("a PDF", "export its table as CSV, or ask for the data themselves")),
    (b"\x89PNG\r\n", 0, Known("an image (PNG)", FETCH)),
    (b"\xff\xd8\xff", 0, Known("an image (JPEG)", FETCH)),
    (b"GIF8", 0, Known("an image (GIF)", FETCH)),
    (b"II*\0", 0, Known("an image (TIFF)", FETCH)),
    (b"MM\0*", 0, Known("an image (TIFF)", FETCH)),
    (b"RIFF", 0, Known("an image, sound or film (RIFF)", FETCH)),
    (b"\x7fELF", 0, Known("a program", FETCH)),
    (b"MZ", 0, Known("a program", FETCH)),
    (b"bplist", 0, Known("a property list", EXPORT)),
    (b"\xff\xfe\0\0", 0, Known("UTF-32 text", "save it as UTF-8")),
    (b"\0\0\xfe\xff", 0, Known("UTF-32 text", "save it as UTF-8")),
    *((b"\x80" + bytes([version]), 0, Known("a Python pickle", EXPORT)) for version in range(2, 6)),
]
# Of those that begin with bytes which a text may begin with, too: only where there are bytes that a text has not.
LIKE_TEXT = re.compile(rb"[A-Za-z0-9$%<{\t-]{2,}")
NO_TEXT = re.compile(rb"[\0-\x08\x0e-\x1a\x1c-\x1f\x7f]")

TEXTS: list[tuple[re.Pattern[bytes], Known]] = [
    (
        re.compile(rb"<!doctype html|<html|<head\b|<body\b|<script\b", re.I),
        Known("an HTML page", "an error or login page of a download? Fetch the data themselves"),
    ),
    (
        re.compile(rb"<\?xml.*urn:schemas-microsoft-com:office:spreadsheet", re.I | re.S),
        Known("an Excel workbook as XML", WORKBOOK),
    ),
    (
        re.compile(rb"<\?xml|<[a-z][a-z0-9:]*[\s>/](?![,;|\t])", re.I),
        Known("XML", "an error of a download? Otherwise " + EXPORT),
    ),
    (
        re.compile(rb"version https://git-lfs"),
        Known("a Git LFS pointer", "the data are elsewhere: fetch them with `git lfs pull`"),
    ),
    (
        re.compile(rb'[\[{]\s*(?:["{\[\]}]|-?[0-9]|true\b|false\b|null\b)'),
        Known("JSON", "convert it to CSV, a record a line"),
    ),
    (re.compile(rb"-----BEGIN "), Known("an encrypted or signed text (PGP, PEM)", "decrypt it")),
    (
        re.compile(rb"(?i)(?:create table|insert into|drop table|-- mysql dump|--\s*\n-- postgresql)"),
        Known("SQL", "load it into a database, and export the table as CSV"),
    ),
    (re.compile(rb"%PDF-"), Known("a PDF", "export its table as CSV, or ask for the data themselves")),
]

# Zip archives that are documents, by the name of a member.
DOCUMENTS: list[tuple[re.Pattern[str], Known]] = [
    (re.compile(r"xl/workbook\.(xml|bin)"), Known("an Excel workbook (xlsx)", WORKBOOK)),
    (re.compile(r"Index/.*\.iwa"), Known("a Numbers or Pages document", WORKBOOK)),
    (re.compile(r"word/document\.xml"), Known("a Word document (docx)", "save its table as CSV")),
    (re.compile(r"ppt/presentation\.xml"), Known("a PowerPoint document (pptx)", "save its table as CSV")),
    (re.compile(r"META-INF/MANIFEST\.MF"), Known("a Java archive", FETCH)),
    (re.compile(r"META-INF/container\.xml"), Known("an e-book", FETCH)),
    (re.compile(r"\[Content_Types\]\.xml"), Known("an Office document", WORKBOOK)),
    (re.compile(r"META-INF/manifest\.xml"), Known("an OpenDocument file such as a spreadsheet (ods)", WORKBOOK)),
]


def no_text(head: bytes) -> str | None:
    """Why a file that begins so cannot be read as text; None where it may be text."""
    for magic, at, known in MAGIC:
        if head.startswith(magic, at) and (NO_TEXT.search(head[:HEAD]) or not LIKE_TEXT.match(head)):
            return f"{known.name}; {BINARY}: {known.advice}"
    if b"\0" not in head:
        return None
    if is_text(head):
        return None  # with a slip: which name or record it is in is told of that
    if _alternates(head):
        return f"{BINARY} (or UTF-16 without a byte order mark: save it as UTF-8)"
    return f"{BINARY}, of no format that is known here; {BINARY_ADVICE}"


def is_text(head: bytes) -> bool:
    """Whether all but a few of its characters are those of a text."""
    if len(NO_TEXT.findall(head)) > max(SLIPS, TOLERATED * len(head)) or b"\n" not in head:
        return False
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)  # its end may be cut off
    except UnicodeDecodeError:
        return False
    return True


BINARY_ADVICE = "expected CSV, JSON or Parquet, alone or in a gzip or zip"


def without_text(names: Iterable[str]) -> str | None:
    """The first name in which a character stands that no text has."""
    return next((name for name in names if NO_TEXT.search(name.encode())), None)


def no_table(text: bytes) -> str | None:
    """Which other kind of text it is, and what to do; None where it may be a table."""
    beginning = text[:HEAD].lstrip()
    found = next((known for pattern, known in TEXTS if pattern.match(beginning)), None)
    return f"{found.name}, not CSV: {found.advice}" if found else None


def document(names: list[str]) -> str | None:
    """Which document an archive with these members is, and what to do; None where it is an archive of files."""
    for pattern, known in DOCUMENTS:
        if any(pattern.fullmatch(name) for name in names):
            return f"{known.name}, not an archive of CSV files: {known.advice}"
    arrays = names and all(name.endswith(".npy") for name in names)
    return f"NumPy arrays (npz), not an archive of CSV files: {EXPORT}" if arrays else None


def _alternates(head: bytes) -> bool:
    """Whether nearly every other byte is zero, as in UTF-16 of western texts."""
    sample = head[: 2 * HEAD]
    return any(sample[first::2].count(0) > 0.8 * len(sample) / 2 for first in (0, 1))
