"""Cleaning and encoding of text, in several languages."""

import polars as pl
import pytest

from cryptodudez_assets.features import all_views
from cryptodudez_assets.features.stop_words import STOP_WORDS
from cryptodudez_assets.features.text import COMPONENTS, with_vectors
from cryptodudez_assets.features.vector_contract import VectorContract
from cryptodudez_assets_tests.feature_frames import computed, frame, utc

VECTORS, DAILY = all_views()["tweet_vectors"], all_views()["tweet_vectors_daily"]


def encoded(*texts: str, language: str = "en") -> pl.DataFrame:
    return with_vectors(pl.LazyFrame({"text": texts, "language": [language] * len(texts)})).collect()


def vector(text: str) -> list[float]:
    return list(encoded(text).select(COMPONENTS).row(0))


def closeness(one: str, other: str) -> float:
    return sum(a * b for a, b in zip(vector(one), vector(other), strict=True))


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
    signs = "".join("+" if value > 0 else "-" for value in vector("dogecoin"))
    assert signs == "-+-++-+++-+++--++-+-+-++-------+"
    assert [abs(value) for value in vector("dogecoin")] == [pytest.approx(32**-0.5)] * 32


def test_vectors_have_unit_length_or_are_zero() -> None:
    found = encoded("Starship will fly to Mars", "the", "").select(
        "text", length=pl.sum_horizontal(pl.col(COMPONENTS) ** 2)
    )
    assert dict(found.rows()) == {"Starship will fly to Mars": pytest.approx(1), "the": 0, "": 0}


def test_common_words_are_close() -> None:
    assert closeness("Dogecoin to the moon", "dogecoin moon!!!") == pytest.approx(1)
    assert (
        closeness("dogecoin moon rocket", "dogecoin moon car")
        > closeness("dogecoin moon rocket", "solar roof price") + 0.3
    )


def test_other_texts_do_not_matter() -> None:
    together = {row[0]: row for row in encoded("Mars", "", "solar roof").rows()}
    assert together["Mars"] == encoded("Mars").row(0)


def test_the_contract_has_all_components() -> None:
    assert [name for name in VectorContract.to_schema().columns if name.startswith("v")] == COMPONENTS


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
    vectors = computed(VECTORS, {"social.elon_tweets": frame(tweets)})
    assert vectors["known_ts"].to_list() == vectors["event_ts"].to_list()
    first, second = computed(DAILY, {VECTORS.table: vectors.lazy()}).to_dicts()
    assert (first["event_ts"], first["known_ts"], first["n_tweets"]) == (utc("2021-01-01"), utc("2021-01-02"), 2)
    assert [first[name] for name in COMPONENTS] == [pytest.approx(value / 2) for value in vector("Mars")]
    assert [second[name] for name in COMPONENTS] == [pytest.approx(value) for value in vector("solar roof")]
