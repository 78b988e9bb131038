"""Somebody goes from the whole star of accounts: facts keep totals, questions still have answers, and everyday work brings nothing back."""

from datetime import date
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from cryptodudez_assets.derived.upkeep.materialize import made_from_by, materialize
from cryptodudez_assets.erasing.erase import erase
from cryptodudez_assets.erasing.receipt import Receipt
from cryptodudez_assets.lake.erasing.identity import Identity
from cryptodudez_assets.lake.iceberg.provenance import content_of
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.landing import land
from cryptodudez_assets.lake.sql import query
from cryptodudez_assets.lake.upkeep.rebuild import rebuild_source
from cryptodudez_assets.products.exports import exports_of
from cryptodudez_assets.settings import Settings
from cryptodudez_assets.simulator.account_files import HISTORIES, write_histories
from cryptodudez_assets.simulator.accounts import Accounts
from cryptodudez_assets_tests.account_histories import STAR
from cryptodudez_assets_tests.account_queries import QUESTIONS
from cryptodudez_assets_tests.builders import open_lake, rows_of, take_in
from cryptodudez_assets_tests.toy_accounts import KEY

LAST = date(2024, 3, 31)
SMALL = Accounts(users=24, deposits=120, withdrawals=90, events=200, levels=40, days=12, last_day=LAST)
SOURCES = [*HISTORIES, "users"]
FACTS = ["fact_transaction", "fact_event", "fact_user_day", "fact_currency_day"]
TOLD = {"day": LAST, "from": date(2024, 3, 20), "to": LAST, "currency": "btc"}
ABOUT_ONE = {"question 4", "question 5"}


def made(lake: Lake) -> None:
    for table in STAR:
        materialize(lake, table)
    for one in exports_of([], STAR):
        one.write(lake)


def facts(lake: Lake) -> dict[str, pl.DataFrame]:
    """What facts tell of everybody together."""
    told = {}
    for name in FACTS:
        rows = rows_of(lake, f"accounts.{name}")
        numbers = [one for one, dtype in rows.schema.items() if dtype.is_numeric() and not one.endswith("_key")]
        told[name] = rows.select(pl.len(), pl.col(numbers).sum())
        if "user_key" in rows.columns:
            told[name] = told[name].with_columns(users=rows["user_key"].n_unique())
    return told


def answers(lake: Lake, user: str) -> dict[str, pl.DataFrame]:
    found = {}
    for heading, statement in QUESTIONS.items():
        named = {name: value for name, value in {**TOLD, "user_id": user}.items() if f"${name}" in statement}
        found[heading] = query(lake, statement, named)
    return found


@pytest.fixture(scope="module")
def erased(tmp_path_factory: pytest.TempPathFactory) -> tuple[Lake, str, Receipt, dict[str, object]]:
    folder = tmp_path_factory.mktemp("accounts")
    lake = open_lake(Settings(home=folder / "home", settle_seconds=0, erasure_key=KEY))
    write_histories(folder, SMALL)
    for name in SOURCES:
        list(land(lake, name, sorted((folder / name).iterdir())))
        take_in(lake, lake.sources[name])
    made(lake)
    both = [set(rows_of(lake, f"accounts.{name}")["user_id"]) for name in ("deposits", "withdrawals", "events")]
    user = sorted(set.intersection(*both))[0]
    lake.tables.keep("accounts.deposits")
    before = {"facts": facts(lake), "answers": answers(lake, user), "users": rows_of(lake, "accounts.dim_user")}
    return lake, user, erase(lake, Identity("account", user), derived=STAR), before


def left_in(lake: Lake, user: str) -> list[str]:
    files = (path for path in lake.settings.home.rglob("*") if path.is_file())
    found = [path for path in files if user.encode() in path.read_bytes()]
    for path in Path(lake.settings.home).rglob("*.parquet"):
        texts = pl.read_parquet(path).select(pl.col(pl.String)).to_dict(as_series=False)
        found += [path for values in texts.values() if any(user in str(value) for value in values)]
    return sorted({str(path) for path in found})


def test_nothing_of_him_is_left(erased):
    lake, user, receipt, _ = erased
    assert not receipt.left, receipt.left
    assert left_in(lake, user) == []


def test_the_receipt_counts_where_he_was_and_not_what_was_written_anew(erased):
    _, _, receipt, _ = erased
    exports = [one for one in receipt.done if one.place.endswith(".csv") and "/exports/" in one.place]
    assert {(one.what, one.count) for one in exports} == {("export, written anew", None)}


def test_nothing_is_behind(erased):
    lake, *_ = erased
    for table in STAR:
        made = made_from_by(table, lake.tables.table)
        assert made is not None
        assert {name: content_of(lake.tables.table(name)) for name in made.inputs} == made.inputs, table.name
    for one in exports_of([], STAR):
        assert one.made_from(lake).inputs == {one.table: content_of(lake.tables.table(one.table))}


def test_facts_keep_their_totals_and_he_is_nobody(erased):
    lake, user, _, before = erased
    for name, told in facts(lake).items():
        assert_frame_equal(told, before["facts"][name])
    theirs = before["users"].filter(user_id=user)
    assert len(theirs)
    now = rows_of(lake, "accounts.dim_user")
    assert len(now) == len(before["users"])
    gone = now.filter("is_erased")
    assert (len(gone), gone["user_id"].null_count()) == (len(theirs), len(theirs))
    assert not set(theirs["user_key"]) & set(now["user_key"])
    kept = before["users"].filter(pl.col("user_id") != user).drop("loaded_at")
    assert_frame_equal(
        now.filter(pl.col("user_id").is_in(kept["user_id"].implode())).drop("loaded_at"), kept, check_row_order=False
    )
    for name in ("fact_transaction", "fact_event", "fact_user_day"):
        assert set(rows_of(lake, f"accounts.{name}")["user_key"]) <= set(now["user_key"])


def test_marketing_sees_everybody_but_him(erased):
    lake, user, _, before = erased
    users = before["users"].filter("is_current", pl.col("user_key") != 0)
    others = users.filter(pl.col("user_id") != user)["user_key"].sort()
    assert len(others) == len(users) - 1
    assert rows_of(lake, "accounts.users_for_marketing")["user_key"].sort().equals(others)


def test_questions_about_everybody_have_the_same_answers(erased):
    lake, user, _, before = erased
    for heading, told in answers(lake, user).items():
        if heading in ABOUT_ONE:
            continue
        told, known = (
            one.select(name for name in one.columns if not name.startswith("user_"))
            for one in (told, before["answers"][heading])
        )
        assert len(told) == len(known), heading
        if told.width:
            assert_frame_equal(told.sort(told.columns), known.sort(known.columns))


def test_everyday_work_and_what_is_made_anew_bring_nothing_back(erased):
    lake, user, receipt, before = erased
    for name in SOURCES:
        take_in(lake, lake.sources[name])
    made(lake)
    rebuild_source(lake, lake.sources["deposits"])
    made(lake)

    assert left_in(lake, user) == []
    for name, told in facts(lake).items():
        assert_frame_equal(told, before["facts"][name])
    assert receipt.pseudonym in set(rows_of(lake, "accounts.deposits")["user_id"])
