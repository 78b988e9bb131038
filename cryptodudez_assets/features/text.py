"""Text of any language to words, and words to numbers: no fitting, no download, the same for ever.

Words are what is left of a tweet without links, @mentions, HTML entities, emojis, digits, punctuation and stop words. A word of
more than five letters counts by these five, too, so that `rocket` and `rockets` have something in common.
What counts stands for one of `DIMENSIONS` and a sign, by its hash; a text is their sum at unit length (feature hashing). Texts with
common words lie close together. Hardly any of the numbers is not zero, and only these are kept; `as_matrix` has them all.
"""

import hashlib

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cryptodudez_assets.features.exact import quotient
from cryptodudez_assets.features.stop_words import STOP_WORDS

DIMENSIONS = 4096
STEM = 5
"""Letters that words with a common beginning share."""

NOT_LANGUAGE = r"(?:https?://|www\.|pic\.twitter\.com/)\S+|@\w+(?:['’]s\b)?|&(?:\w+|#\w+);"
# A letter, then letters and the marks that some scripts write vowels with (emojis have marks too: theirs are left out).
MARKS = r"[\p{L}\p{M}--[\x{FE00}-\x{FE0F}\x{20E3}]]"
WORD = rf"\p{{L}}{MARKS}*(?:'\p{{L}}{MARKS}*)*"
# What is written together with a word: l'eau, dell'arte; he's, they've.
ELIDED = r"^(?:[cdjlmnst]|qu|jusqu|lorsqu|puisqu|un|all|dall|dell|nell|sull|quest)'|'(?:d|ll|m|re|s|ve)$"


def with_vectors(tweets: pl.LazyFrame) -> pl.LazyFrame:
    """Rows with `text` and `language`, in their order; beside them `clean_text`, `n_tokens`, and the vector as `dimensions` and `values`.

    Without words the vector is zero, and its lists are empty.
    """
    numbered = tweets.with_row_index("number")
    words = _words(numbered)
    said = words.group_by("number").agg(clean_text=pl.col("word").str.join(" "), n_tokens=pl.len().cast(pl.Int64))
    rows = numbered
    for found in (said, _vectors(words)):
        rows = rows.join(found, on="number", how="left", maintain_order="left")
    return rows.drop("number").with_columns(
        pl.col("clean_text").fill_null(""),
        pl.col("n_tokens").fill_null(0),
        pl.col("dimensions", "values").fill_null([]),
    )


def as_matrix(dimensions: pl.Series, values: pl.Series) -> NDArray[np.float32]:
    """Vectors with all of their numbers, a row each: what models and nearest neighbours take."""
    rows = np.repeat(np.arange(len(values)), values.list.len().fill_null(0).to_numpy())
    matrix = np.zeros((len(values), DIMENSIONS), np.float32)
    matrix[rows, dimensions.explode().drop_nulls().to_numpy()] = values.explode().drop_nulls().to_numpy()
    return matrix


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


def _vectors(words: pl.LazyFrame) -> pl.LazyFrame:
    """Of each text with words its `number`, and what of its vector is not zero."""
    start = pl.when(pl.col("word").str.len_chars() > STEM).then(pl.col("word").str.head(STEM))
    parts = pl.concat([words.select("number", part="word"), words.select("number", part=start).drop_nulls()])
    hashed = pl.col("part").map_batches(_hashes, return_dtype=pl.Int64, is_elementwise=True)
    signed = parts.select("number", hash=hashed).select(
        "number", dimensions=pl.col("hash") // 2, value=pl.col("hash") % 2 * 2 - 1
    )
    sums = signed.group_by("number", "dimensions").agg(pl.col("value").sum()).filter(pl.col("value") != 0)
    length = (pl.col("value") ** 2).sum().sqrt()
    by_text = sums.sort("number", "dimensions").group_by("number", maintain_order=True)
    return by_text.agg("dimensions", values=quotient(pl.col("value").cast(pl.Float64), length))


def _hashes(parts: pl.Series) -> pl.Series:
    """Twice the dimension of each part, and one more if it points up: by a hash that no library changes."""
    distinct = parts.unique()
    digests = (hashlib.blake2b(part.encode(), digest_size=4).digest() for part in distinct)
    hashes = [int.from_bytes(digest) % (2 * DIMENSIONS) for digest in digests]
    return parts.replace_strict(distinct, hashes, return_dtype=pl.Int64)
