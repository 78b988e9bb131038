"""`accounts.dim_user`: users, and the levels that they had in the course of time."""

import pandera.polars as pa
import polars as pl

from cryptodudez_assets.accounts import rules, star
from cryptodudez_assets.accounts.reconciling import ONE_USER_A_KEY, VERSIONS_FOLLOW
from cryptodudez_assets.accounts.seen_users import TABLE as SEEN
from cryptodudez_assets.accounts.seen_users import SeenUsers
from cryptodudez_assets.contracts.accounts import PERSONAL, UserLevels, Users
from cryptodudez_assets.contracts.base import UtcTime
from cryptodudez_assets.contracts.erasures import Erasures
from cryptodudez_assets.derived import Derived, Frames, Input

LEVEL = ["level", "jurisdiction"]
ERASURES = "catalog.erasures"
"""Who was erased: whoever calls himself as a pseudonym looks is somebody as others are."""


class DimUser(star.StarContract):
    """Users, one row per user and version: a version is as long as level and jurisdiction stay what they are (SCD2).

    Versions of a user follow each other without a hole and without an overlap, from 1970-01-01 to 9999-12-31, `valid_to` excluded. Of
    several levels that begin at one instant the greatest counts, then the greatest jurisdiction. Facts name the user by his durable
    `user_key`; the version at a time is the one with `valid_from <= time < valid_to`. The member with the key 0 is nobody known.
    """

    user_version_key: pl.Int64 = pa.Field(description="Key of the version, of `user_key` and `valid_from`.", ge=0)
    user_key: pl.Int64 = star.user_key()
    user_id: str = pa.Field(
        description="User, as the exchange names him; null of nobody known, and of who was erased.",
        nullable=True,
        metadata=PERSONAL,
    )
    level: pl.Int64 = pa.Field(description="Level of verification; null before the first.", nullable=True)
    jurisdiction: str = pa.Field(description="Where the level holds; null before the first.", nullable=True)
    valid_from: UtcTime = star.moment("The first instant of the version (UTC).")
    valid_to: UtcTime = star.moment("The first instant after it (UTC).")
    is_current: pl.Boolean = pa.Field(description="Whether it is the user's last version.")
    is_inferred: pl.Boolean = pa.Field(description="Whether he is in no list of users, only seen elsewhere.")
    is_erased: pl.Boolean = pa.Field(description="Whether his identity was erased (`catalog.erasures`).")


def versions(frames: Frames) -> pl.LazyFrame:
    """Members, each with the versions that his levels make."""
    levels = frames[star.USER_LEVELS]
    begins = pl.max_horizontal("event_ts", pl.lit(rules.FIRST))
    # Before its first level everybody has none; a level from 1970 on or before takes the place of that.
    none = _members(frames).select(
        "user_key", pl.lit(None, pl.Int64).alias("level"), pl.lit(None, pl.String).alias("jurisdiction")
    )
    none = none.with_columns(valid_from=pl.lit(rules.FIRST), event_ts=pl.lit(None, pl.Datetime("us", "UTC")))
    held = levels.select("user_key", *LEVEL, begins.alias("valid_from"), "event_ts")
    one_an_instant = (
        pl.concat([none, held.select(none.collect_schema().names())])
        .sort("user_key", "valid_from", "event_ts", *LEVEL, nulls_last=False)
        .unique(["user_key", "valid_from"], keep="last", maintain_order=True)
    )
    is_first = pl.col("user_key").ne_missing(pl.col("user_key").shift())
    changes = [pl.col(name).ne_missing(pl.col(name).shift()) for name in LEVEL]
    rows = one_an_instant.filter(pl.any_horizontal(is_first, *changes))
    until = pl.col("valid_from").shift(-1).over("user_key").fill_null(rules.END)
    rows = rows.with_columns(valid_to=until).join(_members(frames), on="user_key")
    return pl.concat([_finished(rows, _erased(frames)), _nobody()])


def _erased(frames: Frames) -> pl.LazyFrame:
    """What stands for users who were erased."""
    told = frames[ERASURES].filter(kind=PERSONAL["personal"])
    return told.select(user_id="pseudonym", is_erased=pl.lit(value=True)).unique()


def _members(frames: Frames) -> pl.LazyFrame:
    """Everybody of whom anything is known, one row a key."""
    told = [
        frames[name].select("user_key", "user_id", "known_ts", pl.lit(name).alias("record_source"))
        for name in (star.USERS, star.USER_LEVELS)
    ]
    seen = frames[SEEN].select("user_key", "user_id", pl.col("loaded_at").alias("known_ts"), "record_source")
    return (
        pl.concat([*told, seen])
        .filter(pl.col("user_key") != rules.UNKNOWN)
        .group_by("user_key")
        .agg(
            pl.col("user_id").min(),
            is_inferred=~(pl.col("record_source") == star.USERS).any(),
            loaded_at=pl.col("known_ts").max(),
            record_source=pl.col("record_source").unique().sort().str.join(star.BETWEEN),
        )
    )


def _finished(rows: pl.LazyFrame, erased: pl.LazyFrame) -> pl.LazyFrame:
    named = pl.format("{} {}", "user_key", pl.col("valid_from").dt.epoch("us"))
    is_erased = pl.col("is_erased").fill_null(value=False)
    return rows.join(erased, on="user_id", how="left").select(
        named.map_batches(rules.keys_of, return_dtype=pl.Int64, is_elementwise=True).alias("user_version_key"),
        "user_key",
        pl.when(~is_erased).then("user_id").alias("user_id"),
        *LEVEL,
        "valid_from",
        "valid_to",
        (pl.col("valid_to") == rules.END).alias("is_current"),
        "is_inferred",
        is_erased.alias("is_erased"),
        "loaded_at",
        "record_source",
    )


def _nobody() -> pl.LazyFrame:
    """The unknown member."""
    nobody = {
        **{"user_version_key": rules.UNKNOWN, "user_key": rules.UNKNOWN, "user_id": None},
        **{"level": None, "jurisdiction": None, "valid_from": rules.FIRST, "valid_to": rules.END, "is_current": True},
        **{"is_inferred": False, "is_erased": False, "loaded_at": rules.FIRST, "record_source": ""},
    }
    time = pl.Datetime("us", "UTC")
    types: dict[str, pl.DataType | type[pl.DataType]] = {
        **{"user_id": pl.String, "level": pl.Int64, "jurisdiction": pl.String},
        **{"valid_from": time, "valid_to": time, "loaded_at": time},
    }
    return pl.LazyFrame([nobody], schema_overrides=types)


DERIVED = Derived(
    "accounts.dim_user",
    DimUser,
    owner=star.OWNER,
    key=["user_key", "valid_from"],
    inputs=[
        Input(star.USERS, ["user_key", "user_id", "known_ts"], absent=Users),
        Input(
            star.USER_LEVELS,
            ["user_key", "user_id", "jurisdiction", "level", "event_ts", "known_ts"],
            absent=UserLevels,
        ),
        Input(SEEN, ["user_key", "user_id", "loaded_at", "record_source"], absent=SeenUsers),
        Input(ERASURES, ["pseudonym", "kind"], reaches="all", absent=Erasures),
    ],
    transform=versions,
    exports=[star.csv()],
    checks=[VERSIONS_FOLLOW, ONE_USER_A_KEY],
)
