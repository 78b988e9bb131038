"""From a file in the bucket to features, on the twin: notification, sensor, run, table, the next run."""

import json
import subprocess
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest

from cryptodudez_assets_tests.integration.conftest import free_ports
from cryptodudez_assets_tests.twin import COMMAND, Twin, html_of, twin

pytestmark = pytest.mark.long

PATIENCE_SECONDS = 420
HEADER = "SNo,Name,Symbol,Date,High,Low,Open,Close,Volume,Marketcap\n"


def test_a_file_in_the_bucket_comes_out_as_rows_and_features(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with twin(tmp_path, free_ports(3)) as made:
        wait(made, lambda: "ready" in made.log.read_text())
        days = [date(2021, 3, 1) + timedelta(days=n) for n in range(40)]
        rows = [f"{n},Twincoin,TWIN,{day} 23:59:59,2,1,1.5,1.5,100,1000\n" for n, day in enumerate(days, 1)]
        landed = tmp_path / "twin.csv"
        landed.write_text(HEADER + "".join(rows))
        began = time.monotonic()
        subprocess.run([COMMAND, "land", "crypto_prices", str(landed)], env=made.environment, check=True)
        in_table = wait(made, lambda: counted(made, "market.crypto_prices") == len(days), since=began)
        in_features = wait(made, lambda: counted(made, "features.crypto_daily") == len(days), since=began)
        with capsys.disabled():
            print(f"\nPUT to table {in_table:.1f} s, to features {in_features:.1f} s, this test's machine being busy")

        page = html_of(made)
        for part in ("Dagster UI", "dagster code-server start", "dagster_webserver", "gs://lake/twin"):
            assert part in page
    assert made.process.poll() is not None


def counted(made: Twin, table: str) -> int:
    """Its rows of the coin; none while there is no such table."""
    question = f"SELECT count(*) AS n FROM {table} WHERE symbol = 'TWIN'"
    command = [COMMAND, "sql", question, "--format", "json"]
    done = subprocess.run(command, env=made.environment, capture_output=True, text=True, check=False)
    if done.returncode:
        assert "does not exist" in done.stderr, done.stderr
        return 0
    return int(json.loads(done.stdout)[0]["n"])


def wait(made: Twin, is_so: Callable[[], bool], since: float | None = None) -> float:
    """Until it is so; how long that took."""
    began = time.monotonic() if since is None else since
    while not is_so():
        assert made.process.poll() is None, made.log.read_text()
        assert time.monotonic() < began + PATIENCE_SECONDS, made.log.read_text()
        time.sleep(0.5)
    return time.monotonic() - began
