"""Workers that have not what tasks were planned with do none of them."""

import pickle
from pathlib import Path

import pytest

from cryptodudez_assets.engines import Say, likeness
from cryptodudez_assets.engines.likeness import UnlikeWorker, hash_of_project
from cryptodudez_assets.engines.portable import attempt, do, opened, packed

DONE: list[int] = []


def noted(number: int, say: Say) -> int:
    """Leaves a note that it was done."""
    DONE.append(number)
    return number


@pytest.fixture(autouse=True)
def nothing_done() -> None:
    """Each test begins without notes."""
    DONE.clear()


def test_a_task_that_was_planned_with_the_same_is_done() -> None:
    assert do(packed(noted, 1)) == 1
    assert DONE == [1]


@pytest.mark.parametrize("name", ["cryptodudez", "Python", "machine", "polars", "pyiceberg"])
def test_a_worker_that_has_something_else_does_nothing_and_says_what(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = packed(noted, 1)
    other = {**likeness.likeness(), name: "another"}
    monkeypatch.setattr(likeness, "likeness", lambda: other)
    with pytest.raises(UnlikeWorker, match=rf"a worker has {name} another \(planned with .*nothing was committed"):
        opened(attempt(task))
    assert not DONE


def test_a_task_of_other_code_is_refused_before_it_is_unpacked() -> None:
    planned = {**likeness.likeness(), "cryptodudez": "another"}
    with pytest.raises(UnlikeWorker):
        do(pickle.dumps((planned, b"what this release could not read")))


def test_the_hash_is_that_of_the_code_and_of_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "room").mkdir()
    (tmp_path / "room" / "a.py").write_text("1")
    (tmp_path / "room" / "b.sql").write_text("2")
    told = hash_of_project(tmp_path)
    (tmp_path / "room" / "__pycache__").mkdir()
    (tmp_path / "room" / "__pycache__" / "a.pyc").write_text("3")
    (tmp_path / "notes.txt").write_text("4")
    assert hash_of_project(tmp_path) == told
    (tmp_path / "room" / "b.sql").write_text("5")
    edited = hash_of_project(tmp_path)
    (tmp_path / "room" / "a.py").rename(tmp_path / "room" / "c.py")
    assert len({told, edited, hash_of_project(tmp_path)}) == 3
