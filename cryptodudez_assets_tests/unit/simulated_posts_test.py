"""Simulated posts about Bitcoin: of the archive's layout, overlapping, and with the planted mood that follows the market."""

from datetime import date, timedelta
from pathlib import Path
from random import Random

import numpy as np
import polars as pl
import pytest

from cryptodudez_assets.features.lexicon import scores
from cryptodudez_assets.simulator import CLEAN, SIZES
from cryptodudez_assets.simulator.bitcoin_posts import COLD, COOL, FIELDS, SOURCE, WARM, write_bitcoin_posts
from cryptodudez_assets.simulator.job import Job
from cryptodudez_assets.simulator.truth import SourceTruth

LAST = date(2021, 12, 31)
RETURNS = {LAST - timedelta(days=n): Random(n).gauss(0, 0.03) for n in range(400)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("posts")


@pytest.fixture(scope="module")
def truth(folder: Path) -> SourceTruth:
    return write_bitcoin_posts(Job(folder, SIZES["small"], LAST, 7, CLEAN, lambda _: None), RETURNS)


def test_accounts_close_and_posts_repeat_between_files(folder: Path, truth: SourceTruth) -> None:
    lines = pl.concat(pl.read_ndjson(path) for path in sorted((folder / SOURCE).glob("*.json")))
    assert lines.columns == list(FIELDS)
    assert len(lines) == truth.totals.read == truth.totals.valid + truth.totals.duplicate
    assert lines["id"].n_unique() == truth.totals.valid
    newest = lines.unique("id", keep="last", maintain_order=True).sort("id")
    told = pl.read_parquet(folder / "truth" / f"{SOURCE}.parquet").sort("id")
    assert newest.drop("date").equals(told.drop("event_ts"))
    assert newest["date"].to_list() == told["event_ts"].dt.strftime("%a %b %d %H:%M:%S %z %Y").to_list()
    assert 0.4 < lines["text"].str.starts_with("RT @").mean() < 0.5  # type: ignore[operator]


def test_the_mood_follows_the_market_and_does_not_lead_it(folder: Path, truth: SourceTruth) -> None:
    rows = pl.read_parquet(folder / "truth" / f"{SOURCE}.parquet").filter(~pl.col("text").str.starts_with("RT @"))
    moods = rows.select(
        day=pl.col("event_ts").dt.date(),
        mood=pl.col("text").map_elements(lambda text: scores(text)["compound"], return_dtype=pl.Float64),
    )
    days = moods.group_by("day").agg(pl.col("mood").mean()).sort("day")
    mood, moved = days["mood"].to_numpy(), np.array([RETURNS[day] for day in days["day"]])
    same, before, after = (
        np.corrcoef(*pair)[0, 1] for pair in ((mood, moved), (mood[1:], moved[:-1]), (mood[:-1], moved[1:]))
    )
    assert same > 0.4
    assert before > 0.2
    assert abs(after) < 0.15


def test_sentences_sound_as_they_are_meant() -> None:
    assert min(scores(text)["compound"] for text in WARM) > 0.5
    assert max(scores(text)["compound"] for text in COLD) < -0.5
    assert {scores(text)["compound"] for text in COOL} == {0.0}
