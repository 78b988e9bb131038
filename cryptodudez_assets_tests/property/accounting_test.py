"""Whatever lands, in whatever order: read = valid + quarantined + duplicate for each file, and the table holds the truth."""

import hashlib
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cryptodudez_assets.contracts.catalogue import Status
from cryptodudez_assets.lake.status import unbalanced_files
from cryptodudez_assets.settings import Settings
from cryptodudez_assets_tests.builders import InParts, open_lake
from cryptodudez_assets_tests.forms import FORMS
from cryptodudez_assets_tests.toy import GAUGES, LAYOUT, at, files, load, rejected, table

Record = tuple[object, ...]
NAMES = [*LAYOUT.columns]
DIRT: list[Record] = [
    ("", "", "", "", ""),
    ("g", "2021-02-30 00:00:00", 1, 1, "x"),
    ("g", "20210-01-01 00:00:00", 1, 1, "x"),
    ("g", at(0), "1e400", 1, "x"),
    ("g", at(0), "1e12", 1, "x"),
    ("", at(0), 1, 1, "nameless"),
    ("g", at(0), 1, "one", "x"),
]
SHAPELESS = {
    "csv": ["banana\n", f'g,{at(0)},1,1,"stray" quote\n'],
    "jsonl": ["banana\n", '{"name": "g"\n'],
    "json": [],
    "parquet": [],
}
"""What is no record, where it costs itself alone, at the end of a file."""


@dataclass(frozen=True)
class Good:
    """A reading that is right: when, what, and how its note is written."""

    minute: int
    value: int
    note: str

    @property
    def record(self) -> Record:
        return "g", at(self.minute), self.value, 1, self.note


@dataclass(frozen=True)
class File:
    """Good readings and dirt, in the order of the file, in some format; behind them what is no record at all."""

    records: Sequence[Good | Record]
    form: str
    shapeless: int

    @property
    def content(self) -> bytes:
        written = FORMS[self.form](NAMES, [one.record if isinstance(one, Good) else one for one in self.records])
        return written + "".join(self.behind).encode()

    @property
    def behind(self) -> list[str]:
        return SHAPELESS[self.form][: self.shapeless]

    @property
    def n_records(self) -> int:
        return len(self.records) + len(self.behind)

    @property
    def goods(self) -> list[tuple[int, Good]]:
        return [(number, one) for number, one in enumerate(self.records, 1) if isinstance(one, Good)]

    @property
    def standing(self) -> tuple[int, str]:
        """What decides between observations of one moment: how far the file reaches, then its bytes."""
        return max((one.minute for _, one in self.goods), default=0), hashlib.sha256(self.content).hexdigest()


goods = st.builds(Good, st.integers(0, 6), st.integers(0, 99), st.sampled_from(["ok", "two\nlines", 'say "hi"', ""]))
drawn = st.lists(st.one_of(goods, goods, st.sampled_from(DIRT)), min_size=1, max_size=15)
raw_files = st.builds(File, drawn, st.sampled_from([*FORMS]), st.integers(0, 2))
landings = st.lists(raw_files, min_size=1, max_size=4, unique_by=lambda file: file.content)


def truth(landed: Sequence[File]) -> dict[str, int]:
    """The value of each moment."""
    candidates = [(*file.standing, number, one) for file in landed for number, one in file.goods]
    candidates.sort(key=lambda candidate: candidate[:3])
    return {at(one.minute): one.value for *_, one in candidates}


@pytest.mark.slow
@given(landings, st.randoms(use_true_random=False), st.booleans(), st.integers(1, 5))
@settings(max_examples=8, deadline=None)
def test_rows_add_up_and_the_table_holds_the_truth_in_any_order_and_any_parts(
    landed: list[File], random: object, one_by_one: bool, parts: int
) -> None:
    random.shuffle(landed)  # type: ignore[attr-defined]
    with tempfile.TemporaryDirectory() as home:
        lake = replace(open_lake(Settings(home=Path(home), settle_seconds=0)), engine=InParts(parts))
        folder = Path(lake.settings.lake) / "raw" / GAUGES.name
        folder.mkdir(parents=True)
        for number, file in enumerate(landed):
            (folder / f"{number}.csv").write_bytes(file.content)
            if one_by_one:
                load(lake)
        load(lake)
        assert unbalanced_files(lake, GAUGES).is_empty()
        rows = table(lake)
        told = rows.select("event_ts", "value").iter_rows() if len(rows) else []
        assert {f"{moment:%Y-%m-%d %H:%M:%S}": value for moment, value in told} == truth(landed)
        for number, file in enumerate(landed):
            entry = files(lake)[f"{number}.csv"]
            assert entry["status"] == Status.LOADED
            assert (entry["rows_read"], entry["rows_quarantined"]) == (
                file.n_records,
                file.n_records - len(file.goods),
            )
            assert entry["rows_read"] == entry["rows_valid"] + entry["rows_quarantined"] + entry["rows_duplicate"]
            assert len(rejected(lake, entry)) == entry["rows_quarantined"]
