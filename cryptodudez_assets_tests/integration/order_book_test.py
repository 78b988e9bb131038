"""Order books from the sample archives to the table, its own checks, the minutes, the page about gaps, and the brief's five columns."""

import io
import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from cryptodudez_assets.defs.metadata import key_of
from cryptodudez_assets.derived.upkeep.materialize import materialize
from cryptodudez_assets.features import all_views
from cryptodudez_assets.lake import pages, sql
from cryptodudez_assets.lake.checking import look_back
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.landing import land
from cryptodudez_assets.lake.status import unbalanced_files
from cryptodudez_assets.products.declared import all_products
from cryptodudez_assets.products.incidents import NAME, REPORT, SPREADS, write_page
from cryptodudez_assets.products.standing import standing
from cryptodudez_assets.recorder.gaps import Cause, Gap, Repair
from cryptodudez_assets.recorder.record import Origin
from cryptodudez_assets.recorder.window import Window
from cryptodudez_assets.recorder.write_ahead import Second
from cryptodudez_assets.settings import Settings
from cryptodudez_assets.simulator.order_books import RECORDERS
from cryptodudez_assets.sources import all_sources
from cryptodudez_assets_tests.builders import open_lake, rows_of, take_in
from cryptodudez_assets_tests.order_book_files import START, seen, unknown
from cryptodudez_assets_tests.rig import Rig, checks_of, metadata_of

ROOT = Path(__file__).parents[2]
Drop = Callable[[str, str, bytes], Path]
SOURCES = [all_sources()[name] for name in ("bitso_order_book", "bitso_order_book_gaps")]


@pytest.fixture(scope="module")
def landed(tmp_path_factory: pytest.TempPathFactory, tiny_samples: Path) -> Lake:
    """A lake with the sample hour, taken in."""
    lake = open_lake(Settings(home=tmp_path_factory.mktemp("books") / "home", settle_seconds=0))
    for source in SOURCES:
        list(land(lake, source.name, sorted((tiny_samples / source.name).iterdir())))
        take_in(lake, source)
    materialize(lake, all_views()["spread_minutely"])
    return lake


def truth(samples: Path, source: str) -> pl.DataFrame:
    return pl.read_parquet(samples / "truth" / f"{source}.parquet")


def test_tables_are_the_simulator_s_truth(landed: Lake, tiny_samples: Path) -> None:
    for source in SOURCES:
        expected = truth(tiny_samples, source.name)
        assert rows_of(landed, source.table).select(expected.columns).sort(source.key).equals(expected.sort(source.key))


def test_the_files_that_are_shown_are_those_that_lie_there(tiny_samples: Path) -> None:
    page = (ROOT / "docs" / "order_book.md").read_text()
    shown = page.partition("made by `make docs` -->\n```text\nraw/\n")[2].partition("```")[0].splitlines()
    lying = [line for source in SOURCES for line in tree(tiny_samples / source.name, "  ")]
    assert len(lying) > 20
    assert without_days(shown) == without_days(lying)


def tree(path: Path, indent: str) -> Iterator[str]:
    yield f"{indent}{path.name}{'/' if path.is_dir() else ''}"
    for inner in sorted(path.iterdir()) if path.is_dir() else ():
        yield from tree(inner, f"{indent}  ")


def without_days(lines: list[str]) -> list[str]:
    return [re.sub(r"\d{4}-?\d\d-?\d\d(?!\d)", "DAY", line) for line in lines]


def test_the_checks_of_the_source_are_asked_with_its_table_and_tell_what_was_planted(
    landed: Lake, tiny_samples: Path
) -> None:
    rig = Rig(landed, SOURCES)
    result = rig.materialize([key_of(SPREADS)])
    checks = checks_of(result)
    files, seconds = checks["complete_files"], checks["complete_seconds"]
    planted = truth(tiny_samples, "bitso_order_book")
    gaps, n = planted["is_gap"].sum(), planted.height
    told = {name: value.value for name, value in files.metadata.items()}
    assert files.passed
    assert (told["expected"], told["read"], told["gap"], told["nobody"], told["partial"]) == (9300, 9300, gaps, 0, 2)
    assert told["observed"] + told["carried"] + told["gap"] == n
    assert not seconds.passed  # more than one second in a thousand was planted as a gap
    assert seconds.severity is dg.AssetCheckSeverity.WARN
    shares = planted.group_by("book").agg(1 - pl.col("is_gap").mean())
    assert all(f"{share:.2%} ({book})" in (seconds.description or "") for book, share in shares.iter_rows())


def test_gaps_that_another_recorder_filled_are_no_gaps_of_the_table(landed: Lake) -> None:
    filled = next(gap for gap in RECORDERS[0].blind if gap.cause == "disconnected")
    rows = rows_of(landed, SPREADS).filter(book=filled.book)
    start = rows["event_ts"].min()
    within = rows.filter((pl.col("event_ts") - start).dt.total_seconds().is_between(filled.first, filled.end - 1))
    assert within.height == filled.end - filled.first
    assert set(within["instance"]) == {"beta"}
    assert not within["is_gap"].any()


def test_the_page_tells_gaps_by_cause_and_is_made_again_when_it_is_gone(landed: Lake, tiny_samples: Path) -> None:
    written = write_page(landed)
    assert written is not None
    planted = truth(tiny_samples, "bitso_order_book")
    assert written.seconds == planted["is_gap"].sum()
    page = pages.read(landed.store, REPORT)
    assert page.count("<svg") == 1
    by_cause = Counter(
        {row[0]: int(row[2].replace(",", "")) for row in tables_of(page)["Stretches that nobody looked at, by cause"]}
    )
    assert by_cause == {"starting": 8, "sequence": 5}
    assert sum(by_cause.values()) == written.seconds
    told = {tuple(row[:2]): int(row[3]) for row in tables_of(page)["Gaps told"]}
    assert told == Counter((one.instance, str(gap.cause)) for one in RECORDERS for gap in one.blind)

    assert NAME not in {one.name for one in standing(landed, all_products(landed)).behind}
    landed.store.delete(f"reports/{REPORT}")
    assert NAME in {one.name for one in standing(landed, all_products(landed)).behind}


def test_the_page_is_an_asset_and_waits_for_rows(lake: Lake, landed: Lake) -> None:
    assert not Rig(lake, SOURCES).materialize([key_of(NAME)]).get_asset_materialization_events()
    told = metadata_of(Rig(landed, SOURCES).materialize([key_of(NAME)]), key_of(NAME))
    assert told["report_file"] == pages.place(landed, REPORT)
    assert told["seconds_nobody_looked"] == 13


def tables_of(page: str) -> dict[str, list[list[str]]]:
    """Cells by caption."""
    found = {}
    for text in re.findall(r"<table>.*?</table>", page, re.S):
        caption = re.search(r"<caption>(.*?)</caption>", text, re.S)
        assert caption
        body = re.findall(r"<tr>(.*?)</tr>", text, re.S)[1:]
        found[caption[1]] = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.S) for row in body]
    return found


def documented() -> Iterator[str]:
    """The statements that the page about order books shows."""
    yield from re.findall(r"```sql\n(.*?)```", (ROOT / "docs" / "order_book.md").read_text(), re.S)


def test_every_documented_question_has_an_answer_and_the_first_gives_the_five_columns(
    landed: Lake, tiny_samples: Path
) -> None:
    first, *others = documented()
    day = rows_of(landed, SPREADS)["event_ts"].min()
    asked = [one.replace("2026-11-26", f"{day:%Y-%m-%d}") for one in (first, *others)]
    found = sql.query(landed, asked[0])
    raw = [pl.read_parquet(path) for path in sorted((tiny_samples / "bitso_order_book").rglob("*.parquet"))]
    told = pl.concat(raw).select("orderbook_timestamp", "book", "bid", "ask", "spread").filter(book="btc_mxn")
    assert found.columns == ["orderbook_timestamp", "book", "bid", "ask", "spread"]
    assert found.schema["orderbook_timestamp"] == pl.String
    assert found.height == truth(tiny_samples, "bitso_order_book").filter(book="btc_mxn").height
    both = found.join(told, on=found.columns, how="anti", nulls_equal=True)
    assert both.is_empty(), "a row that no recorder wrote"
    for one in asked[1:]:
        assert sql.query(landed, one).height > 0, one


def test_recordings_of_others_may_lack_a_header_and_call_the_book_as_the_brief_does(lake: Lake, drop: Drop) -> None:
    def lines(minute: int, book: str) -> str:
        return "".join(f"2024-05-28T23:{minute}:{at:02}+00:00,{book},99.0,100.0,1.0\n" for at in range(30))

    drop(SOURCES[0].name, "bare.csv", lines(10, "btc_mxn").encode())
    drop(SOURCES[0].name, "a.csv", f"orderbook_timestamp,book,bid,ask,spread\n{lines(11, 'MXN_BTC')}".encode())
    take_in(lake, SOURCES[0])
    rows = rows_of(lake, SPREADS)
    assert rows["book"].to_list() == ["btc_mxn"] * 60
    assert rows.select("source", "instance", "sequence").null_count().row(0) == (60, 60, 60)
    assert not rows["is_gap"].any()


def test_what_a_recorder_lands_is_what_its_sources_read(lake: Lake) -> None:
    """A window that was stopped and went on: its gap lasts over both parts, and is told once, as the longest."""
    for seconds in (range(20), range(20, 45)):
        window = Window("alpha", START, 600)
        for at in seconds:
            began = 1_000_000 * (START + 12)
            gap = Gap("btc_mxn", "alpha", began, 1_000_000 * (START + at), Cause.STALLED, Repair.NONE)
            known = seen(at) if at < 12 else seen(at, Origin.CARRIED, 1000 * at, is_gap=True)
            window.add(Second(START + at, [known, unknown(at, "usd_mxn")], [gap] if at >= 12 else []))
        for key, content in window.files():
            lake.store.write(key, io.BytesIO(content))
        for source in SOURCES:
            take_in(lake, source)

    rows, gaps = (rows_of(lake, source.table) for source in SOURCES)
    assert rows.group_by("book").len().sort("book").rows() == [("btc_mxn", 45), ("usd_mxn", 45)]
    assert rows.filter(book="btc_mxn")["is_gap"].sum() == 45 - 12
    assert unbalanced_files(lake, SOURCES[0]).is_empty()
    (gap,) = gaps.to_dicts()
    assert (gap["ended_at"] - gap["event_ts"]).total_seconds() == 44 - 12
    checks = {check.name: look_back(lake, SOURCES[0], check) for check in SOURCES[0].checks}
    files = checks["complete_files"]
    assert files is not None
    assert files.passed
    assert (files.details["partial"], files.details["expected"]) == (4, 90)
