"""Simulated histories of accounts: what an ingest makes of them is the truth, and every kind of trouble is in them."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.status import status_of
from cryptodudez_assets.simulator.account_files import write_accounts, write_histories
from cryptodudez_assets.simulator.accounts import Accounts
from cryptodudez_assets.simulator.dirt import CLEAN
from cryptodudez_assets.simulator.job import Job
from cryptodudez_assets.simulator.sizes import LAST_DAY, SIZES
from cryptodudez_assets.simulator.truth import SourceTruth
from cryptodudez_assets.sources import all_sources
from cryptodudez_assets_tests.builders import rows_of, take_in

NAMES = ("deposits", "events", "user_levels", "users", "withdrawals")
SMALL = Accounts(30, 100, 100, 200, 40, days=30, last_day=date(2023, 8, 23))


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Mapping[str, SourceTruth]]:
    """Tiny histories, and the truth about them."""
    folder = tmp_path_factory.mktemp("accounts")
    return folder, write_accounts(Job(folder, SIZES["tiny"], LAST_DAY, 7, CLEAN, lambda _: None))


def rows_in(folder: Path, source: str) -> list[pl.DataFrame]:
    return [pl.read_csv(path, infer_schema=False) for path in sorted((folder / source).iterdir())]


@pytest.mark.parametrize("name", NAMES)
def test_an_ingest_makes_the_truth_of_them(
    lake: Lake, simulated: tuple[Path, Mapping[str, SourceTruth]], name: str
) -> None:
    folder, truth = simulated
    source = all_sources()[name]
    raw = Path(lake.settings.lake) / "raw" / name
    raw.parent.mkdir(parents=True, exist_ok=True)
    raw.mkdir(exist_ok=True)
    for path in (folder / name).iterdir():
        (raw / path.name).write_bytes(path.read_bytes())
    take_in(lake, source)
    status, totals = status_of(lake, name), truth[name].totals
    told = (status.files, status.read, status.valid, status.quarantined, status.duplicate)
    assert told == (totals.files, totals.read, totals.valid, 0, totals.duplicate)
    expected = pl.read_parquet(folder / "truth" / f"{name}.parquet")
    assert rows_of(lake, source.table).select(expected.columns).sort(source.key).equals(expected.sort(source.key))


def test_every_kind_of_trouble_is_in_them(simulated: tuple[Path, Mapping[str, SourceTruth]]) -> None:
    folder, _ = simulated
    for name in ("deposits", "withdrawals", "events"):
        files = rows_in(folder, name)
        rows = pl.concat(files, how="diagonal")
        times = files[0]["event_timestamp"].to_list()
        assert times != sorted(times), "not in the order of time"
        ends = [max(one["event_timestamp"]) for one in files]
        assert min(files[1]["event_timestamp"]) < ends[0], "some come late"
        assert rows.select("id", "event_timestamp").is_duplicated().any(), "some are there twice"
        assert len({len(one) for one in times}) > 1, "times are spelled in several ways"
    deposits, withdrawals = (pl.concat(rows_in(folder, name), how="diagonal") for name in ("deposits", "withdrawals"))
    assert set(deposits["id"]) & set(withdrawals["id"]), "ids collide"
    told = deposits.unique(["id", "event_timestamp", "tx_status"])
    assert told.select("id", "event_timestamp").is_duplicated().any(), "one time, two statuses"
    assert deposits.unique(["id", "event_timestamp"])["id"].is_duplicated().any(), "what was pending is settled"
    assert withdrawals.filter(pl.col("amount").str.starts_with("-"))["tx_status"].unique().to_list() == ["failed"]
    levels = pl.concat(rows_in(folder, "user_levels")).unique(["user_id", "event_timestamp", "level"])
    assert levels.select("user_id", "event_timestamp").is_duplicated().any(), "two levels at one time"
    users = pl.concat(rows_in(folder, "users"))["user_id"].drop_nulls()
    assert set(pl.concat([deposits["user_id"], withdrawals["user_id"]])) - set(users), "some are in no list"
    assert set(users) - set(deposits["user_id"]), "some never paid in"
    assert (folder / "deposits" / "deposits_001.csv").read_bytes().startswith(b"\xef\xbb\xbfid,")
    assert (folder / "users" / "users_001.csv").read_bytes().startswith(b"user_id\n\n")


def test_as_many_facts_are_written_as_are_asked_for_and_always_the_same(tmp_path: Path) -> None:
    first, again = (write_histories(tmp_path / name, SMALL) for name in ("a", "b"))
    assert [one.read_bytes() for one in first] == [one.read_bytes() for one in again]
    counts = {name: pl.concat(rows_in(tmp_path / "a", name), how="diagonal") for name in NAMES}
    assert {name: counts[name]["id"].n_unique() for name in ("deposits", "withdrawals", "events")} == {
        "deposits": 100,
        "withdrawals": 100,
        "events": 200,
    }
    days = counts["events"]["event_timestamp"].str.slice(0, 10)
    assert ("2023-07-25", "2023-08-23") <= (days.min(), days.max()) <= ("2023-08-01", "2023-08-23")
