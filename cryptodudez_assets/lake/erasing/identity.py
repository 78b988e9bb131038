"""Whose identity is to go, what stands in its place, and how it is found in text. Reads and writes nothing.

An identity is found as a whole word: `user-1` is not in `user-12`. Where a column says that it holds such identities, any value is
taken at its word; in other text only one that can hardly be anything else, so that nobody's amount of 42 becomes somebody.
"""

import hmac
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property

from cryptodudez_assets.sources.text import RANGES

ERASED = "erased-"
"""Pseudonyms begin so."""
PSEUDONYM_LENGTH = 32
KEY_ID_LENGTH = 16
CUT_OFF = ("…", "\\u2026")  # ends a text that is too long to be shown whole, also as JSON has it
LEAST_OF_IT = 8  # characters of an identity that is cut off so
DISTINCTIVE_LENGTH, LONG_LENGTH, LONG_NUMBER_LENGTH = 6, 16, 12
NO_NEIGHBOUR = "[0-9A-Za-z_-]"  # what a word does not end beside
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
    """A regular expression of what looks like it: as many letters or digits, the same characters between them."""
    runs = re.findall(r"[0-9A-Za-z]+|[^0-9A-Za-z]", value)
    return "".join(
        f"[0-9A-Za-z]{{{len(run)}}}" if run[0].isascii() and run[0].isalnum() else re.escape(run) for run in runs
    )


def is_distinctive(value: str) -> bool:
    """Whether the word can hardly mean anything else: letters with digits or signs, or very many letters."""
    if value.isdigit() or len(value) < DISTINCTIVE_LENGTH:
        return False
    return not value.isalpha() or len(value) >= LONG_LENGTH


def is_telling(value: str) -> bool:
    """Whether it is, or is a number so long that in free text it means the same."""
    return is_distinctive(value) or (value.isdigit() and len(value) >= LONG_NUMBER_LENGTH)


def bare(text: str) -> str:
    """A value as columns have it: without the characters around it that nobody sees."""
    return AROUND.sub("", text)


@dataclass(frozen=True)
class Names:
    """Identities of one kind that are to go, each with its pseudonym. `are_cut`: whether what is cut off by an ellipsis goes, too."""

    kind: str
    instead: Mapping[str, str]
    mode: Mode = Mode.PSEUDONYMISE
    are_cut: bool = False

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
        return Names(self.kind, {value: self.instead[value] for value in values}, self.mode)

    @cached_property
    def hints(self) -> list[str]:
        """One of these is in every text in which one of them is."""
        if not self.are_cut:
            return list(self.spelled)
        return list(dict.fromkeys(way[: max(LEAST_OF_IT, 1)] for way in self.spelled))

    @cached_property
    def spelled(self) -> Mapping[str, str]:
        """Every way in which they are written, with what is written in their place: plain, in a CSV's quotes, in JSON."""
        ways = {way: instead for value, instead in self.instead.items() for way in spellings(value)}
        if self.are_cut:
            for value, instead in self.instead.items():
                lengths = range(LEAST_OF_IT, len(value))
                ways |= {value[:length] + end: instead + end for length in lengths for end in CUT_OFF}
        return ways

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """Finds them as whole words."""
        return _words(self.spelled)

    @cached_property
    def _in_bytes(self) -> re.Pattern[bytes]:
        return re.compile(self.pattern.pattern.encode("utf-8", "surrogatepass"))

    @cached_property
    def _spelled_in_bytes(self) -> Mapping[bytes, bytes]:
        return {way.encode("utf-8", "surrogatepass"): instead.encode() for way, instead in self.spelled.items()}

    @cached_property
    def _hints_in_bytes(self) -> list[bytes]:
        return [hint.encode("utf-8", "surrogatepass") for hint in self.hints]

    def occur_in(self, data: bytes) -> bool:
        """Whether one of them stands in this text (UTF-8)."""
        return any(hint in data for hint in self._hints_in_bytes) and self._in_bytes.search(data) is not None

    def places_in(self, data: bytes) -> Iterator[int]:
        """Where they stand in this text (UTF-8)."""
        if any(hint in data for hint in self._hints_in_bytes):
            yield from (found.start() for found in self._in_bytes.finditer(data))

    def out_of(self, data: bytes) -> tuple[bytes, int]:
        """The text with pseudonyms in their place, and how many."""
        if not any(hint in data for hint in self._hints_in_bytes):
            return data, 0
        return self._in_bytes.subn(lambda found: self._spelled_in_bytes[found.group()], data)

    def out_of_text(self, text: str) -> str:
        """The same of a text."""
        if not any(hint in text for hint in self.hints):  # nearly every text: to look for a word costs far more
            return text
        return self.pattern.sub(lambda found: self.spelled[found.group()], text)

    def of(self, value: object) -> str | None:
        """The identity that this value of a tagged column is; None where it is none of these."""
        told = None if value is None or isinstance(value, bool) else bare(str(value))
        return told if told in self.instead else None


def spellings(value: str) -> list[str]:
    """Every way in which a value is written in text."""
    in_json = (json.dumps(value, ensure_ascii=is_ascii)[1:-1] for is_ascii in (True, False))
    ways = [value, value.replace('"', '""'), *in_json]
    return list(dict.fromkeys([*ways, *(way.replace("/", "\\/") for way in ways)]))


def _words(ways: Iterable[str]) -> re.Pattern[str]:
    either = "|".join(sorted(map(re.escape, ways), key=len, reverse=True)) or r"(?!)"
    return re.compile(f"(?<!{NO_NEIGHBOUR})(?:{either})(?!{NO_NEIGHBOUR})")
