"""Metrics of the exchange's accounts: of users by what they did on a day, of transactions by the currency and the day.

What is completed counts; what has any status is told beside (`all_statuses`).
"""

from functools import partial

from cryptodudez_assets.metrics.declaration import Joined, Metric

USER_DAY, CURRENCY_DAY, USER = "accounts.fact_user_day", "accounts.fact_currency_day", "accounts.dim_user"

# A day is told by the user's version at its end: of several on one day, the last.
_AT_THE_END_OF_THE_DAY = (
    f"LEFT JOIN {USER} AS version ON version.user_key = fact.user_key "
    "AND version.valid_from < fact.date + INTERVAL 1 DAY AND version.valid_to >= fact.date + INTERVAL 1 DAY"
)
_OF_USERS = {name: Joined(f"version.{name}", USER, _AT_THE_END_OF_THE_DAY) for name in ("level", "jurisdiction")}
SOMEBODY = "fact.user_key <> 0"
"""Of a day of a user: whether it is known whose it is."""
TRANSACTED = "fact.deposits + fact.withdrawals > 0"
"""Of a day of a user: whether he made a deposit or a withdrawal that was completed."""
_TRIED = "fact.deposits_all_statuses + fact.withdrawals_all_statuses > 0"

_of_user_days = partial(Metric, table=USER_DAY, day="date", dimensions=_OF_USERS)
_of_currency_days = partial(Metric, table=CURRENCY_DAY, day="date")


def _completed(kind: str) -> Metric:
    """How many transactions of a kind there were."""
    return _of_currency_days(
        f"{kind}s",
        f"{kind.capitalize()}s that were completed.",
        where=f"kind = '{kind}'",
        measure="sum(n)",
        all_statuses="sum(n_all_statuses)",
        unit=f"{kind}s",
        dimensions={"currency": "currency"},
    )


METRICS = (
    _of_user_days(
        "active_users",
        "Different users who did anything: a deposit or withdrawal, whatever became of it, a login, any other event.",
        where=SOMEBODY,
        measure="count(DISTINCT fact.user_key)",
        unit="users",
    ),
    _of_user_days(
        "transacting_users",
        "Different users who made a deposit or withdrawal that was completed.",
        where=SOMEBODY,
        measure=f"count(DISTINCT fact.user_key) FILTER ({TRANSACTED})",
        all_statuses=f"count(DISTINCT fact.user_key) FILTER ({_TRIED})",
        unit="users",
    ),
    _of_user_days("logins", "Logins, of whatever kind.", measure="sum(logins)", unit="logins"),
    _completed("deposit"),
    _completed("withdrawal"),
    _of_currency_days(
        "currencies",
        "Different currencies that a completed deposit or withdrawal was in.",
        measure="count(DISTINCT currency) FILTER (n > 0)",
        all_statuses="count(DISTINCT currency)",
        unit="currencies",
        dimensions={"kind": "kind"},
    ),
    _of_currency_days(
        "volume",
        "What was deposited or withdrawn, and completed, in units of the currency: amounts of several are never added up.",
        measure="sum(amount)",
        all_statuses="sum(amount_all_statuses)",
        unit="units of the currency",
        dimensions={"currency": "currency", "kind": "kind"},
        always_by=("currency",),
    ),
)
"""All of them, in the order in which they are listed and shown."""
