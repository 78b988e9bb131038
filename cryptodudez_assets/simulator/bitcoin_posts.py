"""Posts about Bitcoin as a search writes them down: JSON lines in loose files that overlap, many of them retweets.

How the posts of a day sound follows what the market of coins did on that day and the one before, and never leads it: that is
planted, so that a study of moods and prices has something to find, and its direction.
"""

import json
import math
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from random import Random

import polars as pl

from cryptodudez_assets.simulator.dirt import Row
from cryptodudez_assets.simulator.job import Job
from cryptodudez_assets.simulator.market import Factor
from cryptodudez_assets.simulator.names import people
from cryptodudez_assets.simulator.truth import Archive, Member, SourceTruth
from cryptodudez_assets.simulator.tweets import snowflake

SOURCE = "bitcoin_tweets"
DAYS_A_FILE = 30
OVERLAP = 0.02
"""Share of a file's posts that the next one holds again, with more likes."""
RETWEETS = 0.45
FOLLOWS, REMEMBERS = 18.0, 9.0
"""How strongly a post's mood follows the market's return of the day, and that of the day before."""
WARM = (
    "Love how #bitcoin holds up, great week ahead",
    "Happy with my $BTC, best decision ever",
    "Bitcoin looks strong and beautiful today!",
    "Wow, amazing move of bitcoin, congratulations everybody",
)
COLD = (
    "Bitcoin is a disaster, I hate this market",
    "Terrible day for $BTC, sad and tired",
    "Lost again. #bitcoin is the worst",
    "This crash of bitcoin is awful, afraid of what comes",
)
COOL = (
    "How many confirmations does #bitcoin need?",
    "Reading about the bitcoin halving tonight",
    "$BTC trades near the price of yesterday",
    "Which wallet do you use for bitcoin?",
)
WRITTEN = "%a %b %d %H:%M:%S %z %Y"
FIELDS = ("id", "date", "text", "user", "favorite_count", "retweet_count", "followers_count")


def write_bitcoin_posts(job: Job, factor: Factor) -> SourceTruth:
    """Write the files and the truth: every post once, as it was observed last. `factor`: returns of the market by day."""
    rng = job.rng(SOURCE)
    everybody = people(rng)
    days = [job.last_day - timedelta(days=back) for back in range(job.size.post_days - 1, -1, -1)]
    archives: list[Archive] = []
    newest: dict[object, Row] = {}
    again: list[Row] = []
    repeated = 0
    for number, start in enumerate(range(0, len(days), DAYS_A_FILE)):
        fresh = [row for day in days[start : start + DAYS_A_FILE] for row in _of_day(rng, job, day, factor, everybody)]
        archives.append(_write(job, f"part-{number:05}.json", [*again, *fresh]))
        repeated += len(again)
        newest |= {row[0]: row for row in (*again, *fresh)}
        again = [_liked_since(row) for row in rng.sample(fresh, int(OVERLAP * len(fresh)))]
    with job.truth_table(SOURCE, _truth) as truth:
        for _ in truth.keep(newest.values()):
            pass
    return SourceTruth.of(archives, valid=truth.rows, duplicate=repeated)


def _of_day(rng: Random, job: Job, day: date, factor: Factor, everybody: Sequence[dict[str, str]]) -> Iterator[Row]:
    pull = FOLLOWS * factor.get(day, 0.0) + REMEMBERS * factor.get(day - timedelta(days=1), 0.0)
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    for number in range(max(1, round(rng.gauss(job.size.posts_a_day, job.size.posts_a_day**0.5)))):
        at = midnight + timedelta(seconds=rng.randrange(86_400))
        author = rng.choice(everybody)
        text = f"{rng.choice(_said(rng, pull))} {'!' * rng.randrange(3)}".strip()
        if rng.random() < RETWEETS:
            text = f"RT @{rng.choice(everybody)['screen_name']}: {text}"
        likes = int(rng.lognormvariate(0, 1.5))
        counts = likes, int(likes * rng.random()), int(rng.lognormvariate(5, 2))
        yield (
            snowflake(rng, at, number),
            f"{at:%a %b %d %H:%M:%S} +0000 {at.year}",
            text,
            author["screen_name"],
            *counts,
        )


def _said(rng: Random, pull: float) -> Sequence[str]:
    """Sentences of a mood: warm ones the likelier, the more the market rose."""
    draw = rng.random()
    warm, cold = (0.6 / (1 + math.exp(sign * pull)) for sign in (-1, 1))
    return WARM if draw < warm else COLD if draw < warm + cold else COOL


def _liked_since(row: Row) -> Row:
    """The same post as the next file has it."""
    return *row[:4], int(str(row[4])) + 3, *row[5:]


def _write(job: Job, name: str, rows: Sequence[Row]) -> Archive:
    lines = [json.dumps(dict(zip(FIELDS, row, strict=True)), ensure_ascii=False) for row in rows]
    job.loose(SOURCE, name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return Archive(name, (Member("", ignored=False, rows=len(lines), bad=()),))


def _truth(rows: list[Row]) -> pl.DataFrame:
    types = (pl.Int64, pl.String, pl.String, pl.String, pl.Int64, pl.Int64, pl.Int64)
    told = pl.DataFrame(rows, dict(zip(FIELDS, types, strict=True)), orient="row")
    return told.with_columns(event_ts=pl.col("date").str.to_datetime(WRITTEN, time_unit="us")).drop("date")
