"""What can be wrong with the text of a file, each with the truth: which records are good, which are not, what must be said.

Every kind of damage is a function that changes a draft; `ROWS` cost records, `WHOLE` the file, `HARMLESS` nothing.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from cryptodudez_assets_tests.nasty import subjects
from cryptodudez_assets_tests.nasty.dialects import FOREIGN, Dialect
from cryptodudez_assets_tests.nasty.subjects import Record, Subject

BREAKER_FLOOR, BREAKER_SHARE = 20, 0.2


@dataclass
class Line:
    """A line of a file. `text` is written as it stands; otherwise the record. `bad`: what its reason must say; none: it is good."""

    record: Record = field(default_factory=dict)
    text: str | None = None
    bad: tuple[str, ...] = ()
    counts: bool = True


@dataclass
class Draft:
    """A file before it is packed. `whole`: what the reason must say if all of it is set aside."""

    rng: random.Random
    subject: Subject
    dialect: Dialect
    number: int
    header: list[str]
    lines: list[Line]
    above: str = ""
    no_header: bool = False
    ends: bool = True
    whole: tuple[str, ...] = ()
    content: str | None = None

    def some(self) -> Line:
        """A line that is good so far."""
        return self.rng.choice([line for line in self.lines if not line.bad and line.text is None])

    def written(self, line: Line) -> str:
        """A line's text."""
        if line.text is not None:
            return line.text
        return self.dialect.line([line.record.get(name, "more") for name in self.header], self.header, self.subject)

    def insert(self, line: Line) -> None:
        """Put a line somewhere between others."""
        self.lines.insert(self.rng.randint(1, len(self.lines) - 1), line)

    def use(self, **changes: str) -> None:
        """Write in another dialect."""
        self.dialect = replace(self.dialect, **changes)  # type: ignore[arg-type]


def _spoil(draft: Draft, column: str, value: str, *says: str) -> None:
    line = draft.some()
    line.record = {**line.record, column: value}
    line.bad = (column, *(says or (value,)))


def no_number(draft: Draft) -> None:
    column = draft.rng.choice(draft.subject.of("number"))
    _spoil(draft, column, draft.rng.choice(subjects.NO_NUMBERS))


def no_integer(draft: Draft) -> None:
    if whole := draft.subject.of("integer"):
        _spoil(draft, whole[0], draft.rng.choice(subjects.NO_INTEGERS))
    else:
        no_number(draft)


def no_time(draft: Draft) -> None:
    _spoil(draft, draft.subject.time, draft.rng.choice(subjects.NO_TIMES))


def not_finite(draft: Draft) -> None:
    _spoil(draft, draft.rng.choice(draft.subject.of("number")), draft.rng.choice(subjects.NOT_FINITE))


def leap_second(draft: Draft) -> None:
    _spoil(draft, draft.subject.time, "2021-01-01 23:59:60")


def empty_field(draft: Draft) -> None:
    _spoil(draft, draft.rng.choice(draft.subject.required), "", "empty")


def breaks_a_rule(draft: Draft) -> None:
    if not draft.subject.bad:
        no_number(draft)
        return
    column = draft.rng.choice(list(draft.subject.bad))
    _spoil(draft, column, draft.rng.choice(draft.subject.bad[column]))


def several_at_once(draft: Draft) -> None:
    no_number(draft)
    no_time(draft)
    line = draft.some()
    column, time = draft.subject.of("number")[-1], draft.subject.time
    line.record = {**line.record, column: "five", time: "never"}
    line.bad = (column, "five")  # what cannot be read is told before what is made of it


def nul(draft: Draft) -> None:
    column = draft.rng.choice(draft.subject.of("text"))
    _spoil(draft, column, "a\0b", r"a\x00b", "NUL")


def not_utf8(draft: Draft) -> None:
    if not draft.dialect.encoding.startswith("utf-8"):
        draft.use(encoding="utf-8")
    column = draft.rng.choice(draft.subject.of("text"))
    _spoil(draft, column, "caf\udce9", r"caf\xe9", "UTF-8")


def too_short(draft: Draft) -> None:
    n = draft.rng.randint(1, len(draft.header) - 1)
    fields = [f"x{one}" for one in range(n)]
    draft.insert(Line(text=draft.dialect.line(fields), bad=(f"has {n} field", f"expected {len(draft.header)}", "x0")))


def too_long(draft: Draft) -> None:
    n = len(draft.header) + draft.rng.randint(1, 3)
    fields = [f"x{one}" for one in range(n)]
    draft.insert(Line(text=draft.dialect.line(fields), bad=(f"has {n} fields", f"expected {len(draft.header)}", "x0")))


def header_again(draft: Draft) -> None:
    mark = "" if draft.rng.random() < 0.5 else "\ufeff"
    if draft.dialect.quotes != "needed" or draft.dialect.encoding == "latin-1":
        mark = ""
    draft.insert(Line(text=mark + draft.dialect.names(draft.header), bad=("the header is repeated",)))


def unclosed_quote(draft: Draft) -> None:
    draft.use(quotes="needed")
    fields = ["x"] * (len(draft.header) - 1)
    draft.insert(Line(text=draft.dialect.separator.join([*fields, '"open']), bad=("quote", "not closed", '"open')))


def stray_quote(draft: Draft) -> None:
    fields = ["x"] * (len(draft.header) - 1)
    draft.insert(Line(text=draft.dialect.separator.join(['"a"b', *fields]), bad=("quote", "middle of a field", '"a"b')))


def cut_off(draft: Draft) -> None:
    last = draft.lines[-1]
    keep = draft.rng.randint(1, len(draft.header) - 1)
    fields = [last.record.get(name, "more") for name in draft.header[:keep]]
    text = draft.dialect.line(fields, draft.header[:keep], draft.subject)
    draft.lines[-1] = Line(text=text, bad=(f"has {keep} field", f"expected {len(draft.header)}"))
    draft.ends = False


ROWS: list[Callable[[Draft], None]] = [
    *(
        no_number,
        no_integer,
        no_time,
        not_finite,
        leap_second,
        empty_field,
        breaks_a_rule,
        several_at_once,
        nul,
        not_utf8,
    ),
    *(too_short, too_long, header_again, unclosed_quote, stray_quote, cut_off),
]


def nothing(draft: Draft) -> None:
    pass


def no_last_line_end(draft: Draft) -> None:
    draft.ends = False


def blank_lines(draft: Draft) -> None:
    for _ in range(3):
        draft.insert(Line(text="", counts=False))


def control_characters(draft: Draft) -> None:
    line, column = draft.some(), draft.subject.of("text")[-1 if draft.rng.random() < 0.5 else 0]
    control = draft.rng.choice("\x01\x07\x0b\x0c\x1b\x1f\x7f")
    line.record = {**line.record, column: f"a{control}[2J{draft.number}"}


def difficult_text(draft: Draft) -> None:
    column = draft.subject.of("text")[0]
    for line in draft.lines:
        told = draft.rng.choice(
            [f"a{draft.dialect.separator}b", 'say "so"', "two\nlines", "cr\r\nlf", "x;,|y", "'", "\\"]
        )
        line.record = {**line.record, column: f"{told}.{line.record[column][-9:]}"}


def foreign_text(draft: Draft) -> None:
    column = draft.subject.of("text")[0]
    for line in draft.lines:
        fits = draft.dialect.encoding != "latin-1"
        text = draft.rng.choice(FOREIGN if fits else FOREIGN[:2])
        line.record = {**line.record, column: f"{text}.{line.record[column][-9:]}"}
        if not fits:
            line.bad = (column, "UTF-8")


def more_columns(draft: Draft) -> None:
    for name in draft.rng.sample(["more", "", "Größe", "file_id", " event", "x" * 300], 2):
        if name.isascii() or draft.dialect.encoding != "latin-1":
            draft.header.insert(draft.rng.randint(0, len(draft.header)), name)


def no_records(draft: Draft) -> None:
    draft.header.append(f"unique {draft.number}")
    draft.lines = []


HARMLESS: list[Callable[[Draft], None]] = [
    *(
        nothing,
        no_last_line_end,
        blank_lines,
        control_characters,
        difficult_text,
        foreign_text,
        more_columns,
        no_records,
    ),
]


def column_missing(draft: Draft) -> None:
    lost = draft.rng.choice(draft.subject.of("text", "number", "time"))
    draft.header.remove(lost)
    draft.whole = ("required columns missing", repr(lost))


def column_renamed(draft: Draft) -> None:
    old = draft.rng.choice(draft.subject.of("text", "number", "time"))
    new = draft.rng.choice([old.swapcase(), f"{old}_usd", old.replace("e", "3") + "x"])
    draft.header[draft.header.index(old)] = new
    draft.whole = ("required columns missing", repr(old), repr(new))


def column_twice(draft: Draft) -> None:
    name = draft.rng.choice(draft.subject.of("text", "number", "time"))
    draft.header.append(name)
    draft.whole = ("a column name repeats in the header", repr(name))


def line_above(draft: Draft) -> None:
    lines = [
        f"sep={draft.dialect.separator}",
        "https://example.org/data",
        "# exported by me",
        "My data",
        '"Report"',
        "// x",
    ]
    draft.above = draft.rng.choice(lines)
    draft.whole = ("a line above the header", draft.above.strip(), "delete")


def no_header(draft: Draft) -> None:
    draft.no_header = True
    draft.whole = ("no header", "line 1 holds values", repr(draft.subject.time))


def wrong_type_everywhere(draft: Draft) -> None:
    column = draft.rng.choice(draft.subject.of("number"))
    for line in draft.lines:
        line.record = {**line.record, column: "plenty"}
    draft.whole = (f"column {column} changed its type", "'plenty'")


def too_many_bad(draft: Draft) -> None:
    column = draft.subject.of("number")[0]
    n_bad = BREAKER_FLOOR + 1 + draft.rng.randint(0, 9)
    for _ in range(n_bad):
        draft.lines.append(Line({**draft.lines[0].record, draft.subject.time: f"day {draft.number}"}, bad=(column,)))
    draft.whole = (f"{n_bad} of {len(draft.lines)} rows are bad", draft.subject.time, f"'day {draft.number}'")


def of_another_source(draft: Draft) -> None:
    draft.header = ["symbol", "date", "open", "high", "low", "close", "close_adjusted", "volume", "split_coefficient"]
    draft.header.append(f"unique {draft.number}")
    draft.whole = ("columns of source stock_prices", "raw/stock_prices/")


def strange_columns(draft: Draft) -> None:
    draft.header = ["alpha", "beta", f"gamma {draft.number}"]
    draft.whole = ("no known layout", "expected a header such as", "'alpha'")


def unknown_separator(draft: Draft) -> None:
    draft.use(separator="~", quotes="needed")
    draft.whole = ("only one column was found",)


def no_text_at_all(draft: Draft) -> None:
    draft.content = "\n" * draft.number
    draft.whole = ("empty file",)


def a_web_page(draft: Draft) -> None:
    draft.content = f"<!DOCTYPE html>\n<html><body>Error {draft.number}, please log in</body></html>\n"
    draft.whole = ("an HTML page, not CSV",)


def json_records(draft: Draft) -> None:
    draft.content = f'[{{"number": {draft.number}, "Name": "a"}},\n {{"Name": "b"}}]\n'
    draft.whole = ("JSON", "fields", "layout")


WHOLE: list[Callable[[Draft], None]] = [
    *(column_missing, column_renamed, column_twice, line_above, no_header, wrong_type_everywhere, too_many_bad),
    *(of_another_source, strange_columns, unknown_separator, no_text_at_all, a_web_page, json_records),
]
