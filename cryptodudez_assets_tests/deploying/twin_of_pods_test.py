"""The manifests that the program emits, run: a file in the bucket comes out as the served signal, and whatever pod dies nothing is lost."""

import math
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from checks.graph import Graph
from checks.manifests import findings

from cryptodudez_assets_tests.podman import lacking
from cryptodudez_assets_tests.twin import BOOKS, land_samples
from cryptodudez_assets_tests.twin_lake import HEADER, SOURCE, TwinLake, candle, name_of
from cryptodudez_assets_tests.twin_of_pods import SERVERS, TwinOfPods, twin_of_pods

pytestmark = [pytest.mark.pods, pytest.mark.skipif(bool(lacking()), reason=lacking() or "all is there")]

BEHIND_THE_SIGNAL = ("crypto_prices", "stock_prices", "elon_tweets")
RECORDED = ("bitso_order_book", "bitso_order_book_gaps")
HIGH, LOW, VOLUME, CAP = 4000, 2000, 12_345, 1_000_000
RUN, SPREADS = "run", "market.order_book_spreads"
WINDOW_SECONDS = 60
ENDED_WELL = "SELECT run_id FROM runs WHERE status = 'SUCCESS'"


@pytest.fixture(scope="module")
def lake(stack_of_images: Graph, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwinLake[TwinOfPods]]:
    folder = tmp_path_factory.mktemp("pods")
    with twin_of_pods(folder, stack_of_images.manifests(), findings, window_seconds=WINDOW_SECONDS) as made:
        yield TwinLake(made)
        assert made.kubernetes.refused == []


def test_what_is_recorded_comes_out_as_rows_by_runs_that_are_pods(
    lake: TwinLake[TwinOfPods], capsys: pytest.CaptureFixture[str]
) -> None:
    began = time.time()
    lake.wait(lambda: not lake.rows(SPREADS).is_empty(), "rows of what was recorded")
    with capsys.disabled():
        print(f"\nall pods were well; {time.time() - began:.0f} s later there were rows of order books")
    assert set(lake.rows(SPREADS)["book"]) == set(BOOKS)
    # Rows are there before their run is over.
    lake.wait(lambda: bool(lake.dagster(ENDED_WELL)), "a run that ended well")
    ended = {run for (run,) in lake.dagster(ENDED_WELL)}
    jobs = [job.manifest for job in lake.made.kubernetes.jobs]
    assert jobs
    assert all(job["spec"]["backoffLimit"] == 0 for job in jobs), "Dagster tries again, not Kubernetes"
    assert ended <= {job["metadata"]["labels"]["dagster/run-id"] for job in jobs}
    assert lake.made.kubernetes.refused == []


def test_whatever_pod_dies_no_file_is_lost_and_no_row_doubled(
    lake: TwinLake[TwinOfPods], capsys: pytest.CaptureFixture[str]
) -> None:
    for number, kind in enumerate((*SERVERS, RUN)):
        seconds = land_and_kill(lake, number, kind)
        with capsys.disabled():
            print(f"\n{kind} died: the file of that moment was in the table {seconds:.0f} s after it landed")
    assert lake.wrong(range(len(SERVERS) + 1)) == []
    recorded = {source: lake.landed(source) for source in RECORDED}
    assert recorded["bitso_order_book"], "nothing was recorded"
    for source, names in recorded.items():
        lake.wait(partial(are_loaded, lake, names, source), f"{len(names)} files of {source}")
        assert lake.unbalanced(source) == []


def test_a_file_in_the_bucket_comes_out_as_the_signal(
    lake: TwinLake[TwinOfPods], tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    before = yesterday - timedelta(days=1)
    began = time.monotonic()
    land_samples(lake.made, tmp_path_factory.mktemp("samples"), "tiny", BEHIND_THE_SIGNAL, before)
    lake.wait(lambda: lake.serves(before), "a signal of the samples")
    assert not lake.rows("ml.trials").is_empty(), "no model was trained"
    first = time.monotonic() - began

    text = f"{HEADER}1,Ethereum,ETH,{yesterday} 23:59:59,{HIGH},{LOW},3000,3000,{VOLUME},{CAP}\n"
    began = lake.put("yesterday.csv", text)
    lake.wait(lambda: lake.serves(yesterday), "a signal of what was landed")
    with capsys.disabled():
        print(f"\nsamples to the first signal: {first:.0f} s; bucket to signal: {time.time() - began:.0f} s")
    served = lake.signal()
    assert served is not None
    assert served["features"]["crypto_daily__high_low_range"] == pytest.approx(math.log(HIGH / LOW))
    assert served["features"]["crypto_daily__turnover"] == pytest.approx(VOLUME / CAP)
    assert served["decision"] in {"BUY", "SELL", "HODL"}


def land_and_kill(lake: TwinLake[TwinOfPods], number: int, kind: str) -> float:
    """Seconds until the file that landed just before is in the table."""
    name, made = name_of(number), lake.made
    began = lake.put(name, candle(number))
    if kind == RUN:
        lake.wait(lambda: bool(made.kubernetes.running()), "a run")
        made.kubernetes.kill(made.kubernetes.running()[0])
    else:
        made.kill(kind)
    lake.wait(partial(are_loaded, lake, {name}), f"{name} after the death of {kind}")
    took = time.time() - began
    if kind != RUN:
        lake.wait(lambda: made.is_well(kind), f"another {kind}")
    return took


def are_loaded(lake: TwinLake[TwinOfPods], names: set[str], source: str = SOURCE) -> bool:
    return not lake.not_loaded(names, source)
