"""The first record of a text as a header: the names in it by delimiter, and why they are those of no layout, for people.

What else than a table a file can be is in `formats.py`.
"""

import codecs
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice

from cryptodudez_assets.lake.formats.archives import FileRefused
from cryptodudez_assets.lake.formats.csv.records import CsvRecord, first_record
from cryptodudez_assets.lake.formats.forms import SHOWN, shown
from cryptodudez_assets.sources.declaration import Layout, Source

DELIMITERS = ",;\t|"
LINES_ABOVE = 30
NAMES_SHOWN = 20
VALUE = re.compile(
    r"[-+]?[0-9.,]*[0-9][0-9.,]*(?:[eE][-+]?[0-9]+)?|[0-9]{1,4}[-/.][0-9]{1,2}[-/.][0-9]{1,4}(?:[ T].*)?"
)
# What stands above a header although no layout's header follows.
NO_HEADER = re.compile(r"sep=.|#|//|--|https?://", re.I)


def headers(text: bytes, is_all: bool) -> dict[str, tuple[CsvRecord, tuple[str, ...]]]:
    """The first record, and the names in it, as each delimiter tells them. Raises Refused where there is none."""
    return {delimiter: _header(text, delimiter, is_all) for delimiter in DELIMITERS}


def _header(text: bytes, delimiter: str, is_all: bool) -> tuple[CsvRecord, tuple[str, ...]]:
    record = first_record(text, delimiter, final=is_all)
    if record is None:
        raise FileRefused("empty file" if is_all else f"no header within the first {len(text):,} bytes")
    return record, names_of(record, text)


def names_of(record: CsvRecord, text: bytes) -> tuple[str, ...]:
    """The names in a header; all of it where it cannot be told what they are."""
    fields = [text[record.start : record.end].decode("utf-8", "replace")] if record.fault else record.fields
    return tuple(_distinct([clean(name).strip() for name in fields]))


def _distinct(names: Sequence[str]) -> Iterator[str]:
    """Names as they are. Further columns without a name are told apart by a blank and their number: no name begins so."""
    first = names.index("") if "" in names else -1
    for index, name in enumerate(names):
        yield name or ("" if index == first else f" column {index + 1}")


def clean(text: str) -> str:
    """Without surrogates, which stand for bytes that are no text."""
    return text if text.isascii() else text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def no_header(text: bytes, header: Sequence[str], layouts: Sequence[Layout]) -> str | None:
    """Why the first line, which is the header of no layout, is no header at all; None where it may be one."""
    lines = text.split(b"\n", LINES_ABOVE)[:LINES_ABOVE]
    first = clean(lines[0].decode("utf-8", "surrogateescape")).strip()
    for number, line in enumerate(lines[1:], 2):
        if _is_header(line, layouts):
            above = f"line 1 is {shown(first)}" if first else "there are empty lines"
            return f"a line above the header, which is in line {number}: {above}; delete what is above it"
    if NO_HEADER.match(first):
        return f"a line above the header: line 1 is {shown(first)}; delete it, so that the file begins with {_names(layouts)}"
    known = {name.lower() for layout in layouts for name in layout.columns}
    values = [name for name in header if VALUE.fullmatch(name)]
    if values and not known & {name.lower() for name in header}:
        told = ", ".join(shown(value) for value in values[:3])
        return f"no header: line 1 holds values ({told}) in place of names; put a line above it with {_names(layouts)}"
    return None


def _is_header(line: bytes, layouts: Sequence[Layout]) -> bool:
    """Whether these are a layout's names, whatever the delimiter."""
    line = line.removeprefix(codecs.BOM_UTF8)  # which files have in the middle that were joined
    for delimiter in DELIMITERS:
        record = first_record(line, delimiter)
        if record and any(not layout.missing_from(names_of(record, line)) for layout in layouts):
            return True
    return False


def of_another(header: Sequence[str], layouts: Sequence[Layout], others: Iterable[Source]) -> str | None:
    """Says which other source's columns these are, and how its files are landed; None where they are nobody's.

    A file of these `layouts` that lacks a column may have all of a source that needs few: it is of whom knows more of its columns.
    """
    ours = max((_known(layout, header) for layout in layouts), default=0)
    theirs = next((one for one in others if any(_all_of(layout, header, ours) for layout in one.layouts)), None)
    if theirs is None:
        return None
    told = f"no known layout: it has the columns of source {theirs.name}"
    return f"{told}: move it to raw/{theirs.raw}/ or land it with `cryptodudez land {theirs.name}`"


def _known(layout: Layout, header: Sequence[str]) -> int:
    return sum(column in header for column in layout.columns)


def _all_of(layout: Layout, header: Sequence[str], ours: int) -> bool:
    """Whether a header has all that this layout needs, and more of it than of our own."""
    return not layout.missing_from(header) and _known(layout, header) > ours


def why_unknown(header: Sequence[str], layouts: Sequence[Layout]) -> str:
    """Why a header is that of no layout."""
    if len(header) == 1 and len(layouts[0].columns) > 1:
        fields = "a comma, a semicolon, a tab or a bar between fields"
        return (
            f"no known layout: only one column was found, {shown(header[0])}; expected {_names(layouts)}, with {fields}"
        )
    return of_no_layout(header, layouts, "a header")


def of_no_layout(names: Sequence[str], layouts: Sequence[Layout], what: str) -> str:
    """Why these names, which are `what`, are those of no layout."""
    nearest = nearest_of(layouts, lambda layout: layout.missing_from(names), names)
    missing, added = nearest.missing_from(names), nearest.added_in(names)
    near = nearly(missing, added)
    if not near and not set(names) & set(nearest.columns):
        return f"no known layout: expected {what} such as {list(nearest.columns)}, found {all_shown(names)}"
    renamed = f"; unknown in their place: {added} (renamed?)" if added else ""
    return f"required columns missing for layout {nearest.name}: {missing}{renamed}{nearly_in_words(near)}"


def nearest_of(layouts: Sequence[Layout], lacking: Callable[[Layout], list[str]], names: Sequence[str]) -> Layout:
    """The layout of which these names lack the least; one that is merely written otherwise is not quite lacking."""

    def distance(layout: Layout) -> tuple[int, int]:
        missing = lacking(layout)
        return len(missing) - len(nearly(missing, names)), len(missing)

    return min(layouts, key=distance)


def nearly(missing: Sequence[str], names: Iterable[str]) -> dict[str, str]:
    """Of the columns that are missing those whose name is there in other letters (`User ID` for `user_id`), each with that name."""
    alike: dict[str, list[str]] = {}
    for name in names:
        alike.setdefault(_letters(name).casefold(), []).append(name)
    found = {name: alike.get(_letters(name).casefold(), []) for name in missing}
    # Where names differ in letter case alone, the same letters are nearer.
    return {name: max(near, key=lambda one: _letters(one) == _letters(name)) for name, near in found.items() if near}


def nearly_in_words(near: Mapping[str, str]) -> str:
    """What to do about names that are there in other letters; nothing where none is."""
    told = ", ".join(f"{name} instead of {shown(found)}" for name, found in near.items())
    return f"; only letter case, blanks or marks differ: write {told}" if told else ""


def _letters(name: str) -> str:
    """A name without what people write one way or another; itself where nothing else is in it."""
    return "".join(filter(str.isalnum, name)) or name


def repeated(header: Sequence[str]) -> str | None:
    """Says which names stand twice in the header; None where each is there once."""
    twice = [name for name in dict.fromkeys(header) if header.count(name) > 1]
    if not twice:
        return None
    return f"a column name repeats in the header: {all_shown(twice)}; rename or delete all but one"


def path_in_words(path: str) -> str:
    """The ends of paths that a layout's regular expression matches, as people write them."""
    group = r"((?:[^()\[\]]|\[[^\]]*\])*)"
    told = re.sub(rf"\(\?<?[=!]{group}\)", "", path)
    told = re.sub(rf"\(\?P<(\w+)>{group}\)", _group_in_words, told)
    told = re.sub(r"\((?:\?:)?[^()]*\)[?*]", "", told)
    told = re.sub(r"[\^$]|\\([.\-/ ])", r"\1", told)
    if re.search(r"[\\()\[\]*+?|]", told):
        named = " and ".join(re.compile(path).groupindex)
        return f"that tells {named}" if named else "of another form"
    return f"that ends in {told}"


def _group_in_words(found: re.Match[str]) -> str:
    is_choice = re.fullmatch(r"[\w -]+(\|[\w -]+)*", found[2])
    return f"<{found[2].replace('|', ' or ')}>" if is_choice else f"<{found[1]}>"


def _names(layouts: Sequence[Layout]) -> str:
    return f"the column names {all_shown(list(layouts[0].columns))}"


def all_shown(header: Sequence[str]) -> list[str]:
    """Names of a header, in short."""
    return [name if len(name) <= SHOWN else f"{name[:SHOWN]}…" for name in islice(header, NAMES_SHOWN)]
