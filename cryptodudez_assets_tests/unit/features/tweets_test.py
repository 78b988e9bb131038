"""Features of tweets: engagement and its versions, days, terms."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import polars as pl
import pytest

from cryptodudez_assets.contracts.elon_tweets import ElonTweets
from cryptodudez_assets.features import all_views
from cryptodudez_assets.features.declaration import Input, refuse_too_early
from cryptodudez_assets.features.silent_days import COINS
from cryptodudez_assets.features.terms import TERMS
from cryptodudez_assets_tests.feature_frames import computed, frame, utc

TWEETS, OBSERVATIONS = "social.elon_tweets", "social.elon_tweet_observations"
ENGAGEMENT, DAILY, FREQUENCY = (
    all_views()[name] for name in ("tweet_engagement", "tweet_daily", "term_frequency_daily")
)


def tweet(id: int, time: str, is_reply: bool = False, text: str = "", author: str = "elonmusk") -> dict[str, object]:
    return {"id": id, "author": author, "text": text, "is_reply": is_reply, "event_ts": f"{time}:00"}


def seen(
    id: int, time: str, known: str, likes: int, file: str = "a", row: int = 1, reach: str | None = None
) -> dict[str, object]:
    """Counts that were known then, of a file that reaches so far (by default, to that time)."""
    counts = {"likes": likes, "retweets": likes // 2, "replies": likes // 4, "file_id": file, "file_row": row}
    times = {"event_ts": f"{time}:00", "known_ts": f"{known}:00", "as_of_ts": f"{reach or known}:00"}
    return {"id": id, "author": "elonmusk", **counts, **times}


def coins(*days: str) -> pl.LazyFrame:
    """A coin's days, each known when it ends."""
    traded = pl.LazyFrame({"event_ts": [utc(day) for day in days]})
    return traded.select(
        pl.col("event_ts").cast(pl.Datetime("us", "UTC")), known_ts=pl.col("event_ts").dt.offset_by("1d")
    )


def observed(rows: Sequence[dict[str, object]]) -> pl.LazyFrame:
    return frame(rows).rename({"as_of_ts": "as_of"})


class TestEngagement:
    def test_every_observation_is_a_version(self) -> None:
        rows = [
            seen(1, "2019-01-01 10:00", "2019-12-31 08:00", 100),
            seen(1, "2019-01-01 10:00", "2019-06-01 09:00", 60),
        ]
        found = computed(ENGAGEMENT, {OBSERVATIONS: observed(rows)})
        assert found.select("known_ts", "likes", "retweets", "replies").rows() == [
            (utc("2019-06-01 09:00"), 60, 30, 15),
            (utc("2019-12-31 08:00"), 100, 50, 25),
        ]
        assert set(found["event_ts"]) == {utc("2019-01-01 10:00")}

    @pytest.mark.parametrize("order", [slice(None), slice(None, None, -1)])
    def test_of_two_at_one_time_the_last_file_and_row_count(self, order: slice) -> None:
        time, known = "2019-01-01 10:00", "2019-06-01 09:00"
        rows = [seen(1, time, known, 9, "a", 7), seen(1, time, known, 5, "b", 1), seen(1, time, known, 6, "b", 2)]
        assert computed(ENGAGEMENT, {OBSERVATIONS: observed(rows[order])})["likes"].to_list() == [6]

    @pytest.mark.parametrize("order", [slice(None), slice(None, None, -1)])
    def test_of_two_that_landed_together_the_one_that_reaches_further_counts(self, order: slice) -> None:
        time, known = "2019-01-01 10:00", "2026-01-01 00:00"
        rows = [
            seen(1, time, known, 9, "a", reach="2020-12-31 00:00"),
            seen(1, time, known, 5, "b", reach="2018-12-31 00:00"),
        ]
        found = computed(ENGAGEMENT, {OBSERVATIONS: observed(rows[order])})
        assert found["likes"].to_list() == [9]

    def test_an_older_scrape_that_lands_later_changes_nothing(self) -> None:
        time = "2019-01-01 10:00"
        rows = [
            seen(1, time, "2026-01-01 00:00", 9, reach="2020-12-31 00:00"),
            seen(1, time, "2026-01-02 00:00", 5, "b", reach="2018-12-31 00:00"),
            seen(1, time, "2026-01-03 00:00", 11, "c", reach="2021-12-31 00:00"),
        ]
        found = computed(ENGAGEMENT, {OBSERVATIONS: observed(rows)})
        assert found.select("known_ts", "likes").rows() == [(utc("2026-01-01"), 9), (utc("2026-01-03"), 11)]


@pytest.mark.parametrize(
    ("columns", "known", "wrong"),
    [
        (["id", "text", "is_reply"], "event_ts", None),
        (["id", "likes"], "known_ts", None),
        (["id", "text", "likes"], "event_ts", "likes of social.elon_tweets as known at event_ts"),
        (["id", "as_of"], "event_ts", "as_of of social.elon_tweets"),
    ],
)
def test_a_view_that_reads_what_was_not_known_yet_is_refused(columns: list[str], known: str, wrong: str | None) -> None:
    view = replace(ENGAGEMENT, inputs=[Input(TWEETS, columns, known=known)])
    if wrong is None:
        refuse_too_early([view], {TWEETS: ElonTweets})
    else:
        with pytest.raises(ValueError, match=f"tweet_engagement reads {wrong}"):
            refuse_too_early([view], {TWEETS: ElonTweets})


class TestDays:
    tweets = (
        tweet(1, "2019-01-01 00:30"),
        tweet(2, "2019-01-01 00:59", is_reply=True),
        tweet(3, "2019-01-01 23:00"),
        tweet(4, "2019-01-02 05:00"),
    )

    def days(self, *observations: dict[str, object]) -> list[dict[str, object]]:
        nothing = observed([seen(9, "2019-01-01 00:00", "2019-01-01 00:00", 1)])  # of a tweet that is not there
        looked = observed(observations) if observations else nothing
        return computed(DAILY, {TWEETS: frame(self.tweets), OBSERVATIONS: looked}).to_dicts()

    def test_a_day_is_known_when_it_ends(self) -> None:
        first, second = self.days()
        assert (first["event_ts"], first["known_ts"]) == (utc("2019-01-01"), utc("2019-01-02"))
        assert (second["event_ts"], second["known_ts"]) == (utc("2019-01-02"), utc("2019-01-03"))

    def test_numbers_and_hours(self) -> None:
        first, second = self.days()
        assert (first["n_tweets"], first["share_replies"]) == (3, pytest.approx(1 / 3))
        assert (first["n_active_hours"], first["first_hour"], first["last_hour"]) == (2, 0, 23)
        assert (second["n_tweets"], second["share_replies"], second["n_active_hours"]) == (1, 0.0, 1)

    def test_engagement_is_null_until_it_is_observed(self) -> None:
        first, _ = self.days()
        assert first["n_observed"] == 0
        assert all(
            first[name] is None for name in ("likes", "retweets", "replies", "likes_mean", "likes_median", "likes_max")
        )

    def test_each_observation_makes_a_version(self) -> None:
        rows = self.days(
            seen(1, "2019-01-01 00:30", "2019-01-05 00:00", 100),
            seen(1, "2019-01-01 00:30", "2019-01-07 00:00", 120),
            seen(2, "2019-01-01 00:59", "2019-01-05 00:00", 20),
            seen(3, "2019-01-01 23:00", "2019-01-07 00:00", 40),
        )
        versions = [row for row in rows if row["event_ts"] == utc("2019-01-01")]
        columns = ("known_ts", "n_observed", "likes", "likes_mean", "likes_median", "likes_max")
        assert [tuple(row[name] for name in columns) for row in versions] == [
            (utc("2019-01-02"), 0, None, None, None, None),
            (utc("2019-01-05"), 2, 120, 60.0, 60.0, 100),
            (utc("2019-01-07"), 3, 180, 60.0, 40.0, 120),
        ]
        assert [row["n_tweets"] for row in versions] == [3, 3, 3]
        assert [row["retweets"] for row in versions] == [None, 60, 90]

    def test_what_was_observed_within_the_day_is_in_its_first_version(self) -> None:
        first, *_ = self.days(
            seen(1, "2019-01-01 00:30", "2019-01-01 20:00", 8), seen(1, "2019-01-01 00:30", "2019-01-02 00:00", 9)
        )
        assert (first["known_ts"], first["n_observed"], first["likes"]) == (utc("2019-01-02"), 1, 9)

    def test_a_day_without_tweets_has_a_row_of_zeros_that_no_later_tweet_is_needed_for(self) -> None:
        traded = coins("2018-12-31", "2019-01-01", "2019-01-03", "2019-01-05", "2019-02-01", "2019-02-02")
        nobody = observed([seen(9, "2019-01-01 00:00", "2019-01-01 00:00", 1)])
        found = computed(DAILY, {TWEETS: frame(self.tweets), OBSERVATIONS: nobody, COINS: traded})
        counts = ("event_ts", "known_ts", "n_tweets", "n_active_hours", "n_observed", "likes", "retweets", "replies")
        assert found.select(counts).rows()[2:] == [
            (utc(f"2019-{day}"), utc(f"2019-{known}"), 0, 0, 0, 0, 0, 0)
            for day, known in (("01-03", "01-04"), ("01-05", "01-06"), ("02-01", "02-02"))
        ], "not before the first tweet, nor later than 30 days behind the last"
        unknown = ("share_replies", "first_hour", "last_hour", "likes_mean", "likes_median", "likes_max")
        assert set(found.select(unknown).row(2)) == {None}

    def test_authors_are_apart(self) -> None:
        rows = frame([tweet(1, "2019-01-01 10:00"), tweet(2, "2019-01-01 11:00", author="vitalik")])
        found = computed(
            DAILY, {TWEETS: rows, OBSERVATIONS: observed([seen(1, "2019-01-01 10:00", "2019-02-01 00:00", 5)])}
        )
        told = found.select("author", "n_tweets", "n_observed").rows()
        assert told == [("elonmusk", 1, 0), ("elonmusk", 1, 1), ("vitalik", 1, 0)]


class TestTerms:
    def days(self, *tweets: dict[str, object]) -> pl.DataFrame:
        return computed(FREQUENCY, {TWEETS: frame(tweets)})

    def test_counts_in_each_sense(self) -> None:
        texts = ["DOGECOIN!", "I like @dogecoin", "@Dogecoin and dogecoin", "dogecoins", "nothing"]
        found = self.days(*(tweet(number, "2019-04-02 10:00", text=text) for number, text in enumerate(texts)))
        row = found.row(by_predicate=pl.col("term") == "dogecoin", named=True)
        assert (row["n_tweets"], row["n_tweets_without_mentions"], row["n_tweets_as_word"], row["n_tweets_all"]) == (
            4,
            3,
            3,
            5,
        )
        assert (row["frequency"], row["frequency_without_mentions"], row["frequency_as_word"]) == (0.8, 0.6, 0.6)
        assert (row["event_ts"], row["known_ts"]) == (utc("2019-04-02"), utc("2019-04-03"))

    def test_short_terms_are_in_long_words(self) -> None:
        found = self.days(
            tweet(1, "2019-04-02 10:00", text="the method"), tweet(2, "2019-04-02 11:00", text="Buy $ETH.")
        )
        row = found.row(by_predicate=pl.col("term") == "eth", named=True)
        assert (row["n_tweets"], row["n_tweets_as_word"]) == (2, 1)

    def test_every_day_with_tweets_has_every_term(self) -> None:
        found = self.days(tweet(1, "2019-04-02 10:00", text="Mars"), tweet(2, "2019-04-05 10:00", text="no term"))
        assert len(found) == 2 * len(TERMS)
        assert found.filter(pl.col("n_tweets") > 0)["term"].to_list() == ["mars"]

    def test_so_has_a_day_without_tweets_on_which_coins_were_traded(self) -> None:
        said = [tweet(1, "2019-04-02 10:00", text="Mars"), tweet(2, "2019-04-05 10:00", text="no term")]
        found = computed(FREQUENCY, {TWEETS: frame(said), COINS: coins("2019-04-02", "2019-04-03")})
        silent = found.filter(event_ts=utc("2019-04-03"))
        assert silent["term"].to_list() == sorted(TERMS)
        assert silent.select(pl.col("n_tweets", "n_tweets_all").sum()).row(0) == (0, 0)
        assert silent["frequency"].null_count() == len(TERMS)
        assert silent.filter(term="mars").select("n_tweets_7d", "frequency_7d").row(0) == (1, 1.0)

    def test_a_week_is_seven_days_and_no_more(self) -> None:
        texts = {"2019-04-01": "tesla", "2019-04-02": "tesla", "2019-04-07": "else", "2019-04-08": "tesla"}
        found = self.days(
            *(tweet(number, f"{day} 10:00", text=text) for number, (day, text) in enumerate(texts.items()))
        )
        rows = found.filter(term="tesla")
        assert rows["n_tweets_7d"].to_list() == [1, 2, 2, 2]
        assert rows["frequency_7d"].to_list() == [1.0, 1.0, pytest.approx(2 / 3), pytest.approx(2 / 3)]


def test_sentiment_of_english_tweets_only() -> None:
    at = datetime(2021, 1, 1, tzinfo=UTC)
    texts = [(1, "en", "I love this, it is great"), (2, "en", "terrible, I hate it"), (3, "de", "Ich liebe es")]
    tweets = pl.LazyFrame(
        [(n, text, lang, at) for n, lang, text in texts], schema=["id", "text", "language", "event_ts"], orient="row"
    )
    tweets = tweets.with_columns(pl.col("event_ts").cast(pl.Datetime("us", "UTC")))
    scores = all_views()["tweet_sentiment"].transform({"social.elon_tweets": tweets}).sort("id").collect()
    good, bad, foreign = scores["compound"]
    assert good > 0.5
    assert bad < -0.5
    assert foreign is None
    assert scores.filter(pl.col("id") == 1).select(
        pl.sum_horizontal("negative", "neutral", "positive")
    ).item() == pytest.approx(1, abs=0.01)
