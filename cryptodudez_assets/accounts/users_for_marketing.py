"""`accounts.users_for_marketing`: what users did, without saying who they are."""

import pandera.polars as pa
import polars as pl

from cryptodudez_assets.accounts import rules, star
from cryptodudez_assets.accounts.fact_user_day import OF_HISTORIES
from cryptodudez_assets.derived import Derived, Frames, Input

USER, DAYS = "accounts.dim_user", "accounts.fact_user_day"


class UsersForMarketing(star.StarContract):
    """Users as marketing may see them, one row each: by a pseudonym, with days instead of times. Who was erased is not among them.

    The pseudonym is the durable key, which is made of the user's id without a secret: whoever has a list of all ids can find out who is
    who. It protects from a glance, and from joining with data that know ids only; it does not make the table fit to be given away.
    """

    user_key: pl.Int64 = star.user_key()
    level: pl.Int64 = pa.Field(description="Level of verification now.", nullable=True)
    jurisdiction: str = pa.Field(description="Where the level holds.", nullable=True)
    first_active: pl.Date = pa.Field(description="UTC day of the first thing that was done.", nullable=True)
    last_active: pl.Date = pa.Field(description="UTC day of the last.", nullable=True)
    days_active: pl.Int64 = star.count("UTC days on which anything was done.")
    last_login: pl.Date = pa.Field(description="UTC day of the last login.", nullable=True)
    logins: pl.Int64 = star.count("Logins until now.")
    deposits: pl.Int64 = star.count("Complete deposits until now.")
    withdrawals: pl.Int64 = star.count("Complete withdrawals until now.")


def pseudonymised(frames: Frames) -> pl.LazyFrame:
    """The current version of each user with what all days come to."""
    users = frames[USER].filter("is_current", ~pl.col("is_erased"), pl.col("user_key") != rules.UNKNOWN)
    counts = ["logins", "deposits", "withdrawals"]
    done = (
        frames[DAYS]
        .group_by("user_key")
        .agg(
            first_active=pl.col("date").min(),
            last_active=pl.col("date").max(),
            days_active=pl.len().cast(pl.Int64),
            last_login=pl.col("last_login").max().dt.date(),
            **{name: pl.col(name).sum().cast(pl.Int64) for name in counts},
            of_days=pl.col("loaded_at").max(),
            **{f"any_{name}": pl.col(name).max() for name in OF_HISTORIES},
        )
        .collect(engine="streaming")  # held at once, days of everybody would take ever more memory
        .lazy()
        .with_columns(sources=star.sources_that_told(*(f"any_{name}" for name in OF_HISTORIES)))
    )
    return users.join(done, on="user_key", how="left").select(
        "user_key",
        "level",
        "jurisdiction",
        "first_active",
        "last_active",
        pl.col("days_active").fill_null(0),
        "last_login",
        *(pl.col(name).fill_null(0) for name in counts),
        pl.max_horizontal("loaded_at", "of_days").alias("loaded_at"),
        _told_by("record_source", "sources").alias("record_source"),
    )


def _told_by(*texts: str) -> pl.Expr:
    """The names in such texts, each once."""
    told = pl.concat_str(texts, separator=star.BETWEEN, ignore_nulls=True)
    return told.str.split(star.BETWEEN).list.unique().list.sort().list.join(star.BETWEEN)


DERIVED = Derived(
    "accounts.users_for_marketing",
    UsersForMarketing,
    owner=star.OWNER,
    key=["user_key"],
    inputs=[
        Input(USER, ["user_key", "level", "jurisdiction", "is_current", "is_erased", "loaded_at", "record_source"]),
        Input(
            DAYS,
            ["user_key", "date", "last_login", "logins", "deposits", "withdrawals", "loaded_at", *OF_HISTORIES],
        ),
    ],
    transform=pseudonymised,
    exports=[star.csv()],
)
