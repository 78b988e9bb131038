"""On the twin: from a file in the bucket to the served signal (notification, sensor, run, table, features, online store), and from
seconds of a simulated exchange to their table.
"""

import json
import math
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from cryptodudez_assets_tests.integration.conftest import free_ports
from cryptodudez_assets_tests.twin import BOOKS, COMMAND, Twin, html_of, land_samples, twin
from cryptodudez_assets_tests.twin_lake import HEADER, TwinLake

pytestmark = pytest.mark.long

BEHIND_THE_SIGNAL = ("crypto_prices", "stock_prices", "elon_tweets")
HIGH, LOW, VOLUME, CAP = 4000, 2000, 12_345, 1_000_000


def test_a_file_in_the_bucket_comes_out_as_the_signal_and_what_an_exchange_told_as_rows(tmp_path: Path) -> None:
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    with twin(tmp_path, free_ports(3), window_seconds=20) as made:
        lake = TwinLake(made)
        lake.wait_until_ready()
        before = yesterday - timedelta(days=1)
        land_samples(made, tmp_path / "samples", "tiny", BEHIND_THE_SIGNAL, before)
        lake.wait(lambda: lake.serves(before), "a signal of the samples")
        assert not lake.rows("ml.trials").is_empty(), "no model was trained"

        landed = tmp_path / "yesterday.csv"
        landed.write_text(f"{HEADER}1,Ethereum,ETH,{yesterday} 23:59:59,{HIGH},{LOW},3000,3000,{VOLUME},{CAP}\n")
        subprocess.run([COMMAND, "land", "crypto_prices", str(landed)], env=made.environment, check=True)
        lake.wait(lambda: lake.serves(yesterday), "a signal of what was landed")
        served = lake.signal()
        assert served is not None
        assert served["features"]["crypto_daily__high_low_range"] == pytest.approx(math.log(HIGH / LOW))
        assert served["features"]["crypto_daily__turnover"] == pytest.approx(VOLUME / CAP)
        assert served["decision"] in {"BUY", "SELL", "HODL"}
        assert counted(made, "SELECT count(*) AS n FROM market.crypto_prices WHERE volume = 12345") == 1

        spreads = lake.rows("market.order_book_spreads")
        assert set(spreads["book"]) == set(BOOKS)
        assert spreads.select(pl.struct("book", "event_ts").is_unique().all()).item()

        page = html_of(made)
        for part in ("Dagster UI", "code server", "recorder", "PostgreSQL", "gateway of the bucket", "gs://lake/twin"):
            assert part in page
    assert made.process.poll() is not None


def counted(made: Twin, question: str) -> int:
    """What `cryptodudez sql` counts, as a person asks it."""
    command = [COMMAND, "sql", question, "--format", "json"]
    done = subprocess.run(command, env=made.environment, capture_output=True, text=True, check=True)
    return int(json.loads(done.stdout)[0]["n"])
