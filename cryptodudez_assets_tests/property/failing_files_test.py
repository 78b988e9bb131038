"""Whatever fails while rows are judged: what becomes of a file depends neither on its neighbours nor on when it landed."""

import tempfile
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any

import polars as pl
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from cryptodudez_assets.contracts.catalogue import Status
from cryptodudez_assets.lake.ingest import claims, reading
from cryptodudez_assets.lake.ingest.spill import SpillBuffer
from cryptodudez_assets.lake.lake import Lake, now
from cryptodudez_assets.lake.metastore.entry import Entry
from cryptodudez_assets.lake.quarantine import quarantine
from cryptodudez_assets.lake.status import unbalanced_files
from cryptodudez_assets.settings import Settings
from cryptodudez_assets.sources import Source
from cryptodudez_assets_tests.builders import open_lake
from cryptodudez_assets_tests.odd import WAYS, Way, content
from cryptodudez_assets_tests.toy import files, load, table

each_way = pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
BROKEN = "no row"  # of too few fields: it never comes to the expression


@st.composite
def landings(draw: st.DrawFn, way: Way) -> dict[str, bytes]:
    """Some files by name: good ones, bad ones, ones that are both, in a random order."""
    texts = st.lists(st.sampled_from([*way.good, *way.good, *way.bad, "", BROKEN]), min_size=1, max_size=5)
    drawn = draw(st.lists(texts, min_size=2, max_size=6))
    whole = {f"{i}.csv": _content(f"f{i}", one) for i, one in enumerate(drawn)}
    return {name: whole[name] for name in draw(st.permutations(sorted(whole)))}


def _content(name: str, texts: Sequence[str]) -> bytes:
    rows = content(name, [one for one in texts if one != BROKEN])
    return rows + f"{name}\n".encode() * texts.count(BROKEN)


Found = dict[str, tuple[Any, ...]]


def judged(folder: Path, source: Source, names: Sequence[str]) -> tuple[Found, set[Any]]:
    """What reading these files together says of each, and the rows that it gives."""
    lake = open_lake(Settings(home=folder))
    entries = [
        Entry(
            file_id=name, entry_id=name, source=source.name, generation="1", updated_at=now(),
            uri=lake.store.uri(name), member=None, reason=None, layout="odd_csv",
            header=["name", "at", "text"], delimiter=",", quote='"', line_end="lf", encoding="utf-8",
            format="csv", size=(folder / "lake" / name).stat().st_size, discovered_at=now(),
            sha256=sha256((folder / "lake" / name).read_bytes()).hexdigest(),
        )
        for name in names
    ]  # fmt: skip
    rows: list[pl.DataFrame] = []
    rejects = SpillBuffer(folder)
    found = reading.read_files(lake.store, source, entries, None, rows.append, rejects, lambda _: None)
    complete = found.complete or (lambda part: part)
    given_rows = {row for part in rows for row in complete(part).rows()}
    return {
        name: (count.set_aside, count.failed, count.read, count.quarantined, count.broken)
        for name, count in found.counts.items()
    }, given_rows


@pytest.mark.slow
@each_way
@settings(max_examples=25, deadline=None)
@given(data=st.data(), chunks=st.integers(1, 4))
def test_a_file_fares_in_company_as_it_does_alone(way: Way, data: st.DataObject, chunks: int) -> None:
    whole = data.draw(landings(way))
    source = way.source()
    with tempfile.TemporaryDirectory() as home, pytest.MonkeyPatch.context() as patch:
        folder = Path(home)
        (folder / "lake").mkdir()
        for name, raw in whole.items():
            (folder / "lake" / name).write_bytes(raw)
        alone = [judged(folder, source, [name]) for name in whole]
        patch.setattr(reading, "GROUP_CHUNKS", chunks)

        together, rows = judged(folder, source, list(whole))

        assert together == {name: count for found, _ in alone for name, count in found.items()}
        assert rows == set().union(*(given for _, given in alone))


def fate(lake: Lake, source: Source) -> tuple[Mapping[str, Any], list[Any], list[Any]]:
    """What the catalogue says of each file, the table, what is in quarantine."""
    told = ("status", "reason", "rows_read", "rows_valid", "rows_quarantined", "rows_duplicate")
    catalogued = {name: tuple(entry[one] for one in told) for name, entry in files(lake, source).items()}
    aside = quarantine.files_of(lake.tables, source.name).select("file_id", "reason", "rows", "status").collect()
    rows = table(lake, source)
    return catalogued, [*aside.sort("file_id").rows()], [*rows.rows()]


def landed(source: Source, batches: Sequence[Sequence[str]], whole: Mapping[str, bytes], per_batch: int) -> Any:
    """A lake in which these files landed one lot after the other."""
    with tempfile.TemporaryDirectory() as home, pytest.MonkeyPatch.context() as patch:
        patch.setattr(claims, "MAX_FILES_PER_BATCH", per_batch)
        lake = open_lake(Settings(home=Path(home), settle_seconds=0))
        folder = Path(lake.settings.lake) / "raw" / source.name
        folder.mkdir(parents=True)
        for names in batches:
            for name in names:
                (folder / name).write_bytes(whole[name])
            load(lake, source)
        assert unbalanced_files(lake, source).is_empty()
        assert not any(entry["status"] == Status.CLAIMED for entry in files(lake, source).values())
        return fate(lake, source)


@pytest.mark.slow
@settings(max_examples=4, deadline=None, phases=[Phase.reuse, Phase.generate])
@given(data=st.data(), seed=st.integers(0, 1 << 30), per_batch=st.integers(1, 4))
def test_any_order_of_landing_and_any_batches_end_in_the_same_state(
    data: st.DataObject, seed: int, per_batch: int
) -> None:
    random, way = Random(seed), data.draw(st.sampled_from(list(WAYS.values())))
    source = way.source()
    whole = data.draw(landings(way)) | data.draw(
        st.sampled_from([{}, {"right.csv": content("right", way.good)}])  # without it they may stay pending for ever
    )
    names = random.sample(sorted(whole), len(whole))
    cut = random.randrange(len(names) + 1)
    expected = landed(source, [[name] for name in sorted(whole, reverse=True)], whole, 1000)

    assert landed(source, [names[:cut], names[cut:]], whole, per_batch) == expected
