"""A post that is deleted at X is gone from everything that is kept after the next `cryptodudez comply`, or the job that does so daily."""

import json
import threading
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import polars as pl
import pytest
from click.testing import CliRunner

from cryptodudez_assets.cli import main
from cryptodudez_assets.defs import complying
from cryptodudez_assets.defs.build import build_definitions
from cryptodudez_assets.defs.dead_runs import end_life
from cryptodudez_assets.defs.resources import LakeResource
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.store.locks import sign_of_life
from cryptodudez_assets.settings import Settings
from cryptodudez_assets.simulator.venues.x import Server, x_server
from cryptodudez_assets.sources.x_posts import SOURCE
from cryptodudez_assets_tests.builders import rows_of
from cryptodudez_assets_tests.x_home import TOKEN, bring, days_ago, open_home, posts_in_table


def configure(monkeypatch: pytest.MonkeyPatch, home: Lake, server: Server) -> None:
    for name, value in {"HOME": str(home.settings.home), "X_URL": server.url, "X_TOKEN": TOKEN}.items():
        monkeypatch.setenv(f"CRYPTODUDEZ_{name}", value)
    monkeypatch.setenv("CRYPTODUDEZ_ERASURE_KEY", "a key of these tests")


def test_a_deleted_post_is_gone_everywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with x_server(token=TOKEN, accounts=1, posts_a_day=6) as server:
        home = open_home(tmp_path / "home", server.url)
        for _ in range(2):  # two versions of the table
            bring(home, days_ago(3), days_ago(3))
            bring(home, days_ago(4), days_ago(4))
            before = posts_in_table(home)
        texts = dict(rows_of(home, "social.x_posts").select(pl.col("id").cast(pl.String), "text").iter_rows())
        gone = next(one for one in before if [*texts.values()].count(texts[one]) == 1)
        server.world.delete(gone, datetime.now(UTC))
        configure(monkeypatch, home, server)

        result = CliRunner().invoke(main, ["comply"])

    assert result.exit_code == 0, result.output
    assert f"asked about {len(before)} posts: 1 are not to be kept" in result.output
    assert posts_in_table(home) == [one for one in before if one != gone]
    files = [path for path in (tmp_path / "home").rglob("*") if path.is_file()]
    assert not [path for path in files if json.dumps(texts[gone]).encode() in path.read_bytes()]
    kept = [pl.read_parquet(path) for path in files if path.suffix == ".parquet"]
    assert not [frame for frame in kept if int(gone) in frame.get_column("id", default=pl.Series("id", [0]))]
    assert any(int(one) in frame["id"] for frame in kept if "id" in frame.columns for one in before)


def test_without_the_key_nothing_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CRYPTODUDEZ_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("CRYPTODUDEZ_ERASURE_KEY", raising=False)

    result = CliRunner().invoke(main, ["comply"])

    assert result.exit_code == 1
    assert "CRYPTODUDEZ_ERASURE_KEY" in result.output


def carried_out(home: Lake) -> dg.ExecuteInProcessResult:
    """What the daily job does."""
    job = build_definitions([SOURCE], lake=LakeResource(home=str(home.settings.home))).resolve_job_def("comply")
    try:
        return job.execute_in_process(raise_on_error=False)
    finally:
        end_life()


def test_the_job_waits_for_a_run_that_is_at_work_and_says_what_it_did(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with x_server(token=TOKEN, accounts=1, posts_a_day=6) as server:
        home = open_home(tmp_path / "home", server.url)
        bring(home, days_ago(3), days_ago(3))
        gone, *others = posts_in_table(home)
        server.world.delete(gone, datetime.now(UTC))
        configure(monkeypatch, home, server)
        is_over = threading.Event()
        with sign_of_life(home.settings, "run.other"):
            run = threading.Thread(target=lambda: (results.append(carried_out(home)), is_over.set()))
            results: list[dg.ExecuteInProcessResult] = []
            run.start()
            assert not is_over.wait(3)
            assert posts_in_table(home) == [gone, *others]
        run.join()

    (result,) = results
    assert result.success
    (output,) = (event for event in result.all_events if event.is_successful_output)
    metadata = {name: value.value for name, value in output.step_output_data.metadata.items()}
    assert metadata == {
        "posts asked about": 1 + len(others),
        "posts removed": 1,
        "found by an earlier pass": 0,
        "why": {"deleted": 1},
        "left": [],
    }
    assert posts_in_table(home) == others


def test_the_job_tries_again_where_a_run_takes_longer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for name, value in {"PATIENCE_SECONDS": 0.0, "AGAIN": 1, "AGAIN_SECONDS": 0}.items():
        monkeypatch.setattr(complying, name, value)
    with x_server(token=TOKEN, accounts=1, posts_a_day=6) as server:
        home = open_home(tmp_path / "home", server.url)
        bring(home, days_ago(3), days_ago(3))
        before = posts_in_table(home)
        server.world.delete(before[0], datetime.now(UTC))
        configure(monkeypatch, home, server)
        with sign_of_life(home.settings, "run.other"):
            result = carried_out(home)

    assert not result.success
    assert len([event for event in result.all_events if event.is_step_up_for_retry]) == 1
    assert posts_in_table(home) == before


@pytest.mark.parametrize("is_set", [True, False])
def test_the_schedule_asks_each_day_where_a_token_is_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_set: bool):
    monkeypatch.setenv("CRYPTODUDEZ_X_TOKEN", TOKEN if is_set else "")
    definitions = build_definitions([SOURCE], lake=LakeResource(home=str(tmp_path)))
    (schedule,) = [one for one in definitions.schedules or () if one.name == "comply_daily"]

    ticked = schedule.evaluate_tick(dg.build_schedule_context())

    assert schedule.default_status == dg.DefaultScheduleStatus.RUNNING
    assert len(ticked.run_requests or ()) == is_set
    assert is_set or "CRYPTODUDEZ_X_TOKEN" in str(ticked.skip_message)


def test_a_token_without_the_key_fails_the_job_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CRYPTODUDEZ_X_TOKEN", TOKEN)
    monkeypatch.delenv("CRYPTODUDEZ_ERASURE_KEY", raising=False)
    (tmp_path / "home").mkdir()

    result = carried_out(Lake.open(Settings(home=tmp_path / "home"), {}))

    (failure,) = (event for event in result.all_events if event.is_step_failure)
    assert "CRYPTODUDEZ_ERASURE_KEY is not set" in failure.step_failure_data.error_display_string
