"""CPU time of cleaning and encoding texts, in ms per 1,000 tweets. Goal: under 16.

Real tweets from the archives if there are any (`--tweets FOLDER`), else simulated ones.
"""

import argparse
import io
import tempfile
import time
import zipfile
from pathlib import Path

import polars as pl

from cryptodudez_assets.features.text import with_vectors
from cryptodudez_assets.simulator import simulate

REAL = Path(__file__).parents[2] / "shared" / "data" / "teraflow"


def tweets_in(archive: Path) -> pl.DataFrame:
    """Texts and languages of all CSV files in an archive, as they are."""
    with zipfile.ZipFile(archive) as packed:
        names = [name for name in packed.namelist() if name.endswith(".csv") and not name.startswith("__MACOSX")]
        parts = [
            pl.read_csv(io.BytesIO(packed.read(name)), infer_schema=False, truncate_ragged_lines=True) for name in names
        ]
    texts = pl.concat(part.select(text="tweet", language="language") for part in parts)
    return texts.drop_nulls("text")


def cpu_seconds(tweets: pl.DataFrame) -> float:
    began = time.process_time()
    with_vectors(tweets.lazy()).collect()
    return time.process_time() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tweets", type=Path, default=REAL, help="folder with elon_musk_tweets.zip")
    parser.add_argument("--times", type=int, default=9)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        archive = arguments.tweets / "elon_musk_tweets.zip"
        if not archive.exists():
            simulate(Path(folder), "small")
            archive = next((Path(folder) / "elon_tweets").glob("*.zip"))
        tweets = tweets_in(archive)
    taken = sorted(cpu_seconds(tweets) / len(tweets) * 1e6 for _ in range(arguments.times))
    print(f"{archive.name}: {len(tweets):,} tweets, {arguments.times} times")
    print(
        f"ms CPU per 1,000 tweets: best {taken[0]:.1f}, median {taken[len(taken) // 2]:.1f}, worst {taken[-1]:.1f} (goal 16)"
    )


if __name__ == "__main__":
    main()
