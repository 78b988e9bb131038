"""Which tweets speak of a term: as users search, case-insensitively in the raw text, with or without the @mentions."""

import polars as pl

MENTION = r"@\w+"


def lowered(text: str) -> list[pl.Expr]:
    """The raw text for searching, and the same without @mentions."""
    raw = pl.col(text).str.to_lowercase()
    return [raw.alias("raw"), raw.str.replace_all(MENTION, " ").alias("without_mentions")]


def contains(column: str, term: str) -> pl.Expr:
    """Whether the term is part of the text, also inside of a word."""
    return pl.col(column).str.contains(term.lower(), literal=True)


def contains_word(column: str, term: str) -> pl.Expr:
    """Whether the term stands in the text as a word: `eth` but not `method`."""
    return pl.col(column).str.contains(rf"\b{_escaped(term.lower())}\b")


def _escaped(term: str) -> str:
    return "".join(letter if letter.isalnum() or letter == " " else f"\\{letter}" for letter in term)
