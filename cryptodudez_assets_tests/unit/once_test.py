"""What is made once in a run of tests: once, and whole."""

from pathlib import Path
from uuid import uuid4

import pytest

from cryptodudez_assets_tests.conftest import Once


def test_a_folder_is_filled_by_whoever_asks_first(once: Once) -> None:
    name, filled = uuid4().hex, []
    folders = {once(name, filled.append) for _ in range(3)}
    assert filled == list(folders)


def test_what_failed_halfway_is_filled_anew(once: Once) -> None:
    def fail(folder: Path) -> None:
        (folder / "half").touch()
        raise OSError("the disk is full")

    name = uuid4().hex
    with pytest.raises(OSError, match="disk is full"):
        once(name, fail)
    assert list(once(name, lambda folder: (folder / "whole").touch()).iterdir()) != []
    assert [path.name for path in once(name, fail).iterdir()] == ["whole"]
