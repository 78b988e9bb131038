"""Draw nasty files: subject, dialect, damage and packing, with the truth about each."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from cryptodudez_assets_tests.nasty import damage, dialects, packing
from cryptodudez_assets_tests.nasty.damage import Draft, Line
from cryptodudez_assets_tests.nasty.packing import Packing
from cryptodudez_assets_tests.nasty.subjects import Subject

# What goes with damage of single records without changing what it means.
BESIDE = [damage.nothing, damage.nothing, damage.blank_lines, damage.more_columns, damage.control_characters]


@dataclass(frozen=True)
class Truth:
    """What must become of a file: rows of the table in the subject's canonical columns; what must be said of bad records, by
    line; what must be said of all of it, if it is set aside."""

    good: list[tuple[object, ...]]
    bad: dict[int, tuple[str, ...]]
    whole: tuple[str, ...]
    records: int


@dataclass(frozen=True)
class NastyFile:
    """A file with its truth; `told` says what is nasty about it."""

    name: str
    content: bytes
    truth: Truth
    told: str


def nasty_files(subject: Subject, n: int, seed: int) -> Iterator[NastyFile]:
    """Files with every kind of damage, in every packing, in dialects as they come."""
    rng = random.Random(seed)
    kinds: list[tuple[Callable[[Draft], None], list[Packing]]] = [
        *((kind, packing.READ) for kind in (*damage.ROWS, *damage.HARMLESS, *damage.ROWS, *damage.WHOLE)),
        *((damage.nothing, [packed]) for packed in packing.SET_ASIDE),
    ]
    for number in range(n):
        kind, packings = kinds[number % len(kinds)]
        yield _drawn(rng, subject, number, kind, rng.choice(packings))


def _drawn(
    rng: random.Random, subject: Subject, number: int, kind: Callable[[Draft], None], packed: Packing
) -> NastyFile:
    dialect = dialects.drawn(rng, subject)
    lines = [Line(subject.record(rng, f"N{number}X{row}", row)) for row in range(rng.randint(4, 12))]
    draft = Draft(rng, subject, dialect, number, list(dialect.header), lines)
    beside = rng.choice(BESIDE) if kind in damage.ROWS else damage.nothing
    beside(draft)
    kind(draft)
    text, truth = _written(draft)
    told = f"{number:04} {kind.__name__} {beside.__name__} {packed.ending} {draft.dialect}"
    if packed.whole:
        truth = Truth([], {}, packed.whole, 0)
    name = f"{number % 7}/{number:04}-{kind.__name__}.{packed.ending}"
    return NastyFile(name, packed.pack(draft.dialect.encoded(text)), truth, told)


def _written(draft: Draft) -> tuple[str, Truth]:
    if draft.content is not None:
        return draft.content, Truth([], {}, draft.whole, 0)
    end = draft.dialect.line_end
    text = draft.above + end if draft.above else ""
    if not draft.no_header:
        text += draft.dialect.names(draft.header) + end
    good, bad = [], {}
    for line in draft.lines:
        if line.bad:
            bad[1 + text.count("\n")] = line.bad
        elif line.text is None and not draft.whole:
            good.append(draft.subject.become(line.record))
        text += draft.written(line) + end
    text = text if draft.ends else text.removesuffix(end)
    records = sum(line.counts for line in draft.lines)
    return text, Truth([], {}, draft.whole, records) if draft.whole else Truth(good, bad, (), records)
