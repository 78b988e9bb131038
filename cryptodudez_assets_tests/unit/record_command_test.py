"""What `record` refuses before it starts."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from cryptodudez_assets.cli import main
from cryptodudez_assets.recorder.run import Wanted
from cryptodudez_assets.recorder.stream import ALL_ADDRESSES


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--threshold", "nan"], "'--threshold': nan is no number"),
        (["--rest-url", "127.0.0.1:8900/v3"], "'--rest-url': must be https://host:port/path or http://host:port/path"),
        (["--ws-url", "http://127.0.0.1:8900/ws"], "'--ws-url': must be wss://host:port/path or ws://host:port/path"),
        (["--host", "everybody"], "'--host': 'everybody': expected an address such as 127.0.0.1 or 0.0.0.0"),
    ],
)
def test_what_cannot_work_is_refused(words: list[str], told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cryptodudez_assets.recorder.run.record", _must_not_start)
    done = CliRunner().invoke(main, ["record", "--book", "btc_mxn", *words])

    assert done.exit_code == 2
    assert told in done.output.replace("\n", " ")


@pytest.mark.parametrize(
    ("words", "setting", "seconds"), [([], "", 600), ([], "30", 30), (["--window-seconds", "60"], "30", 60)]
)
def test_how_long_a_file_is_comes_from_the_option_or_else_from_the_setting(
    words: list[str], setting: str, seconds: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[Wanted] = []
    monkeypatch.setattr("cryptodudez_assets.recorder.run.record", lambda _, wanted, __: begun.append(wanted))
    monkeypatch.setenv("CRYPTODUDEZ_HOME", str(tmp_path))
    monkeypatch.setenv("CRYPTODUDEZ_RECORD_WINDOW_SECONDS", setting)
    done = CliRunner().invoke(main, ["record", "--book", "btc_mxn", *words])

    assert done.exit_code == 0, done.output
    assert [one.window_seconds for one in begun] == [seconds]


@pytest.mark.parametrize(("key", "starts"), [("", False), ("a-key-of-the-apis", True)])
def test_others_reach_it_only_where_there_is_a_key(
    key: str, starts: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[Wanted] = []
    monkeypatch.setattr("cryptodudez_assets.recorder.run.record", lambda _, wanted, __: begun.append(wanted))
    monkeypatch.setenv("CRYPTODUDEZ_HOME", str(tmp_path))
    monkeypatch.setenv("CRYPTODUDEZ_API_KEY", key)
    done = CliRunner().invoke(main, ["record", "--book", "btc_mxn", "--host", ALL_ADDRESSES])

    assert (done.exit_code == 0) is starts
    assert [one.host for one in begun] == [ALL_ADDRESSES] * starts
    assert ("CRYPTODUDEZ_API_KEY" in done.output) is not starts


def _must_not_start(*_: object) -> None:
    raise AssertionError("the recorder was started")
