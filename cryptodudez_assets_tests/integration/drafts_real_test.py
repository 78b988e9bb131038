"""`new-source` on real files: each is drafted, lands and balances, or is answered in a line."""

from pathlib import Path
from typing import Any

import pytest

from cryptodudez_assets.drafting.choices import Choices
from cryptodudez_assets.drafting.draft import draft

LOOSE = 14
KEYS = {
    "kbermude_transactions_sample.csv": ["id"],
    "withdrawals_sample_data.csv": ["id"],
    "user_id_sample_data.csv": ["user_id"],
    "order_book_data.csv": ["book", "event_ts"],
    "example.csv": ["event_ts"],
    "BTCUSDT.csv": ["event_ts"],
    "symbols_valid_meta_2020.csv": ["symbol"],
    "cryptocurrency_historical_prices.zip": ["symbol", "event_ts"],
    "elon_musk_tweets.zip": ["id"],
    "elon_musk_tweets_2010_2019.zip": ["id"],
    "stock_prices_2020_2021.zip": ["symbol", "event_ts"],
    "stock-market-dataset.zip": ["symbol"],
}
SET_ASIDE = {"symbols_valid_meta_2020.csv": 1}  # a name with a comma in it, and no quotes


def test_real_files_are_drafted_and_land(real_data: Path) -> None:
    loose = sorted(real_data.rglob("*.csv"))
    assert len(loose) == LOOSE
    for path in [*loose, *sorted(real_data.rglob("*.zip"))]:
        made = draft("drafted", path)
        key = KEYS.get(path.name, ["event_ts"])
        assert f"key={key}".replace("'", '"') in made.text, path
        counts = made.seen.counts
        assert made.seen.balanced, path
        assert counts.quarantined == SET_ASIDE.get(path.name, 0), path
        assert counts.read == counts.valid + counts.quarantined + counts.duplicate


@pytest.mark.parametrize(
    ("pattern", "n_files", "n_rows", "options", "key"),
    [
        ("bitcoin_tweets/*.json", 7, 10_891, {}, ["id"]),
        ("bitso/order_book_recordings/**/*.parquet", 13, 7_800, {"key": ["book", "event_ts"]}, ["book", "event_ts"]),
    ],
)
def test_real_files_of_other_formats_are_drafted_and_land(
    real_data: Path, pattern: str, n_files: int, n_rows: int, options: dict[str, Any], key: list[str]
) -> None:
    read = 0
    paths = sorted(real_data.glob(pattern))
    assert len(paths) == n_files
    for path in paths:
        made = draft("drafted", path, Choices(**options))
        counts = made.seen.counts
        assert f"key={key}".replace("'", '"') in made.text, path
        assert made.seen.balanced, path
        assert counts.quarantined == 0, path
        assert counts.read == counts.valid + counts.duplicate, path
        assert made.seen.first is not None
        read += counts.read
    assert read == n_rows
