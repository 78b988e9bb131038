"""Why a file is set aside whole: what it is, where that shows, and what to do, in the words of who brought it."""

import bz2
import gzip
import io
import json
import lzma
import pickle
import sqlite3
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from cryptodudez_assets.lake.formats.archives import Container, FileRefused, format_of
from cryptodudez_assets.lake.formats.csv.dialect import recognise
from cryptodudez_assets.lake.formats.csv.headers import of_another, path_in_words
from cryptodudez_assets.lake.formats.signatures import document
from cryptodudez_assets.sources import all_sources
from cryptodudez_assets.sources.crypto_prices import SOURCE
from cryptodudez_assets_tests.toy import zipped

RECORDS = "1,Bitcoin,BTC,2021-01-01 23:59:59,2,1,1,2,0,0\n2,Bitcoin,BTC,2021-01-02 23:59:59,2,1,1,2,0,0\n"
COINS = "SNo,Name,Symbol,Date,High,Low,Open,Close,Volume,Marketcap\n" + RECORDS
FRAME = pl.read_csv(COINS.encode())
OTHERS = {name: one for name, one in all_sources().items() if one is not SOURCE}


def written(write: Callable[[io.BytesIO], object]) -> bytes:
    content = io.BytesIO()
    write(content)
    return content.getvalue()


def tar() -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("coin.csv"), io.BytesIO())
    return packed.getvalue()


def sqlite() -> bytes:
    with sqlite3.connect(":memory:") as database:
        database.execute("create table coins (name)")
        return database.serialize()


BINARY: dict[str, tuple[bytes, str]] = {
    "Arrow or Feather": (written(FRAME.write_ipc), "export it as CSV"),
    "an Arrow stream": (written(FRAME.write_ipc_stream), "export it as CSV"),
    "Avro": (written(FRAME.write_avro), "export it as CSV"),
    "ORC": (b"ORC\x11\0\0\x0a\x06" + bytes(99), "export it as CSV"),
    "HDF5": (b"\x89HDF\r\n\x1a\n\0\0\0\0" + bytes(99), "export it as CSV"),
    "a NumPy array": (written(lambda out: np.save(out, np.arange(3))), "export it as CSV"),
    "an SQLite database": (sqlite(), "export its table as CSV"),
    "a Python pickle": (pickle.dumps(FRAME.to_dicts()), "export it as CSV"),
    "an old Excel workbook": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(99), "save its sheet as CSV"),
    "bzip2": (bz2.compress(COINS.encode()), "unpack it"),
    "xz": (lzma.compress(COINS.encode()), "unpack it"),
    "LZMA": (lzma.compress(COINS.encode(), lzma.FORMAT_ALONE), "unpack it"),
    "Zstandard (zst)": (b"\x28\xb5\x2f\xfd\x20\x03\x19\0\0abc", "unpack it"),
    "LZ4": (b"\x04\x22\x4d\x18\x64\x40\xa7\0\0abc", "unpack it"),
    "7z": (b"7z\xbc\xaf\x27\x1c\0\x04" + bytes(99), "unpack it"),
    "RAR": (b"Rar!\x1a\x07\x01\0" + bytes(99), "unpack it"),
    "a tar archive": (tar(), "unpack it"),
    "a PDF": (b"%PDF-1.7\n\xe2\xe3\xcf\xd3\n1 0 obj\n\0", "export its table as CSV"),
    "an image (PNG)": (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "fetch or save the data again"),
    "an image (JPEG)": (b"\xff\xd8\xff\xe0\0\x10JFIF", "fetch or save the data again"),
    "UTF-32 text": (COINS.encode("utf-32"), "save it as UTF-8"),
}  # fmt: skip


def why(head: bytes) -> str:
    """Why nothing is read of such a file, as a user sees it."""
    try:
        return recognise(head, SOURCE.layouts).problem or ""
    except FileRefused as error:
        return str(error)


@pytest.mark.parametrize("name", BINARY)
@pytest.mark.parametrize("length", [None, 300_000])
def test_a_binary_format_is_named_with_what_to_do(name: str, length: int | None) -> None:
    content, advice = BINARY[name]
    told = why(content if length is None else content.ljust(length, b"\1"))
    assert told.startswith(name)
    assert "binary data, not text" in told
    assert advice in told


def test_what_is_packed_twice_says_so() -> None:
    assert why(gzip.compress(COINS.encode())).startswith("gzip; binary data, not text: unpack it once")
    assert why(zipped({"a.csv": COINS.encode()})).startswith("zip; binary data, not text: unpack it once")


def test_binary_data_of_no_format_that_is_known_and_unmarked_utf16_are_told_apart() -> None:
    assert why(bytes(range(256)) * 9).startswith(
        "binary data, not text, of no format that is known here; expected CSV, JSON or"
    )
    assert "UTF-16 without a byte order mark: save it as UTF-8" in why(COINS.encode("utf-16-le"))


TEXTS = {
    "HTML": ("<!DOCTYPE html>\n<html><head><title>403</title>", "an HTML page, not CSV: an error or login page"),
    "html": ("  \n<html lang=en>\n", "an HTML page"),
    "XML": ('<?xml version="1.0"?>\n<Error><Code>AccessDenied</Code></Error>', "XML, not CSV: an error of a download?"),
    "JSON": (json.dumps(FRAME.to_dicts()), "JSON, not CSV: convert it to CSV"),
    "JSON lines": ('{"Name": "a", "Symbol": "b"}\n{"Name": "c"}\n', "JSON, not CSV"),
    "pretty JSON": (json.dumps({"coins": [1]}, indent=2), "JSON, not CSV"),
    "JSON in one line": (json.dumps([{"Name": "a"}] * 30_000), "JSON, not CSV"),
    "JSON of numbers": ("[[1609459200000, 1.5], [1609545600000, 2]]", "JSON, not CSV"),
    "Git LFS": (
        "version https://git-lfs.github.com/spec/v1\noid sha256:1\n",
        "a Git LFS pointer, not CSV: the data are",
    ),
    "SQL": ("INSERT INTO coins VALUES (1, 'a');\n", "SQL, not CSV"),
    "PDF": ("%PDF-1.4\n1 0 obj\n", "a PDF, not CSV"),
}


@pytest.mark.parametrize("name", TEXTS)
def test_another_kind_of_text_is_named_with_what_to_do(name: str) -> None:
    content, told = TEXTS[name]
    assert why(content.encode()).startswith(told)
    assert why(content.encode("utf-8-sig")).startswith(told)


ABOVE = {
    "sep=;\n" + COINS.replace(",", ";"): "line 2: line 1 is 'sep=;'",
    "https://www.cryptodatadownload.com\n" + COINS: "line 2: line 1 is 'https://www.cryptodatadownload.com'",
    "# exported on 2021-01-01, by me\n" + COINS: "line 2: line 1 is '# exported on 2021-01-01, by me'",
    'My "best" coins\n\n' + COINS: "line 3: line 1 is 'My \"best\" coins'",
    "Coins,,,,,,,,,\nof,,2021,,,,,,,\n" + COINS: "line 3: line 1 is 'Coins,,,,,,,,,'",
    "1,2,3\n" + COINS: "line 2: line 1 is '1,2,3'",
}


@pytest.mark.parametrize("text", ABOVE)
def test_a_line_above_the_header_is_shown_with_the_headers_line(text: str) -> None:
    assert why(text.encode()).startswith(f"a line above the header, which is in {ABOVE[text]}; delete what is above it")


@pytest.mark.parametrize("line", ["sep=,", "# my coins, 2021", "https://a.b/c.csv", "// coins"])
def test_a_line_above_the_header_is_known_without_any_header(line: str) -> None:
    told = why(f"{line}\na,b,c\n1,2,3\n".encode())
    assert told.startswith(f"a line above the header: line 1 is {line!r}; delete it")
    assert "'Symbol', 'Date'" in told


@pytest.mark.parametrize(
    "text",
    [RECORDS, RECORDS.replace(",", ";"), "1,ADIL,ADIL,2021-01-01 23:59:59,2,2,2,2,0,0\n", "2021-01-01,a\n"],
)
def test_a_missing_header_is_told_by_the_values_in_its_place(text: str) -> None:
    told = why(text.encode())
    assert told.startswith("no header: line 1 holds values ('")
    assert "put a line above it with the column names ['Name', 'Symbol', 'Date', 'High'" in told


def test_a_header_of_another_source_names_it() -> None:
    told = of_another(list(OTHERS["stock_prices"].layouts[0].columns), [], OTHERS.values()) or ""
    assert "it has the columns of source stock_prices: move it to raw/stock_prices/" in told
    assert "`cryptodudez land stock_prices`" in told
    assert of_another(["alpha"], [], OTHERS.values()) is None


@pytest.mark.parametrize("name", ["deposits", "withdrawals", "events", "user_levels"])
def test_a_file_that_lacks_a_column_is_not_of_a_source_that_needs_few(name: str) -> None:
    layout = OTHERS[name].layouts[0]
    needed = layout.missing_from([])
    others = [one for one in OTHERS.values() if one.name != name]
    for gone in needed:
        left = [column for column in needed if column != gone]
        assert of_another(left, [layout], others) is None


def test_a_repeated_name_is_said() -> None:
    told = why(COINS.replace("Open", "Close", 1).encode())
    assert told == "a column name repeats in the header: ['Close']; rename or delete all but one"


def test_numbers_with_decimal_commas_are_known() -> None:
    rows = "".join(f"1;Bitcoin;BTC;2021-01-0{n} 23:59:59;{n},5;1;1;1;0;0\n" for n in range(1, 9))
    told = why((COINS.splitlines()[0].replace(",", ";") + "\n" + rows).encode())
    assert (
        "column High changed its type: expected Float64, found text such as '1,5' (without thousands separators" in told
    )


def test_an_unknown_delimiter_is_guessed_at() -> None:
    assert "only one column was found, 'SNo~Name~Symbol~" in why(COINS.replace(",", "~").encode())


def test_names_that_look_alike_are_shown_so_that_they_differ() -> None:
    told = why(COINS.replace("Symbol", "\ufeffSymbol", 1).encode())
    assert "['Symbol']; unknown in their place: ['\\ufeffSymbol']" in told


@pytest.mark.parametrize(
    ("path", "told"),
    [
        (OTHERS["stock_market"].layouts[0].path, "that ends in <stocks or etfs>/<symbol>.csv"),
        (r"(?P<day>\d{4}-\d\d-\d\d)_(?P<coin>[a-z]+)\.csv$", "that ends in <day>_<coin>.csv"),
        (r"a+(?P<x>b(c|d))", "that tells x"),
    ],
)
def test_a_path_is_described_without_a_regular_expression(path: str, told: str) -> None:
    assert path_in_words(path) == told


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["[Content_Types].xml", "xl/workbook.xml"], "an Excel workbook (xlsx), not an archive of CSV files: save its"),
        (["[Content_Types].xml", "xl/workbook.bin"], "an Excel workbook (xlsx)"),
        (["mimetype", "content.xml", "META-INF/manifest.xml"], "an OpenDocument file such as a spreadsheet (ods)"),
        (["[Content_Types].xml", "word/document.xml"], "a Word document"),
        (["a.npy", "b.npy"], "NumPy arrays (npz)"),
    ],
)
def test_a_document_that_is_a_zip_is_named(names: list[str], told: str) -> None:
    assert (document(names) or "").startswith(told)


def test_archives_of_files_are_no_documents() -> None:
    assert document(["a.csv", "xl/b.csv", "word.xml"]) is None


PACKED = gzip.compress(COINS.encode() * 200, mtime=0)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (PACKED + b"more", "bytes follow the end of the gzip that are none of it; pack the file again, alone"),
        (PACKED[:-9], "it was cut off; fetch the file again"),
        (PACKED[:60], "it was cut off; fetch the file again"),
        (PACKED[:-6] + b"\1\2" + PACKED[-4:], "CRC check failed"),
        (zipped({"a.csv": COINS.encode()})[:-30], "it was cut off; fetch the file again"),
    ],
)
def test_a_damaged_archive_says_how(tmp_path: Path, content: bytes, told: str) -> None:
    path = tmp_path / "packed"
    path.write_bytes(content)
    with pytest.raises(FileRefused) as refused:
        unpack(path)
    assert told in str(refused.value)


def unpack(path: Path) -> None:
    with path.open("rb") as opened:
        format_ = format_of(opened.read(9))
        member = "a.csv" if format_ == "zip" else None
        with Container(opened).text(format_, member, path.stat().st_size) as text:
            text.read()
