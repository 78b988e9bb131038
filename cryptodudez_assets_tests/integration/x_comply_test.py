"""A post that is deleted at X is gone from everything that is kept after the next `cryptodudez comply`."""

import json
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

from cryptodudez_assets.cli import main
from cryptodudez_assets.simulator.venues.x import x_server
from cryptodudez_assets_tests.builders import rows_of
from cryptodudez_assets_tests.x_home import TOKEN, bring, days_ago, open_home, posts_in_table


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
        for name, value in {"HOME": str(home.settings.home), "X_URL": server.url, "X_TOKEN": TOKEN}.items():
            monkeypatch.setenv(f"CRYPTODUDEZ_{name}", value)
        monkeypatch.setenv("CRYPTODUDEZ_ERASURE_KEY", "a key of these tests")

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
