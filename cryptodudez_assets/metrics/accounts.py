"""Metrics of the exchange's accounts."""

from cryptodudez_assets.metrics.declaration import Joined, Metric

USER_DAY, CURRENCY_DAY, USER = "accounts.fact_user_day", "accounts.fact_currency_day", "accounts.dim_user"

# A day is told by the user's version at its end: of several on one day, the last.
_AT_THE_END_OF_THE_DAY = (
    f"LEFT JOIN {USER} AS version ON version.user_key = fact.user_key "
    "AND version.valid_from < fact.date + INTERVAL 1 DAY AND version.valid_to >= fact.date + INTERVAL 1 DAY"
)
_OF_USERS = {name: Joined(f"version.{name}", USER, _AT_THE_END_OF_THE_DAY) for name in ("level", "jurisdiction")}
TRANSACTED = "fact.deposits + fact.withdrawals > 0"
"""Of a day of a user: whether he made a deposit or a withdrawal that was completed."""
_TRIED = "fact.deposits_all_statuses + fact.withdrawals_all_statuses > 0"

METRICS = (
    Metric(
        "active_users",
        "Different users who did anything: a deposit or withdrawal, whatever became of it, a login, any other event.",
        table=USER_DAY,
        where="fact.user_key <> 0",
        measure="count(DISTINCT fact.user_key)",
        day="date",
        unit="users",
        dimensions=_OF_USERS,
    ),
    Metric(
        "transacting_users",
        "Different users who made a deposit or withdrawal that was completed.",
        table=USER_DAY,
        where="fact.user_key <> 0",
        measure=f"count(DISTINCT fact.user_key) FILTER ({TRANSACTED})",
        all_statuses=f"count(DISTINCT fact.user_key) FILTER ({_TRIED})",
        day="date",
        unit="users",
        dimensions=_OF_USERS,
    ),
    Metric(
        "logins",
        "Logins, of whatever kind.",
        table=USER_DAY,
        measure="sum(logins)",
        day="date",
        unit="logins",
        dimensions=_OF_USERS,
    ),
    Metric(
        "deposits",
        "Deposits that were completed.",
        table=CURRENCY_DAY,
        where="kind = 'deposit'",
        measure="sum(n)",
        all_statuses="sum(n_all_statuses)",
        day="date",
        unit="deposits",
        dimensions={"currency": "currency"},
    ),
    Metric(
        "withdrawals",
        "Withdrawals that were completed.",
        table=CURRENCY_DAY,
        where="kind = 'withdrawal'",
        measure="sum(n)",
        all_statuses="sum(n_all_statuses)",
        day="date",
        unit="withdrawals",
        dimensions={"currency": "currency"},
    ),
    Metric(
        "currencies",
        "Different currencies that a completed deposit or withdrawal was in.",
        table=CURRENCY_DAY,
        measure="count(DISTINCT currency) FILTER (n > 0)",
        all_statuses="count(DISTINCT currency)",
        day="date",
        unit="currencies",
        dimensions={"kind": "kind"},
    ),
    Metric(
        "volume",
        "What was deposited or withdrawn, and completed, in units of the currency: amounts of several are never added up.",
        table=CURRENCY_DAY,
        measure="sum(amount)",
        all_statuses="sum(amount_all_statuses)",
        day="date",
        unit="units of the currency",
        dimensions={"currency": "currency", "kind": "kind"},
        always_by=("currency",),
    ),
)
