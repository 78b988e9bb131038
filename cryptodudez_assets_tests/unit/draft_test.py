"""The draft of a source says in which format its times are written."""

from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from cryptodudez_assets.sources.draft import draft

MOMENT = datetime(2021, 12, 31, tzinfo=UTC)
SAMPLES = [
    "2021-12-31",
    "2021/12/31",
    "31/12/2021",
    "31.12.2021",
    "2021-12-31 00:00:00",
    "2021-12-31T00:00:00",
    "2021-12-31 00:00",
    "31/12/2021 00:00",
    "2021-12-31T00:00:00.000Z",
    "2021-12-31T00:00:00Z",
    "2021-12-31 01:00:00+01:00",
    "2021-12-31T01:00:00+0100",
]


@pytest.mark.parametrize("sample", SAMPLES)
def test_a_time_is_read_in_the_format_of_the_sample_and_in_no_other(tmp_path: Path, sample: str):
    path = tmp_path / "sample.csv"
    path.write_text(f"ts,price\n{sample},1\n{sample},2\n")
    line = next(line for line in draft("prix", path).splitlines() if line.startswith("event_time = "))
    event_time = eval(line.removeprefix("event_time = "), {"pl": pl})  # noqa: S307

    def read(*texts: str) -> list[datetime | None]:
        return pl.DataFrame({"ts": texts}).select(event_time.dt.cast_time_unit("us")).to_series().to_list()

    assert read(sample, "never") == [MOMENT, None]
    assert read("never", sample) == [None, MOMENT]
    assert "%" in line
