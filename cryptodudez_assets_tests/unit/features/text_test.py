"""Cleaning and encoding of text, in several languages."""

import numpy as np
import polars as pl
import pytest

from cryptodudez_assets.contracts.rules import evaluate_rules
from cryptodudez_assets.features import all_views
from cryptodudez_assets.features.stop_words import STOP_WORDS
from cryptodudez_assets.features.text import DIMENSIONS, as_matrix, with_vectors
from cryptodudez_assets_tests.feature_frames import computed, frame, utc

VECTORS, DAILY = all_views()["tweet_vectors"], all_views()["tweet_vectors_daily"]


def encoded(*texts: str, language: str = "en") -> pl.DataFrame:
    return with_vectors(pl.LazyFrame({"text": texts, "language": [language] * len(texts)})).collect()


def vectors(*texts: str) -> np.ndarray:
    rows = encoded(*texts)
    return as_matrix(rows["dimensions"], rows["values"])


def closeness(one: str, other: str) -> float:
    a, b = vectors(one, other)
    return float(a @ b)


@pytest.mark.parametrize(
    ("language", "text", "clean"),
    [
        ("en", "@SpaceX The Falcon&amp;Dragon landed! 🚀🚀 https://t.co/AbC1", "falcon dragon landed"),
        ("en", "I don’t think it's @elonmusk's 2nd #Dogecoin tweet &lt;3", "think nd dogecoin tweet"),
        ("en", "Tesla’s Model 3 … they've 1️⃣ goal: www.tesla.com/x pic.twitter.com/q", "tesla model goal"),
        ("en", "O'Hare ✌️ ❤️ 🇺🇸 ½ ™", "o'hare"),
        ("de", "Danke, das ist für die Größe der Rakete nicht schlecht", "danke größe rakete schlecht"),
        ("es", "El cohete es muy rápido y la luna está lejos", "cohete rápido luna lejos"),
        ("fr", "L’eau qu'il n'a pas est dans la fusée", "eau fusée"),
        ("it", "Un'idea dell'arte è nella luna", "idea arte luna"),
        ("pt", "O foguete não é meu, mas é rápido", "foguete rápido"),
        ("ru", "Спасибо, это очень красиво!", "спасибо это очень красиво"),
        ("ja", "ありがとう、ロケット🚀", "ありがとう ロケット"),
        ("hi", "नमस्ते दुनिया 123", "नमस्ते दुनिया"),
        ("ar", "شكرًا جزيلاً", "شكرًا جزيلاً"),
        ("und", "🤣 the https://t.co/x @a 42 &amp;", ""),
    ],
)
def test_cleaning(language: str, text: str, clean: str) -> None:
    row = encoded(text, language=language).row(0, named=True)
    assert row["clean_text"] == clean
    assert row["n_tokens"] == len(clean.split())


def test_vectors_are_the_same_for_ever() -> None:
    row = encoded("dogecoin").row(0, named=True)
    assert row["dimensions"] == [3255, 3821]
    assert row["values"] == pytest.approx([-(0.5**0.5)] * 2)


def test_vectors_have_unit_length_or_are_zero() -> None:
    assert (vectors("Starship will fly to Mars", "the", "") ** 2).sum(axis=1) == pytest.approx([1, 0, 0])


def test_there_is_room_for_words() -> None:
    assert DIMENSIONS >= 384
    words = vectors("mars", "moon", "car", "roof", "solar", "price", "fly", "tunnel")
    alike = words @ words.T - np.eye(len(words))
    assert np.abs(alike).max() < 1e-6, "words without a common beginning have nothing in common"


def test_common_words_are_close() -> None:
    assert closeness("Dogecoin to the moon", "dogecoin moon!!!") == pytest.approx(1)
    assert (
        closeness("dogecoin moon rocket", "dogecoin moon car")
        > closeness("dogecoin moon rocket", "solar roof price") + 0.3
    )


def test_texts_stay_in_their_order() -> None:
    texts = [f"{'abcdefghij'[number % 10]}{'klmnopqrst'[number // 10 % 10]} word" for number in range(1000)]
    assert encoded(*texts)["text"].to_list() == texts


def test_other_texts_do_not_matter() -> None:
    together = {row[0]: row for row in encoded("Mars", "", "solar roof").rows()}
    assert together["Mars"] == encoded("Mars").row(0)


def test_words_with_a_common_beginning_are_alike() -> None:
    assert closeness("rocket", "rockets") == pytest.approx(0.5)
    assert closeness("space", "spacex") == pytest.approx(0.5**0.5)
    assert closeness("rocket", "socket") == 0


@pytest.mark.parametrize(
    ("dimensions", "values", "broken"),
    [
        ([1, 2], [0.5], "one_value_each"),
        ([1, 1], [0.5, 0.5], "no_such_dimension"),
        ([DIMENSIONS], [1.0], "no_such_dimension"),
        ([-1], [1.0], "no_such_dimension"),
        ([1, 2], [0.9, 0.9], "longer_than_one"),
    ],
)
def test_what_is_no_vector_breaks_a_rule(dimensions: list[int], values: list[float], broken: str) -> None:
    tweet = {"id": 1, "author": "a", "text": "Mars", "language": "en", "event_ts": "2021-01-01 05:00:00"}
    row = computed(VECTORS, {"social.elon_tweets": frame([tweet])})
    assert list(evaluate_rules(VECTORS.contract, row)) == []
    wrong = row.with_columns(dimensions=pl.lit(pl.Series([dimensions])), values=pl.lit(pl.Series([values])))
    assert [found.rule for found in evaluate_rules(VECTORS.contract, wrong)] == [broken]


def test_stop_words_are_words_as_they_are_split() -> None:
    for language, listed in STOP_WORDS.items():
        left = encoded(*listed.split(), language=language)
        assert left["n_tokens"].sum() == 0, f"{language}: {left.filter(pl.col('n_tokens') > 0)['text'].to_list()}"


def test_a_day_is_the_mean_of_its_tweets() -> None:
    texts = {"2021-01-01 05:00:00": "Mars", "2021-01-01 23:59:59": "the", "2021-01-02 00:00:00": "solar roof"}
    tweets = [
        {"id": number, "author": "elonmusk", "text": text, "language": "en", "event_ts": time}
        for number, (time, text) in enumerate(texts.items())
    ]
    of_tweets = computed(VECTORS, {"social.elon_tweets": frame(tweets)})
    assert of_tweets["known_ts"].to_list() == of_tweets["event_ts"].to_list()
    first, second = computed(DAILY, {VECTORS.table: of_tweets.lazy()}).to_dicts()
    assert (first["event_ts"], first["known_ts"], first["n_tweets"]) == (utc("2021-01-01"), utc("2021-01-02"), 2)
    both = as_matrix(*(pl.Series([day[name] for day in (first, second)]) for name in ("dimensions", "values")))
    assert np.allclose(both, vectors("Mars", "solar roof") * [[0.5], [1]])
    assert first["dimensions"] == sorted(first["dimensions"])


@pytest.mark.parametrize("words", [3, 40, 200, DIMENSIONS])
def test_a_day_of_a_single_tweet_may_be_as_long_as_that(words: int) -> None:
    """Sums of a day are rounded to a grid: so many rounded numbers are a little longer than one together."""
    told = {
        "author": "a",
        "dimensions": [*range(words)],
        "values": [words**-0.5] * words,
        "event_ts": "2021-01-01 12:00:00",
    }
    (day,) = computed(DAILY, {VECTORS.table: frame([told | {"known_ts": "2021-01-01 12:00:00"}])}).to_dicts()
    assert sum(value**2 for value in day["values"]) == pytest.approx(1, abs=1e-6)


def test_a_day_without_words_has_a_vector_of_zeros() -> None:
    tweets = [{"id": 1, "author": "a", "text": "the", "language": "en", "event_ts": "2021-01-01 05:00:00"}]
    of_tweets = computed(VECTORS, {"social.elon_tweets": frame(tweets)})
    (day,) = computed(DAILY, {VECTORS.table: of_tweets.lazy()}).to_dicts()
    assert (day["dimensions"], day["values"], day["n_tweets"]) == ([], [], 1)
