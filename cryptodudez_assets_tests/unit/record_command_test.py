"""What `record` refuses before it starts."""

import pytest
from click.testing import CliRunner

from cryptodudez_assets.cli import main


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--threshold", "nan"], "'--threshold': nan is no number"),
        (["--rest-url", "127.0.0.1:8900/v3"], "'--rest-url': must be https://host:port/path or http://host:port/path"),
        (["--ws-url", "http://127.0.0.1:8900/ws"], "'--ws-url': must be wss://host:port/path or ws://host:port/path"),
    ],
)
def test_what_cannot_work_is_refused(words: list[str], told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cryptodudez_assets.recorder.run.record", _must_not_start)
    done = CliRunner().invoke(main, ["record", "--book", "btc_mxn", *words])

    assert done.exit_code == 2
    assert told in done.output.replace("\n", " ")


def _must_not_start(*_: object) -> None:
    raise AssertionError("the recorder was started")
