"""Whose identity is to go, what stands in its place, and how it is found in text. Reads and writes nothing.

An identity is found as a whole word: `user-1` is not in `user-12` nor in `user-1@example.org`. One that has dots or such in itself is
neither in a longer word that has more of them (`john.doe` in `john.doe.smith`), nor is a number in one with a fraction. Where a column
says that it holds such identities, any value is taken at its word; in other text only one that can hardly be anything else, so that
nobody's amount of 42 becomes somebody.
"""

import hmac
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property

from cryptodudez_assets.lake.erasing import cut
from cryptodudez_assets.sources.text import RANGES

ERASED = "erased-"
"""Pseudonyms begin so."""
PSEUDONYM_LENGTH = 32
KEY_ID_LENGTH = 16
DISTINCTIVE_LENGTH, LONG_LENGTH, LONG_NUMBER_LENGTH = 6, 16, 12
NO_NEIGHBOUR = "[0-9A-Za-z_-]"  # what a word does not end beside
JOINS = "[.@+]"  # what makes one word of two, where it stands between them: a dot that ends a sentence does not
A_FILE = rf"\.(?:csv|tsv|txt|jsonl?|ndjson|parquet|zip|gz|log)(?!{NO_NEIGHBOUR})"  # nor does one before what a file is
JOINED_ON = f"(?!{A_FILE}){JOINS}{NO_NEIGHBOUR}"
INVISIBLE = "".join(f"\\U{first:08X}-\\U{last:08X}" for first, last in RANGES)
AROUND = re.compile(f"^[{INVISIBLE}]+|[{INVISIBLE}]+$")


class Mode(StrEnum):
    """What becomes of the rows that tell of an identity."""

    PSEUDONYMISE = "pseudonymise"  # they stay, under a pseudonym
    REMOVE = "remove"  # they go


@dataclass(frozen=True)
class Identity:
    """Somebody or something that is to be forgotten: a value of the columns that are tagged with this kind."""

    kind: str
    value: str

    def pseudonym(self, key: bytes) -> str:
        """What stands in its place: the same for whoever has the key, and nothing to go by for all others."""
        told = f"{self.kind}\0{self.value}".encode("utf-8", "surrogatepass")
        return ERASED + hmac.digest(key, told, "sha256").hex()[:PSEUDONYM_LENGTH]


def key_id(key: bytes) -> str:
    """By which it is told whether a key is the one that was used."""
    return hmac.digest(key, b"which key", "sha256").hex()[:KEY_ID_LENGTH]


def shape_of(value: str) -> str:
    """A regular expression, of bytes, of what looks like it: as many letters or digits, the same ASCII signs between them."""
    runs = re.findall(r"[0-9A-Za-z]+|[^\x00-\x7f]+|[\x00-\x7f]", value)
    return "".join(map(_shape_of_run, runs))


def _shape_of_run(run: str) -> str:
    if not run.isascii():  # which they are would tell who it is
        return rf"(?<![\x80-\xff])(?:[\xc2-\xf4][\x80-\xbf]{{1,3}}){{{len(run)}}}(?![\x80-\xff])"
    return f"[0-9A-Za-z]{{{len(run)}}}" if run.isalnum() else re.escape(run)


def is_distinctive(value: str) -> bool:
    """Whether the word can hardly mean anything else: letters with digits or signs, or very many letters."""
    if value.isdigit() or len(value) < DISTINCTIVE_LENGTH:
        return False
    return not value.isalpha() or len(value) >= LONG_LENGTH


def is_telling(value: str) -> bool:
    """Whether it is, or is a number so long that in free text it means the same."""
    return is_distinctive(value) or (value.isdigit() and len(value) >= LONG_NUMBER_LENGTH)


def is_joined(word: str) -> bool:
    """Whether a dot, at or plus beside it may belong to a longer word of its kind: one that has such itself, or a number."""
    return word.isdigit() or re.search(JOINS, word) is not None


def bare(text: str) -> str:
    """A value as columns have it: without the characters around it that nobody sees."""
    return AROUND.sub("", text)


@dataclass(frozen=True)
class Names:
    """Identities of one kind that are to go, each with its pseudonym.

    `are_cut`: whether pieces of them beside an ellipsis go, too (`cut.py`). `others`: identities that have one of these in them, and stay.
    """

    kind: str
    instead: Mapping[str, str]
    mode: Mode = Mode.PSEUDONYMISE
    are_cut: bool = False
    others: frozenset[str] = frozenset()

    @cached_property
    def distinctive(self) -> "Names":
        """Those that may be looked for in any text."""
        return self._only(one for one in self.instead if is_distinctive(one))

    @cached_property
    def telling(self) -> "Names":
        """Those that may be looked for in text that no table is made of: what was said, logs, what was set aside."""
        told = self._only(one for one in self.instead if is_telling(one))
        return replace(told, are_cut=True)

    def _only(self, values: Iterable[str]) -> "Names":
        return replace(self, instead={value: self.instead[value] for value in values}, are_cut=False)

    @cached_property
    def alone(self) -> "Names":
        """The same, whoever else has one in the name: for finding what is then looked at field by field."""
        return replace(self, others=frozenset())

    @cached_property
    def hints(self) -> list[str]:
        """One of these is in every text in which one of them is."""
        return [*self._theirs, *(cut.SIGNS if self.are_cut else ())]

    @cached_property
    def spelled(self) -> Mapping[str, str]:
        """Every way in which they are written, with what is written in their place; whoever else has one in the name keeps it."""
        if not self.instead:
            return {}
        return self._theirs | {way: way for other in self.others for way in spellings(other)}

    @cached_property
    def _theirs(self) -> dict[str, str]:
        """The ways in which they are written: plain, in a CSV's quotes, in JSON."""
        return {way: instead for value, instead in self.instead.items() for way in spellings(value)}

    @cached_property
    def _in_bytes(self) -> re.Pattern[bytes]:
        """Finds them as whole words."""
        return re.compile(in_utf8(_words(self.spelled)))

    @cached_property
    def _spelled_in_bytes(self) -> Mapping[bytes, bytes]:
        return _all_in_utf8(self.spelled)

    @cached_property
    def _may_be_cut(self) -> Mapping[bytes, bytes]:
        return _all_in_utf8(self._theirs if self.are_cut else {})

    @cached_property
    def _others_in_bytes(self) -> list[bytes]:
        return list(map(in_utf8, sorted(self.others)))

    @cached_property
    def _hints_in_bytes(self) -> list[bytes]:
        return [in_utf8(hint) for hint in self.hints]

    def occur_in(self, data: bytes) -> bool:
        """Whether one of them stands in this text (UTF-8)."""
        return next(self.places_in(data), None) is not None

    def places_in(self, data: bytes) -> Iterator[int]:
        """Where they stand in this text (UTF-8)."""
        if any(hint in data for hint in self._hints_in_bytes):
            found = self._in_bytes.finditer(data)
            yield from (one.start() for one in found if self._spelled_in_bytes[one.group()] != one.group())
            yield from (one.start for one in cut.pieces(data, self._may_be_cut, self._others_in_bytes))

    def out_of(self, data: bytes) -> tuple[bytes, int]:
        """The text with pseudonyms in their place, and how many."""
        if not any(hint in data for hint in self._hints_in_bytes):
            return data, 0
        n = 0

        def without(found: re.Match[bytes]) -> bytes:
            nonlocal n
            instead = self._spelled_in_bytes[found.group()]
            n += instead != found.group()
            return instead

        whole = self._in_bytes.sub(without, data)
        text, n_pieces = cut.without(whole, self._may_be_cut, self._others_in_bytes)
        return text, n + n_pieces

    def out_of_text(self, text: str) -> str:
        """The same of a text."""
        if not any(hint in text for hint in self.hints):  # nearly every text: to look for a word costs far more
            return text
        return self.out_of(in_utf8(text))[0].decode("utf-8", "surrogatepass")

    def of(self, value: object) -> str | None:
        """The identity that this value of a tagged column is; None where it is none of these."""
        told = None if value is None or isinstance(value, bool) else bare(str(value))
        return told if told in self.instead else None


def in_utf8(text: str) -> bytes:
    """Text as bytes, whatever it holds: half of a character, too."""
    return text.encode("utf-8", "surrogatepass")


def _all_in_utf8(ways: Mapping[str, str]) -> Mapping[bytes, bytes]:
    return {in_utf8(way): in_utf8(instead) for way, instead in ways.items()}


def spellings(value: str) -> list[str]:
    """Every way in which a value is written in text."""
    in_json = (json.dumps(value, ensure_ascii=is_ascii)[1:-1] for is_ascii in (True, False))
    ways = [value, value.replace('"', '""'), *in_json]
    return list(dict.fromkeys([*ways, *(way.replace("/", "\\/") for way in ways)]))


def _words(ways: Iterable[str]) -> str:
    """A regular expression that finds these as whole words."""
    words = sorted(ways, key=len, reverse=True)
    joined, plain = (
        "|".join(re.escape(one) for one in words if is_joined(one) == wanted) or r"(?!)" for wanted in (True, False)
    )
    return (
        f"(?<!{NO_NEIGHBOUR})(?:(?<!{NO_NEIGHBOUR}{JOINS})(?:{joined})(?!{JOINED_ON})|(?:{plain})(?!@{NO_NEIGHBOUR}))"
        f"(?!{NO_NEIGHBOUR})"
    )
