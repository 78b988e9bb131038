"""Archives of tweets: yearly scrapes of the same account, each of all tweets so far, in two layouts.

A tweet is observed again by every later scrape, with more likes each time. From 2021 on the tweets of each year come in a
file of their own, from another scraper in another time zone.
"""

from collections.abc import Iterable, Iterator
from datetime import timedelta, timezone

import polars as pl

from cryptodudez_assets.simulator.archives import ArchiveWriter
from cryptodudez_assets.simulator.dirt import Row
from cryptodudez_assets.simulator.job import Job
from cryptodudez_assets.simulator.truth import SourceTruth
from cryptodudez_assets.simulator.tweets import FIRST_YEAR, Tweet

SOURCE = "elon_tweets"
FOLDER = "elon_musk_tweets"
LAST_CUMULATIVE_YEAR = 2020
YEARLY_GROWTH = 0.94  # share of the engagement that was already there a year before

CUMULATIVE_HEADER = (
    ",id,conversation_id,created_at,date,timezone,place,tweet,language,hashtags,cashtags,user_id,user_id_str,username,name,"
    "day,hour,link,urls,photos,video,thumbnail,retweet,nlikes,nreplies,nretweets,quote_url,search,near,geo,source,"
    "user_rt_id,user_rt,retweet_id,reply_to,retweet_date,translate,trans_src,trans_dest"
)
LATEST_HEADER = (
    "id,conversation_id,created_at,date,time,timezone,user_id,username,name,place,tweet,language,mentions,urls,photos,"
    "replies_count,retweets_count,likes_count,hashtags,cashtags,link,retweet,quote_url,video,thumbnail,near,geo,source,"
    "user_rt_id,user_rt,retweet_id,reply_to,retweet_date,translate,trans_src,trans_dest"
)
USER_ID, USER, NAME = "1234567", "elonmusk", "Elon Musk"
LATEST_ZONE = timezone(timedelta(hours=4))


def write_scrapes(job: Job, tweets: list[Tweet]) -> SourceTruth:
    """Write both archives and the truth: every tweet once, as observed last."""
    with job.truth_table(SOURCE, _truth) as truth:
        for _ in truth.keep((t.id, t.time, t.text, t.likes, t.retweets, t.replies) for t in reversed(tweets)):
            pass
    with job.archive(SOURCE, f"{FOLDER}.zip") as archive:
        _write_recent(archive, tweets, job.last_day.year)
    with job.archive(SOURCE, f"{FOLDER}_2010_2019.zip") as older:
        older.folder(FOLDER)
        for year in range(FIRST_YEAR, LAST_CUMULATIVE_YEAR):
            _write_cumulative(older, tweets, year)
    duplicate = sum(member.rows - len(member.bad) for member in older.account.members)
    return SourceTruth.of([archive.account, older.account], valid=truth.rows, duplicate=duplicate)


def _write_recent(archive: ArchiveWriter, tweets: list[Tweet], last_year: int) -> None:
    archive.folder(FOLDER)
    archive.junk(f"__MACOSX/._{FOLDER}")
    archive.junk(f"{FOLDER}/.DS_Store")
    archive.junk(f"__MACOSX/{FOLDER}/._.DS_Store")
    _write_cumulative(archive, tweets, LAST_CUMULATIVE_YEAR)
    archive.junk(f"__MACOSX/{FOLDER}/._{LAST_CUMULATIVE_YEAR}.csv")
    for year in range(LAST_CUMULATIVE_YEAR + 1, last_year + 1):
        written = [tweet for tweet in tweets if tweet.time.year == year]
        rows = map(_latest_row, written)
        archive.csv(f"{FOLDER}/{year}.csv", LATEST_HEADER, rows, good_rows=len(written), line_end="\r\n")
        archive.junk(f"__MACOSX/{FOLDER}/._{year}.csv")


def _write_cumulative(archive: ArchiveWriter, tweets: list[Tweet], year: int) -> None:
    seen = [tweet for tweet in tweets if tweet.time.year <= year]
    archive.csv(f"{FOLDER}/{year}.csv", CUMULATIVE_HEADER, _cumulative_rows(seen, year), good_rows=len(seen))


def _cumulative_rows(tweets: Iterable[Tweet], scraped: int) -> Iterator[Row]:
    grown = YEARLY_GROWTH ** (LAST_CUMULATIVE_YEAR - scraped)
    for number, tweet in enumerate(tweets):
        has_photo, thumbnail = _thumbnail(tweet)
        time = tweet.time
        counts = [int(count * grown) for count in (tweet.likes, tweet.replies, tweet.retweets)]
        yield (
            *(
                number,
                tweet.id,
                tweet.conversation_id,
                time.timestamp() * 1000,
                f"{time:%Y-%m-%d %H:%M:%S}",
                "+0000",
                "",
            ),
            *(tweet.text, tweet.language, tweet.hashtags, tweet.cashtags, USER_ID, USER_ID, USER, NAME),
            *(time.isoweekday(), f"{time:%H}", _link(tweet), tweet.urls, tweet.photos, has_photo, thumbnail, "False"),
            *(*counts, tweet.quote_url, "None", *[""] * 6, tweet.reply_to, *[""] * 4),
        )


def _latest_row(tweet: Tweet) -> Row:
    local = tweet.time.astimezone(LATEST_ZONE)
    has_photo, thumbnail = _thumbnail(tweet)
    return (
        *(tweet.id, tweet.conversation_id, f"{local:%Y-%m-%d %H:%M:%S} Arabian Standard Time"),
        *(f"{local:%Y-%m-%d}", f"{local:%H:%M:%S}", "+0400", USER_ID, USER, NAME, "", tweet.text, tweet.language),
        *([], tweet.urls, tweet.photos, tweet.replies, tweet.retweets, tweet.likes, tweet.hashtags, tweet.cashtags),
        *(_link(tweet), "False", tweet.quote_url, has_photo, thumbnail, *[""] * 6, tweet.reply_to, *[""] * 4),
    )


def _link(tweet: Tweet) -> str:
    return f"https://twitter.com/{USER}/status/{tweet.id}"


def _thumbnail(tweet: Tweet) -> tuple[int, str]:
    return (1, tweet.photos[0]) if tweet.photos else (0, "")


def _truth(rows: list[Row]) -> pl.DataFrame:
    counts = dict.fromkeys(("likes", "retweets", "replies"), pl.Int64())
    schema = {"id": pl.Int64(), "event_ts": pl.Datetime("us", "UTC"), "text": pl.String(), **counts}
    return pl.DataFrame(rows, schema, orient="row")
