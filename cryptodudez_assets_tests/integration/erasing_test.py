"""An identity is erased from everything that is kept, and what it counts stays."""

import gzip
import io
import json
import struct
import threading
import zipfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from threading import Thread

import polars as pl
import pytest
from click.testing import CliRunner
from pydantic import SecretStr

from cryptodudez_assets.cli import main
from cryptodudez_assets.derived.upkeep.materialize import materialize
from cryptodudez_assets.erasing.erase import erase
from cryptodudez_assets.erasing.places import everything
from cryptodudez_assets.erasing.scan import scan_files
from cryptodudez_assets.erasing.work import RunUnderWay
from cryptodudez_assets.lake.erasing import raw, registry
from cryptodudez_assets.lake.erasing.identity import ERASED, Identity, Mode
from cryptodudez_assets.lake.erasing.registry import NoKey
from cryptodudez_assets.lake.lake import Lake, now
from cryptodudez_assets.lake.metastore import file_entries
from cryptodudez_assets.lake.metastore.discovery import discover_all
from cryptodudez_assets.lake.store.locks import exclusive, sign_of_life
from cryptodudez_assets.lake.upkeep.rebuild import rebuild_source
from cryptodudez_assets.lake.upkeep.verify import verify_raw, verify_table
from cryptodudez_assets.settings import Settings
from cryptodudez_assets.sources import all_sources
from cryptodudez_assets_tests.builders import rows_of, take_in
from cryptodudez_assets_tests.erasing_campaign import carry_out
from cryptodudez_assets_tests.toy import counts, files, rejected, zipped
from cryptodudez_assets_tests.toy_accounts import ADA, BOB, KEY, PAYMENTS, TOTALS, as_csv, every_form, key_of, row

Drop = Callable[[str, str, bytes], Path]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", settle_seconds=0, erasure_key=KEY)


@pytest.fixture
def lake(settings: Settings) -> Lake:
    return Lake.open(settings, {"payments": PAYMENTS})


def summary(lake: Lake) -> dict[str, object]:
    rows = lake.tables.scan(PAYMENTS.table)
    assert rows is not None
    told = rows.select(pl.len(), pl.col("amount").sum(), pl.col("user_key").n_unique()).collect().row(0)
    return {"payments": told}


def all_bytes(home: Path) -> dict[str, bytes]:
    return {str(path.relative_to(home)): path.read_bytes() for path in home.rglob("*") if path.is_file()}


def test_an_identity_goes_from_everywhere_and_totals_stay(lake: Lake, drop: Drop):
    for name, content in every_form().items():
        drop("payments", name, content)
    take_in(lake, PAYMENTS)
    materialize(lake, TOTALS)
    lake.tables.keep(PAYMENTS.table)
    (lake.settings.home / "logs").mkdir()
    (lake.settings.home / "logs" / "api.log").write_text(
        f"asked for {ADA}\nasked for {BOB}, {key_of(ADA)} is {ADA[:20]}…\n"
    )
    before, known = summary(lake), files(lake, PAYMENTS)

    receipt = erase(lake, Identity("account", ADA), derived=[TOTALS])

    assert not receipt.left, receipt.left
    home = lake.settings.home
    left = {name: content for name, content in all_bytes(home).items() if ADA[:16].encode() in content}
    assert {name: content[content.find(ADA[:16].encode()) - 60 :][:140] for name, content in left.items()} == {}
    assert str(key_of(ADA)) not in (home / "logs" / "api.log").read_text()
    assert summary(lake) == before
    rows = lake.tables.scan(PAYMENTS.table).collect()
    pseudonym = receipt.pseudonym
    assert pseudonym.startswith(ERASED)
    assert set(rows["user_id"]) == {pseudonym, BOB}
    theirs = rows.filter(user_id=pseudonym)
    assert set(theirs["user_key"]) == {key_of(pseudonym)}
    totals = lake.tables.scan(TOTALS.table).collect().sort("n")
    assert set(totals["user_key"]) == {key_of(pseudonym), key_of(BOB)}
    assert totals.filter(user_key=key_of(pseudonym))["user_id"].to_list() == [None]
    assert discover_all(lake, "payments") == []
    now = files(lake, PAYMENTS)
    for name, entry in now.items():
        assert entry["file_id"] == known[name]["file_id"]
        assert entry["discovered_at"] == known[name]["discovered_at"]


def test_who_was_erased_is_recognised_where_more_lands(lake: Lake, drop: Drop):
    drop("payments", "first.csv", as_csv([row(1, ADA), row(2, BOB)]).encode())
    take_in(lake, PAYMENTS)
    receipt = erase(lake, Identity("account", ADA), derived=[])
    assert not receipt.left
    for name, content in every_form().items():
        drop("payments", name, content)
    drop("payments", "again/first.csv", as_csv([row(1, ADA), row(2, BOB)]).encode())

    take_in(lake, PAYMENTS)

    left = {name: content for name, content in all_bytes(lake.settings.home).items() if ADA[:16].encode() in content}
    assert {name: content[content.find(ADA[:16].encode()) - 60 :][:140] for name, content in left.items()} == {}
    rows = lake.tables.scan(PAYMENTS.table).collect()
    assert set(rows["user_id"]) == {receipt.pseudonym, BOB}
    assert files(lake, PAYMENTS)["again/first.csv"]["status"] == "duplicate"
    assert rejected(lake, files(lake, PAYMENTS)["bad.csv"])


def commented_zip(who: str) -> bytes:
    """Somebody in every place of an archive beside its members."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        member = zipfile.ZipInfo("one.csv")
        member.comment = f"of {who}".encode()
        unicode_comment = b"\x01abcd" + who.encode()
        member.extra = struct.pack("<HH", 0x6375, len(unicode_comment)) + unicode_comment + b"\xfe\xca\x01\x00x"
        archive.writestr(member, as_csv([row(1, BOB)]))
        archive.comment = f"made for {who}, and {who}.".encode()
    return out.getvalue()


def commented_gzip(who: str) -> bytes:
    packed = gzip.compress(as_csv([row(2, BOB)]).encode(), mtime=0)
    return packed[:3] + b"\x10" + packed[4:10] + f"of {who}\0".encode() + packed[10:]


def test_what_archives_say_beside_their_members_goes_too(lake: Lake, drop: Drop):
    drop("payments", "said.zip", commented_zip(ADA))
    drop("payments", "said.csv.gz", commented_gzip(ADA))
    drop("payments", "within.zip", zipped({"said.zip": commented_zip(ADA)}))
    take_in(lake, PAYMENTS)
    rows = lake.tables.scan(PAYMENTS.table).collect()

    receipt = erase(lake, Identity("account", ADA), derived=[])

    assert not receipt.left, receipt.left
    assert scan_files(everything(lake), ADA).found == []
    with zipfile.ZipFile(Path(lake.settings.lake) / "raw" / "payments" / "said.zip") as archive:
        (member,) = archive.infolist()
        assert archive.comment == f"made for {receipt.pseudonym}, and {receipt.pseudonym}.".encode()
        assert (member.comment, member.extra) == (f"of {receipt.pseudonym}".encode(), b"\xfe\xca\x01\x00x")
    assert lake.tables.scan(PAYMENTS.table).collect().equals(rows)
    assert discover_all(lake, "payments") == []

    drop("payments", "later/said.zip", commented_zip(ADA))
    take_in(lake, PAYMENTS)
    assert scan_files(everything(lake), ADA).found == []


def test_archives_in_archives_are_looked_into_as_well(lake: Lake, drop: Drop):
    """No source reads them: they are set aside whole, with a copy."""
    within = zipped({"one.csv": as_csv([row(1, ADA)]).encode()})
    files = {"within.zip": within, "one.csv.gz": gzip.compress(as_csv([row(2, ADA)]).encode())}
    drop("payments", "first.zip", zipped(files))
    take_in(lake, PAYMENTS)
    assert not erase(lake, Identity("account", ADA), derived=[]).left

    drop("payments", "later.zip", zipped(files | {"three.csv": as_csv([row(3, BOB)]).encode()}))
    take_in(lake, PAYMENTS)

    assert scan_files(everything(lake), ADA).found == []


def picture(lake: Lake) -> pl.DataFrame:
    return lake.tables.scan(PAYMENTS.table).sort("id").collect()


@pytest.mark.parametrize("mode", list(Mode))
def test_what_is_left_is_what_the_raw_files_make(lake: Lake, drop: Drop, mode: Mode):
    for name, content in every_form().items():
        drop("payments", name, content)
    take_in(lake, PAYMENTS)

    receipt = erase(lake, Identity("account", ADA), mode, derived=[])

    found, entries = picture(lake), files(lake, PAYMENTS)
    expected = {BOB, receipt.pseudonym} if mode is Mode.PSEUDONYMISE else {BOB}
    assert set(found["user_id"]) == expected
    rebuild_source(lake, PAYMENTS)
    assert picture(lake).equals(found)
    for name, entry in files(lake, PAYMENTS).items():
        assert counts(entry) == counts(entries[name]), name
    assert not verify_raw(lake, "payments").differences
    assert not verify_table(lake, PAYMENTS.table).differences


class Death(BaseException):
    """What nobody catches."""


def died(*_: object) -> None:
    raise Death


@pytest.mark.parametrize("at", ["_bring_along", "amend", "delete"])
def test_who_finds_a_file_that_somebody_died_over_knows_it(
    lake: Lake, drop: Drop, monkeypatch: pytest.MonkeyPatch, at: str
):
    drop("payments", "one.csv", as_csv([row(1, ADA), row(2, BOB)]).encode())
    drop("payments", "two.zip", zipped({"a.csv": as_csv([row(3, ADA)]).encode()}))
    take_in(lake, PAYMENTS)
    before, known = picture(lake), files(lake, PAYMENTS)
    with monkeypatch.context() as patch:
        patch.setattr({"_bring_along": raw, "amend": file_entries, "delete": lake.store}[at], at, died)
        with pytest.raises(Death):
            erase(lake, Identity("account", ADA), derived=[])

    take_in(lake, PAYMENTS)  # as a daemon would, before anybody goes on

    assert picture(lake).equals(before)
    assert {name: entry["file_id"] for name, entry in files(lake, PAYMENTS).items()} == {
        name: entry["file_id"] for name, entry in known.items()
    }
    assert not erase(lake, Identity("account", ADA), derived=[]).left
    assert picture(lake).drop("user_id", "user_key").equals(before.drop("user_id", "user_key"))
    assert not verify_raw(lake, "payments").differences


@pytest.mark.long
def test_killed_at_any_moment_and_called_again_it_ends_the_same(tmp_path: Path):
    toll = carry_out(tmp_path, kills=3, seed=1)
    assert toll.kills == 3
    assert toll.differing == []


def test_what_refers_to_removed_rows_stays_and_is_said(lake: Lake, drop: Drop):
    drop("payments", "one.csv", as_csv([row(1, ADA), row(2, BOB, note=f"to {ADA}")]).encode())
    take_in(lake, PAYMENTS)

    receipt = erase(lake, Identity("account", ADA), Mode.REMOVE, derived=[])

    assert not receipt.left
    assert "what refers to it stays" in " ".join(receipt.said)
    assert picture(lake).select("id", "note", "file_row").rows() == [("p2", f"to {ADA}", 1)]


def test_a_short_identity_goes_where_columns_say_that_it_is_one(lake: Lake, drop: Drop):
    drop("payments", "one.csv", as_csv([row(1, "42", 42.0, "42"), row(42, "43", 42.0, "ada")]).encode())
    drop("payments", "two.csv", as_csv([row(3, "ada", note="ada")]).encode())
    take_in(lake, PAYMENTS)

    receipts = [erase(lake, Identity("account", one), derived=[]) for one in ("42", "ada")]

    assert [receipt.left for receipt in receipts] == [[], []]
    assert all("so short" in receipt.said[0] for receipt in receipts)
    assert picture(lake).select("id", "user_id", "amount", "note").rows() == [
        ("p1", receipts[0].pseudonym, 42.0, "42"),
        ("p3", receipts[1].pseudonym, 1.5, "ada"),
        ("p42", "43", 42.0, "ada"),
    ]
    drop("payments", "three.csv", as_csv([row(4, "42", 42.0, "42")]).encode())
    take_in(lake, PAYMENTS)
    assert set(picture(lake)["user_id"]) == {"43", *(receipt.pseudonym for receipt in receipts)}


def test_who_has_a_row_under_the_pseudonym_already_has_one_row(settings: Settings, drop: Drop):
    source = replace(PAYMENTS, key=["user_id"], observations=None)
    lake = Lake.open(settings, {"payments": source})
    pseudonym = Identity("account", ADA).pseudonym(KEY.encode())
    drop("payments", "one.csv", as_csv([row(1, ADA), row(2, BOB)]).encode())
    take_in(lake, source)
    drop("payments", "two.csv", as_csv([row(3, pseudonym, amount=7.0)]).encode())
    take_in(lake, source)

    assert not erase(lake, Identity("account", ADA), derived=[]).left

    assert picture(lake).select("id", "user_id").rows() == [("p2", BOB), ("p3", pseudonym)]
    told = {name: counts(entry) for name, entry in files(lake, source).items()}
    assert told == {"one.csv": (2, 1, 0, 1), "two.csv": (1, 1, 0, 0)}


def test_several_go_at_once(lake: Lake, drop: Drop):
    drop("payments", "one.csv", as_csv([row(1, ADA), row(2, BOB), row(3, "somebody-3")]).encode())
    take_in(lake, PAYMENTS)

    receipt = erase(lake, [Identity("account", ADA), Identity("account", BOB)], Mode.REMOVE, derived=[])

    assert not receipt.left
    assert picture(lake).select("id", "file_row").rows() == [("p3", 1)]
    assert rows_of(lake, "catalog.erasures").select("stage", "mode").rows() == [("done", "remove")] * 2


def test_without_the_key_nothing_is_done(lake: Lake, drop: Drop):
    drop("payments", "one.csv", as_csv([row(1, ADA)]).encode())
    take_in(lake, PAYMENTS)
    without = Lake.open(lake.settings.model_copy(update={"erasure_key": None}), lake.sources)
    with pytest.raises(NoKey, match="CRYPTODUDEZ_ERASURE_KEY is not set"):
        erase(without, Identity("account", ADA), derived=[])
    assert picture(lake)["user_id"].to_list() == [ADA]
    erase(lake, Identity("account", ADA), derived=[])
    drop("payments", "more.csv", as_csv([row(2, ADA)]).encode())
    with pytest.raises(NoKey):  # it would not be recognised
        take_in(without, PAYMENTS)
    other = Lake.open(lake.settings.model_copy(update={"erasure_key": SecretStr("x" * 32)}), lake.sources)
    with pytest.raises(NoKey, match="another key"):
        take_in(other, PAYMENTS)


def test_of_two_at_once_with_two_keys_one_is_refused(lake: Lake):
    """With both noted, nothing could land any more: each would be another key than one that was used."""
    other = Lake.open(lake.settings.model_copy(update={"erasure_key": SecretStr("x" * 32)}), lake.sources)
    refused: list[NoKey] = []

    def begin() -> None:
        try:
            erase(other, Identity("account", BOB), derived=[])
        except NoKey as error:
            refused.append(error)

    second = Thread(target=begin)
    with exclusive(lake.settings, registry.ERASING):
        second.start()
        second.join(0.5)
        registry.begin(lake.tables, [Identity("account", ADA)], Mode.PSEUDONYMISE, KEY.encode(), now())
    second.join()
    assert "another key" in str(refused)


def test_while_a_run_is_at_work_it_is_refused(lake: Lake):
    with sign_of_life(lake.settings, "run.1234"), pytest.raises(RunUnderWay, match="run 1234 is under way"):
        erase(lake, Identity("account", ADA), derived=[])


def test_a_run_that_is_at_work_is_waited_for_if_so_wanted_and_its_own_never(lake: Lake):
    told: list[str] = []
    with ExitStack() as runs:
        for run in ("run.other", "run.own"):
            runs.enter_context(sign_of_life(lake.settings, run))
        ends = threading.Timer(1, runs.pop_all().close)
        ends.start()
        erase(lake, Identity("account", ADA), derived=[], say=told.append, own_run="own", patience_seconds=60)
        ends.join()
    assert told[0] == "waiting for the end of the run other"


def test_a_kind_that_no_source_has_is_refused(lake: Lake):
    with pytest.raises(LookupError, match=r"tagged with \{'personal': 'post'\}"):
        erase(lake, Identity("post", "1"), derived=[])


def test_the_command(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    lake = Lake.open(settings, all_sources())
    header = "id,event_timestamp,user_id,amount,interface,currency,tx_status\n"
    rows = [
        f"{n},2020-01-10 14:11:05.63+00,{user},10.000000000000000001,app,mxn,complete\n"
        for n, user in enumerate((ADA, BOB))
    ]
    lake.store.write("raw/withdrawals/one.csv", io.BytesIO((header + "".join(rows)).encode()))
    take_in(lake, all_sources()["withdrawals"])
    for name in ("home", "settle_seconds"):
        monkeypatch.setenv(f"CRYPTODUDEZ_{name.upper()}", str(getattr(settings, name)))
    refused = CliRunner().invoke(main, ["erase-user", ADA])
    assert (refused.exit_code, "CRYPTODUDEZ_ERASURE_KEY is not set" in refused.output) == (1, True)
    monkeypatch.setenv("CRYPTODUDEZ_ERASURE_KEY", KEY)

    done = CliRunner().invoke(main, ["erase-user", "-", "--json"], input=f"{ADA}\n")

    receipt = json.loads(done.stdout)
    assert (done.exit_code, receipt["left"], ADA in done.output) == (0, [], False)
    assert {one["what"] for one in receipt["done"]} == {"raw file", "table", "history"}
    again = CliRunner().invoke(main, ["erase-user", ADA])
    assert again.exit_code == 0
    assert rows_of(lake, "accounts.withdrawals")["user_id"].to_list() == [receipt["pseudonym"], BOB]
    assert rows_of(lake, "catalog.erasures")["stage"].to_list() == ["done"]
    unknown = CliRunner().invoke(main, ["erase-user", f"{ADA[:-1]}5"])
    assert (unknown.exit_code, "nothing of that id was found" in unknown.output) == (0, True)
    assert "in its place" in again.output
    assert "in its place" not in unknown.output


def test_totals_of_real_withdrawals_stay(settings: Settings, real_data: Path):
    source = all_sources()["withdrawals"]
    lake = Lake.open(settings, {"withdrawals": source})
    content = (real_data / "bitso" / "challenge" / "withdrawals_sample_data.csv").read_bytes()
    lake.store.write("raw/withdrawals/real.csv", io.BytesIO(content))
    take_in(lake, source)
    by_day = ["currency", "status", pl.col("event_ts").dt.date().alias("day")]
    before = rows_of(lake, source.table)
    busiest = before["user_id"].value_counts(sort=True)["user_id"][0]

    receipt = erase(lake, Identity("account", busiest), derived=[])

    assert not receipt.left
    assert busiest.encode() not in b"".join(all_bytes(settings.home).values())
    after = rows_of(lake, source.table)
    told = [
        one.group_by(by_day).agg(pl.len(), pl.col("amount").sum()).sort("currency", "status", "day")
        for one in (before, after)
    ]
    assert told[0].equals(told[1])
    assert after["user_id"].n_unique() == before["user_id"].n_unique() == 324
