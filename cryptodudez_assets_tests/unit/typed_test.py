"""What types the commands of a page (`docs/typed.py`): ended in the midst of it, it leaves nothing running."""

import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import typed

PATIENCE_SECONDS = 60


@pytest.mark.parametrize("line", ["sleep 4321; true", "sleep 4321 & wait"])
def test_what_it_typed_ends_with_it(tmp_path: Path, line: str) -> None:
    (page := tmp_path / "page.md").write_text(f"```console\n$ {line}\n```\n")
    typing = subprocess.Popen([sys.executable, typed.__file__, page])
    sleeps: list[psutil.Process] = []
    try:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not sleeps:
            assert time.monotonic() < deadline
            below = psutil.Process(typing.pid).children(recursive=True)
            sleeps = [one for one in below if one.name() == "sleep"]
            time.sleep(0.05)
        typing.terminate()
        assert typing.wait(PATIENCE_SECONDS) == 128 + 15
        assert psutil.wait_procs(sleeps, PATIENCE_SECONDS)[1] == []
    finally:
        typing.kill()
        for one in sleeps:
            if one.is_running():
                one.kill()
    assert page.read_text() == f"```console\n$ {line}\n```\n"
