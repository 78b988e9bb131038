"""`accounts.seen_users`: when anybody was first seen, so that members of `accounts.dim_user` can be inferred."""

import polars as pl

from cryptodudez_assets.accounts import star
from cryptodudez_assets.contracts.accounts import Deposits, Events, Withdrawals, user_id
from cryptodudez_assets.contracts.base import UtcTime
from cryptodudez_assets.derived import Derived, Frames, Input

TABLE = "accounts.seen_users"
WHO = ["user_key", "user_id"]


class SeenUsers(star.StarContract):
    """Everybody who ever did anything, one row per user: when he was first seen in a transaction or an event, of whatever status."""

    user_key: pl.Int64 = star.user_key()
    user_id: str = user_id()
    first_seen: UtcTime = star.moment("When that was (UTC).")


def first_seen(frames: Frames) -> pl.LazyFrame:
    """Who was not seen before, with the first that was seen of him."""
    seen = pl.concat(
        [frames[name].with_columns(number=pl.lit(1 << bit, pl.Int64)) for bit, name in enumerate(star.HISTORIES)]
    )
    # Of ids with one key a hash tells which was seen, at half of the time that the texts would take.
    hashed = pl.col("user_id").hash().alias("hashed")
    before = frames[TABLE].select("user_key", hashed)
    new = seen.with_columns(hashed).join(before, on=["user_key", "hashed"], how="anti")
    firsts = new.group_by(WHO).agg(first_seen=pl.col("event_ts").min())
    rows = new.join(firsts, left_on=[*WHO, "event_ts"], right_on=[*WHO, "first_seen"], how="semi")
    return (
        rows.group_by(*WHO, pl.col("event_ts").alias("first_seen"))
        .agg(loaded_at=pl.col("known_ts").max(), number=pl.col("number").bitwise_or())
        .select(*WHO, "first_seen", "loaded_at", record_source=star.sources_of(pl.col("number")))
    )


READS = [*WHO, "event_ts", "known_ts"]
CONTRACTS = {star.DEPOSITS: Deposits, star.WITHDRAWALS: Withdrawals, star.EVENTS: Events}
DERIVED = Derived(
    TABLE,
    SeenUsers,
    owner=star.OWNER,
    key=WHO,
    inputs=[Input(name, READS, reaches="later", absent=told) for name, told in CONTRACTS.items()],
    transform=first_seen,
    time="first_seen",
    accumulates=True,
)
