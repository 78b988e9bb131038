"""Who has an erased identity in the name, or in an amount, stays as they are; and what is kept of the erased one tells nothing."""

import json
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from cryptodudez_assets.erasing.erase import erase
from cryptodudez_assets.lake.erasing.identity import Identity
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.settings import Settings
from cryptodudez_assets_tests.builders import rows_of, take_in
from cryptodudez_assets_tests.toy import zipped
from cryptodudez_assets_tests.toy_accounts import HEADER, KEY, PAYMENTS, as_csv, as_lines, parquet, row

Drop = Callable[[str, str, bytes], Path]

PAIRS = {
    "john.doe": "john.doe.smith",
    "john.doe ": "john.doe@example.com",
    "ada@x.org": "ada@x.org.mx",
    "user-1": "user-1.2",
    "user-1 ": "old+user-1@example.org",
    "12": "123",
    "123456789012": "123456789012345",
    "tenant:john": "tenant:john:admin",
    "ABCDEF0123456789": "ABCDEF0123456789abcdef",
    "ABCDEF0123456789abcdef": "x-ABCDEF0123456789abcdefX",
}
"""Who is erased, and who stays: bounds of manifests are cut off behind 16 characters."""


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    settings = Settings(home=tmp_path / "home", settle_seconds=0, erasure_key=KEY)
    return Lake.open(settings, {"payments": PAYMENTS})


def table(lake: Lake) -> pl.DataFrame:
    return rows_of(lake, PAYMENTS.table).sort("id").select("id", "user_id", "note")


@pytest.mark.parametrize(("one", "other"), [(one.strip(), other) for one, other in PAIRS.items()])
def test_who_has_an_erased_one_in_the_name_stays(lake: Lake, drop: Drop, one: str, other: str):
    bad = ["p8", "never", other, 1.5, "ok"]
    drop("payments", "one.csv", as_csv([row(1, one), row(2, other), bad, ["p9", "never", one, 1.5, "ok"]]).encode())
    drop("payments", "two.jsonl", as_lines([row(3, one), row(4, other, note=other)]).encode())
    drop("payments", "three.parquet", parquet([row(5, one), row(6, other)]))
    take_in(lake, PAYMENTS)
    logs = lake.settings.home / "logs"
    logs.mkdir()
    (logs / "api.log").write_text(f"asked for {other}\n")

    receipt = erase(lake, Identity("account", one), derived=[])

    assert not receipt.left, receipt.left
    raw = Path(lake.settings.lake) / "raw" / "payments"
    assert (raw / "one.csv").read_bytes() == as_csv(
        [row(1, receipt.pseudonym), row(2, other), bad, ["p9", "never", receipt.pseudonym, 1.5, "ok"]]
    ).encode()
    assert as_lines([row(4, other, note=other)]).encode() in (raw / "two.jsonl").read_bytes()
    assert pl.read_parquet(raw / "three.parquet")["user_id"].to_list() == [receipt.pseudonym, other]
    assert (logs / "api.log").read_text() == f"asked for {other}\n"
    set_aside = rows_of(lake, "quarantine.rows").sort("file_row")["raw"].str.strip_chars("\n").to_list()
    assert set_aside == [f"p8,never,{other},1.5,ok", f"p9,never,{receipt.pseudonym},1.5,ok"]
    assert table(lake)["user_id"].to_list() == [receipt.pseudonym, other] * 3
    again = erase(lake, Identity("account", one), derived=[])
    assert not again.left, again.left
    assert table(lake)["user_id"].to_list() == [receipt.pseudonym, other] * 3


@pytest.mark.parametrize(("one", "other"), [(one.strip(), other) for one, other in PAIRS.items()])
def test_who_lands_later_is_not_taken_for_the_erased_one(lake: Lake, drop: Drop, one: str, other: str):
    drop("payments", "one.csv", as_csv([row(1, one)]).encode())
    take_in(lake, PAYMENTS)
    receipt = erase(lake, Identity("account", one), derived=[])
    later = [row(2, one), row(3, other), row(4, f"{other}-new")]

    drop("payments", "two.csv", as_csv(later).encode())
    drop("payments", "three.zip", zipped({"three.jsonl": as_lines([row(5, other), row(6, one)]).encode()}))
    drop("payments", "four.parquet", parquet([row(7, one), row(8, other)]))
    take_in(lake, PAYMENTS)

    gone = receipt.pseudonym
    assert table(lake)["user_id"].to_list() == [gone, gone, other, f"{other}-new", other, gone, gone, other]


def test_two_who_were_erased_are_both_known_where_one_is_in_the_others_name(lake: Lake, drop: Drop):
    people = ["john.doe", "john.doe.smith", "tenant:john", "tenant:john:admin"]
    drop("payments", "one.csv", as_csv([row(n, one) for n, one in enumerate(people)]).encode())
    take_in(lake, PAYMENTS)
    pseudonyms = [erase(lake, Identity("account", one), derived=[]).pseudonym for one in people]

    drop("payments", "two.csv", as_csv([row(4 + n, one) for n, one in enumerate(people)]).encode())
    take_in(lake, PAYMENTS)

    assert table(lake)["user_id"].to_list() == pseudonyms * 2


def test_an_amount_is_nobody(lake: Lake, drop: Drop):
    """Nor is a number of a payment: whoever has the same digits as a name is found where columns are tagged, and in what is said."""
    one = "123456789012"
    rows = [row(1, one), row(2, "bob", amount=float(one)), [one, "2024-01-01", "bob", one, "ok"]]
    drop("payments", "one.csv", as_csv([*rows, ["p3", "never", "bob", one, "ok"]]).encode())
    drop("payments", "two.jsonl", as_lines([row(4, "bob", amount=int(one)), row(5, one, amount=int(one))]).encode())
    take_in(lake, PAYMENTS)
    logs = lake.settings.home / "logs"
    logs.mkdir()
    (logs / "api.log").write_text(f"asked for {one}\n")

    receipt = erase(lake, Identity("account", one), derived=[])

    assert not receipt.left, receipt.left
    raw = Path(lake.settings.lake) / "raw" / "payments"
    gone = receipt.pseudonym
    assert (raw / "one.csv").read_text() == as_csv([row(1, gone), *rows[1:], ["p3", "never", "bob", one, "ok"]])
    lines = [json.loads(line) for line in (raw / "two.jsonl").read_text().splitlines()]
    assert [(line["user_id"], line["amount"]) for line in lines] == [("bob", int(one)), (gone, int(one))]
    assert rows_of(lake, "quarantine.rows")["raw"].to_list() == [f"p3,never,bob,{one},ok"]
    assert (logs / "api.log").read_text() == f"asked for {gone}\n"


@pytest.mark.parametrize("one", ["123456789012", "42"])
def test_a_number_that_is_left_in_its_column_is_found(
    lake: Lake, drop: Drop, monkeypatch: pytest.MonkeyPatch, one: str
):
    from cryptodudez_assets.erasing import work

    drop("payments", "one.csv", as_csv([row(1, one)]).encode())
    take_in(lake, PAYMENTS)
    monkeypatch.setattr(work, "erase_from_objects", lambda *_: [])
    monkeypatch.setattr(work, "erase_from_rows", lambda *_: 0)

    left = dict(erase(lake, Identity("account", one), derived=[]).left)

    assert {place.rpartition("/")[2] for place in left} >= {"one.csv", PAYMENTS.table}


IN_OTHER_LETTERS = ["名前さくら太郎-7", "Ünïcödé-名前", 'we"ird/id-1', "ид-пользователя", "😀😀-smile"]


@pytest.mark.parametrize("one", IN_OTHER_LETTERS)
def test_what_is_kept_of_an_identity_does_not_tell_its_letters(lake: Lake, drop: Drop, one: str):
    def line(number: int, *, as_ascii: bool) -> bytes:
        told = dict(zip(HEADER.split(","), row(number, one), strict=True))
        return json.dumps(told, ensure_ascii=as_ascii).replace("/", "\\/").encode() + b"\n"

    drop("payments", "one.jsonl", line(1, as_ascii=True))
    take_in(lake, PAYMENTS)

    receipt = erase(lake, Identity("account", one), derived=[])

    assert not receipt.left
    (shape,) = rows_of(lake, "catalog.erasures")["shape"]
    assert not {letter for letter in one if not letter.isascii()} & set(shape)
    drop("payments", "two.jsonl", line(2, as_ascii=True))
    drop("payments", "three.jsonl", line(3, as_ascii=False))
    quoted = '"{}"'.format(one.replace('"', '""'))
    drop("payments", "four.csv", as_csv([row(4, quoted)]).encode())
    drop("payments", "five.csv", as_csv([row(5, quoted)]).encode("utf-16"))
    take_in(lake, PAYMENTS)
    assert table(lake).select("id", "user_id").rows() == [(f"p{n}", receipt.pseudonym) for n in range(1, 6)]
