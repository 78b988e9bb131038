"""Posts about Bitcoin as the archive has them, made up for tests: JSON lines of any posts."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.landing import land

START = datetime(2021, 1, 30, 12, tzinfo=UTC)


def line(number: int, **told: object) -> str:
    """One post; the numbers tell its id and, in days, its time. None leaves a field out."""
    fields = {
        "id": number + 1,
        "date": f"{START + timedelta(days=number):%a %b %d %H:%M:%S +0000 %Y}",
        "text": f"Bitcoin is great, number {number}",
        "user": "somebody",
        "favorite_count": number,
        "retweet_count": 0,
        "followers_count": 7,
    }
    return json.dumps({name: value for name, value in (fields | told).items() if value is not None})


def land_posts(lake: Lake, folder: Path, name: str, lines: Iterable[str]) -> None:
    """Land one file of them."""
    path = folder / f"{name}.json"
    path.write_text("\n".join(lines) + "\n")
    list(land(lake, "bitcoin_tweets", [path]))
