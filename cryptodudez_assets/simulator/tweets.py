"""The tweets themselves, before any archive holds them: when they are written, what they say, how they are received."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from random import Random
from string import ascii_letters, digits

from cryptodudez_assets.simulator.job import Job
from cryptodudez_assets.simulator.names import people
from cryptodudez_assets.simulator.phrases import TOPICS, pick_topic, say

FIRST_YEAR, LOUDEST_YEAR = 2010, 2021
TWEETS_PER_YEAR = (1, 6, 24, 36, 20, 34, 70, 110, 200, 270, 320, 300)  # relative
TWEETS_PER_LATER_YEAR = 100
TWEETS_PER_HOUR = (60, 60, 54, 50, 52, 52, 50, 48, 36, 24, 14, 9, 7, 8, 22, 38, 56, 68, 76, 80, 72, 70, 74, 66)  # UTC
FIRST_TWEET = datetime(2010, 12, 1, tzinfo=UTC)  # ids hold their time only since November 2010
DOGECOIN_TWEET = datetime(2019, 4, 2, 12, 30, tzinfo=UTC)  # always there: demos look for it
LAST_TWEET = timedelta(hours=19, minutes=30)  # of the last day, always there: what one sees first is not old
SNOWFLAKE_EPOCH_MS = 1_288_834_974_657


@dataclass(frozen=True, slots=True)
class Tweet:
    """A tweet with its engagement when it was last looked at."""

    id: int
    conversation_id: int
    time: datetime
    text: str
    language: str
    reply_to: list[dict[str, str]]
    hashtags: list[str]
    cashtags: list[str]
    urls: list[str]
    photos: list[str]
    quote_url: str
    likes: int
    retweets: int
    replies: int


def compose_tweets(job: Job) -> list[Tweet]:
    """All tweets, newest first as in the archives."""
    rng = job.rng("tweets")
    everybody = people(rng)
    planted = [DOGECOIN_TWEET, _midnight(job.last_day) + LAST_TWEET]
    times = sorted([*planted, *_times(rng, job.size.tweets - len(planted), job.last_day)])
    return [_tweet(rng, number, time, everybody) for number, time in enumerate(times)][::-1]


def _times(rng: Random, number: int, last_day: date) -> Iterator[datetime]:
    """At least one time per year, more in later years, in the author's waking hours."""
    years = range(FIRST_YEAR, last_day.year + 1)
    end = _midnight(last_day) + timedelta(days=1)
    extra = rng.choices(years, _tweets_per_year(last_day), k=number - len(years))
    for year in (*years, *extra):
        first = max(datetime(year, 1, 1, tzinfo=UTC), FIRST_TWEET)
        next_year = datetime(year + 1, 1, 1, tzinfo=UTC)
        day = first + timedelta(days=rng.randrange((min(next_year, end) - first).days))
        yield day + timedelta(hours=rng.choices(range(24), TWEETS_PER_HOUR)[0], seconds=rng.randrange(3600))


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _tweets_per_year(last_day: date) -> list[float]:
    """Relative; the last year is as long as it goes."""
    later = last_day.year - FIRST_YEAR + 1 - len(TWEETS_PER_YEAR)
    whole = [*TWEETS_PER_YEAR, *[TWEETS_PER_LATER_YEAR] * later]
    return [*whole[:-1], whole[-1] * last_day.timetuple().tm_yday / 365]


def _tweet(rng: Random, number: int, time: datetime, everybody: list[dict[str, str]]) -> Tweet:
    tweet_id = snowflake(rng, time, number)
    topic = TOPICS["doge"] if time == DOGECOIN_TWEET else pick_topic(rng, time.year)
    text, urls, photos = _with_attachments(rng, say(rng, topic))
    years = min(time.year, LOUDEST_YEAR) - FIRST_YEAR
    answers = rng.random() < min(0.1 + 0.07 * years, 0.8)
    addressed = rng.sample(everybody, k=rng.choice((1, 1, 1, 2, 3))) if answers else []
    asked_at = max(time - timedelta(minutes=rng.randint(1, 600)), FIRST_TWEET)
    quoted = f"https://twitter.com/{rng.choice(everybody)['screen_name']}/status/{snowflake(rng, asked_at, number)}"
    likes = int(rng.lognormvariate(3.4 + 0.5 * years, 1.5))
    return Tweet(
        id=tweet_id,
        conversation_id=snowflake(rng, asked_at, number) if answers else tweet_id,
        time=time,
        text=" ".join([*(f"@{person['screen_name']}" for person in addressed), text]),
        language=topic.language,
        # The scraper noted who is answered only from 2016 on.
        reply_to=addressed if time.year >= 2016 else [],
        hashtags=[tag.lower() for tag in re.findall(r"#(\w+)", text)],
        cashtags=[tag.lower() for tag in re.findall(r"\$([A-Z]+)", text)],
        urls=urls,
        photos=photos,
        quote_url=quoted if rng.random() < 0.03 else "",
        likes=likes,
        retweets=int(likes * rng.lognormvariate(-2.8, 0.6)),
        replies=int(likes * rng.lognormvariate(-3.0, 0.6)),
    )


def snowflake(rng: Random, time: datetime, number: int) -> int:
    """The id of a tweet: milliseconds in front, then 22 bits that are other ones for each number."""
    milliseconds = int(time.timestamp()) * 1000 + rng.randrange(1000) - SNOWFLAKE_EPOCH_MS
    return milliseconds << 22 | number * 2_654_435_761 % (1 << 22)


def _with_attachments(rng: Random, text: str) -> tuple[str, list[str], list[str]]:
    """The text with the short links of what is attached, its urls and its photos."""
    kind = rng.random()
    if kind >= 0.14:
        return text, [], []
    code = "".join(rng.choices(ascii_letters + digits, k=10))
    text = f"{text}  https://t.co/{code}"
    if kind < 0.06:
        return text, [], [f"https://pbs.twimg.com/media/{code}.jpg"]
    return text, [f"https://example.com/{code}?a=1&b={len(text)}"], []
