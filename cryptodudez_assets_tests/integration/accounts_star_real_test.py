"""The star of the real histories that there are: withdrawals, a hundred deposits, users; to the last of 18 decimals."""

from collections import defaultdict
from collections.abc import Callable
from datetime import date
from decimal import Context, Decimal, localcontext
from pathlib import Path

import polars as pl

from cryptodudez_assets.derived.upkeep.looking import look
from cryptodudez_assets.derived.upkeep.materialize import materialize, without_rows
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets_tests.account_histories import STAR, contents
from cryptodudez_assets_tests.integration.accounts_real_test import as_text, landed

FILES = {
    "withdrawals": "withdrawals_sample_data.csv",
    "deposits": "kbermude_transactions_sample.csv",
    "users": "user_id_sample_data.csv",
}
BY_NAME = {table.short_name: table for table in STAR}


def test_real_histories_become_a_star_that_adds_up(
    lake: Lake, drop: Callable[[str, str, bytes], Path], real_data: Path
) -> None:
    files = {name: real_data / "bitso" / "challenge" / file for name, file in FILES.items()}
    for name, file in files.items():
        landed(lake, drop, name, file)
    for table in STAR:
        if not without_rows(lake, table):
            materialize(lake, table)
            judged = [look(lake, table, check) for check in table.checks if not check.beside]
            assert all(found is not None and found.passed for found in judged)

    facts, days = contents(lake, BY_NAME["fact_transaction"]), contents(lake, BY_NAME["fact_currency_day"])
    users = contents(lake, BY_NAME["dim_user"])
    assert dict(facts["kind"].value_counts().iter_rows()) == {"withdrawal": 5098, "deposit": 100}
    assert users.filter(~pl.col("is_inferred"), pl.col("user_key") != 0)["user_id"].n_unique() == 25_699
    assert set(facts["user_key"]) <= set(users["user_key"])
    totals: dict[tuple[str, str, date], Decimal] = defaultdict(Decimal)
    with localcontext(Context(prec=60)):
        for kind in ("deposit", "withdrawal"):
            for row in as_text(files[f"{kind}s"]):
                day = date.fromisoformat(row["event_timestamp"][:10])
                totals[kind, row["currency"], day] += Decimal(row["amount"])
    told = days.select("kind", "currency", "date", "amount_all_statuses")
    assert {(kind, currency, day): total for kind, currency, day, total in told.iter_rows()} == totals
    assert days.filter(pl.col("kind") == "withdrawal").select(pl.col("n", "n_all_statuses").sum()).row(0) == (
        3251,
        5098,
    )
