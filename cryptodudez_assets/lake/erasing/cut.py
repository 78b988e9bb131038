"""What is left of an identity in text that was cut by an ellipsis: its beginning before that sign, its end behind it, or both.

Whole ones are no matter of this module, nor which texts may have been cut.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

SIGNS = ("…", "u2026")
"""One of these is in every text that was cut: the sign itself, or as JSON writes it."""
ELLIPSIS = re.compile(r"( ?)(?:…|\\+u2026)( ?)".encode())
LEAST_OF_IT = 8
"""Bytes of an identity, before and behind the sign together, by which it is told."""
BEGINS = re.compile(rb"(?:^|[^0-9A-Za-z_-]|\\[nrt])\Z")
ENDS = re.compile(rb"(?![0-9A-Za-z_-])")


@dataclass(frozen=True)
class Piece:
    """Where a piece of an identity is in a text, and what is to be there."""

    start: int
    end: int
    instead: bytes


def pieces(text: bytes, ways: Mapping[bytes, bytes], others: Collection[bytes] = ()) -> Iterator[Piece]:
    """The pieces in a text (UTF-8) of what is written in one of these ways, in their order, each with what is to be in its place.

    A piece that may as well be of one of `others` is none: whose it is cannot be told.
    """
    done = 0
    for sign in ELLIPSIS.finditer(text):
        found = max(
            (_beside(text, sign, way, done) for way in ways), key=lambda one: one[0] + one[1], default=(0, 0, b"")
        )
        before, behind, way = found
        head, tail = way[:before], way[len(way) - behind :]
        if before + behind < LEAST_OF_IT or any(one.startswith(head) and one.endswith(tail) for one in others):
            continue
        # One alone has to be long enough; it is, as the other is nothing then.
        if before:
            yield Piece(sign.start() - before, sign.start(), ways[way])
        if behind:
            yield Piece(sign.end(), sign.end() + behind, ways[way])
        done = sign.end() + behind


def _beside(text: bytes, sign: re.Match[bytes], way: bytes, since: int) -> tuple[int, int, bytes]:
    """How many bytes of its beginning stand before the sign, and how many of its end behind it; as whole words."""
    most = len(way) - 1
    before = (
        n
        for n in range(min(most, sign.start() - since), 0, -1)
        if text.endswith(way[:n], since, sign.start())
        and BEGINS.search(text, max(0, sign.start() - n - 2), sign.start() - n)
    )
    behind = (
        n
        for n in range(min(most, len(text) - sign.end()), 0, -1)
        if text.startswith(way[-n:], sign.end()) and ENDS.match(text, sign.end() + n)
    )
    return next(before, 0), next(behind, 0), way


def without(text: bytes, ways: Mapping[bytes, bytes], others: Collection[bytes] = ()) -> tuple[bytes, int]:
    """The text without these pieces, and how many there were."""
    parts, done, n = list[bytes](), 0, 0
    for n, piece in enumerate(pieces(text, ways, others), 1):  # noqa: B007  (how many is told below)
        parts += [text[done : piece.start], piece.instead]
        done = piece.end
    return (b"".join([*parts, text[done:]]), n) if n else (text, 0)
