"""Text of any language to words, and words to numbers: no fitting, no download, the same for ever.

Words are what is left of a tweet without links, @mentions, HTML entities, emojis, digits, punctuation and stop words.
Each word stands for a fixed random direction: the bits of its hash are the signs of its components. A text is the sum
of its words at unit length, so that texts with common words lie close together (a random projection of word counts).
"""

import hashlib

import polars as pl

from cryptodudez_assets.features.exact import quotient
from cryptodudez_assets.features.stop_words import STOP_WORDS

COMPONENTS = [f"v{number}" for number in range(32)]

NOT_LANGUAGE = r"(?:https?://|www\.|pic\.twitter\.com/)\S+|@\w+(?:['’]s\b)?|&(?:\w+|#\w+);"
# A letter, then letters and the marks that some scripts write vowels with (emojis have marks too: theirs are left out).
MARKS = r"[\p{L}\p{M}--[\x{FE00}-\x{FE0F}\x{20E3}]]"
WORD = rf"\p{{L}}{MARKS}*(?:'\p{{L}}{MARKS}*)*"
# What is written together with a word: l'eau, dell'arte; he's, they've.
ELIDED = r"^(?:[cdjlmnst]|qu|jusqu|lorsqu|puisqu|un|all|dall|dell|nell|sull|quest)'|'(?:d|ll|m|re|s|ve)$"


def with_vectors(tweets: pl.LazyFrame) -> pl.LazyFrame:
    """Rows with `text` and `language`; beside them `clean_text`, `n_tokens` and the vector (zeros without words)."""
    numbered = tweets.with_row_index("number")
    sums = [pl.col(name) * 2 - pl.col("n_tokens") for name in COMPONENTS]
    vectors = (
        _words(numbered)
        .with_columns(hash=pl.col("word").map_batches(_hashes, return_dtype=pl.Int64, is_elementwise=True))
        .group_by("number")
        .agg(
            # How many words point up in each direction; the others point down.
            *((pl.col("hash") & 1 << bit != 0).sum().cast(pl.Int64).alias(name) for bit, name in enumerate(COMPONENTS)),
            clean_text=pl.col("word").str.join(" "),
            n_tokens=pl.len().cast(pl.Int64),
        )
        .with_columns(sums)
        .with_columns(length=pl.sum_horizontal(pl.col(name) ** 2 for name in COMPONENTS).sqrt())
        .with_columns(quotient(pl.col(name), pl.col("length")).alias(name) for name in COMPONENTS)
    )
    rows = numbered.join(vectors, on="number", how="left").drop("number", "length")
    return rows.with_columns(pl.col("clean_text").fill_null(""), pl.col("n_tokens", *COMPONENTS).fill_null(0))


def _words(tweets: pl.LazyFrame) -> pl.LazyFrame:
    """One row per word that carries meaning, in the order of the texts: the number of its tweet, and the word."""
    plain = pl.col("text").str.replace_all(NOT_LANGUAGE, " ").str.to_lowercase().str.replace_all("’", "'", literal=True)
    language = pl.when(pl.col("language").is_in(list(STOP_WORDS))).then("language").otherwise(pl.lit("en"))
    said = tweets.select("number", language=language, word=plain.str.extract_all(WORD)).explode("word")
    has_apostrophe = pl.col("word").str.contains("'", literal=True)
    whole = pl.when(has_apostrophe).then(pl.col("word").str.replace_all(ELIDED, "")).otherwise("word")
    said = said.drop_nulls("word").with_columns(word=whole)
    return said.join(_stop_words(), on=["language", "word"], how="anti", maintain_order="left")


def _stop_words() -> pl.LazyFrame:
    rows = [(language, word) for language, listed in STOP_WORDS.items() for word in sorted(set(listed.split()))]
    return pl.LazyFrame(rows, schema=["language", "word"], orient="row")


def _hashes(words: pl.Series) -> pl.Series:
    """32 bits for each word, by a hash that no library changes."""
    distinct = words.unique()
    digests = (hashlib.blake2b(word.encode(), digest_size=4).digest() for word in distinct)
    return words.replace_strict(distinct, [int.from_bytes(digest) for digest in digests], return_dtype=pl.Int64)
