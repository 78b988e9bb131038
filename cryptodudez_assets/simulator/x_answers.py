"""Answers of X: what a timeline told of each of the last days, on the morning after. The posts are those of the simulated X."""

from datetime import UTC, date, datetime, time, timedelta

import polars as pl

from cryptodudez_assets.simulator.dirt import Row
from cryptodudez_assets.simulator.job import Job
from cryptodudez_assets.simulator.truth import Archive, Member, SourceTruth
from cryptodudez_assets.simulator.venues.x.world import ELON, World, Written, of_account
from cryptodudez_assets.venues.pages import STAMP
from cryptodudez_assets.venues.x import answers
from cryptodudez_assets.venues.x.asking import POST_FIELDS, USER_FIELDS

SOURCE = "x_posts"
DAYS, POSTS_A_DAY = 14, 12.0
ASKED_AT = time(1, 20)
TYPES: dict[str, type[pl.DataType] | pl.DataType] = {
    "id": pl.Int64,
    "event_ts": pl.Datetime("ms", "UTC"),
    "text": pl.String,
    "author": pl.String,
    "likes": pl.Int64,
}


def write_x_answers(job: Job) -> SourceTruth:
    """Write an answer for each day, and the truth."""
    world = World(job.seed, accounts=1, posts_a_day=POSTS_A_DAY, deleted=0.0)
    told_at = datetime.combine(job.last_day + timedelta(days=1), ASKED_AT, UTC)
    archives = []
    with job.truth_table(SOURCE, _truth) as truth:
        for back in range(DAYS):
            posts = [*_of_day(world, job.last_day - timedelta(days=back), told_at)]
            archives.append(_write(job, job.last_day - timedelta(days=back), told_at, posts))
            for _ in truth.keep(_row(one, told_at) for one in posts):
                pass
    return SourceTruth.of(archives, valid=truth.rows)


def _of_day(world: World, day: date, told_at: datetime) -> list[Written]:
    begin = datetime.combine(day, time(), UTC)
    return [*world.posts([world.accounts[str(ELON)]], begin, begin + timedelta(days=1), told_at)]


def _write(job: Job, day: date, told_at: datetime, posts: list[Written]) -> Archive:
    begin, end = (datetime.combine(one, time(), UTC) for one in (day, day + timedelta(days=1)))
    name = f"{'_'.join(f'{at:{STAMP}}' for at in (told_at, begin, end, end))}.json"
    body = answers.page(
        [answers.chosen(one.fields(told_at), POST_FIELDS, answers.ALWAYS) for one in posts],
        [answers.chosen(of_account(posts[0].author, told_at), USER_FIELDS, answers.ALWAYS_OF_USER)],
        None,
    )
    job.loose(SOURCE, name).write_bytes(body)
    return Archive(name, (Member("", ignored=False, rows=len(posts), bad=()),))


def _row(post: Written, told_at: datetime) -> Row:
    return post.id, post.at, post.text, post.author.username, post.fields(told_at)["public_metrics"]["like_count"]


def _truth(rows: list[Row]) -> pl.DataFrame:
    return pl.DataFrame(rows, TYPES, orient="row").with_columns(pl.col("event_ts").cast(pl.Datetime("us", "UTC")))
