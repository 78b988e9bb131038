"""The folder as a store: keys in order, whole writes, nothing followed out of it."""

import io
import os
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cryptodudez_assets.lake.formats.archives import Container, members
from cryptodudez_assets.lake.store.objects import FolderStore, _CloudFile
from cryptodudez_assets_tests.toy import zipped


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path)


@pytest.mark.parametrize("key", ["raw/s/a.csv", "raw/s/a b%20€\n.csv", "raw/s/" + "n" * 255, "raw/s/back\\x41slash"])
def test_what_was_written_can_be_listed_read_and_found_by_its_uri(store: FolderStore, key: str) -> None:
    store.write(key, BytesIO(b"content"))
    assert [(found.key, found.size, found.oddity) for found in store.list("raw/s")] == [(key, 7, None)]
    assert store.key(store.uri(key)) == key
    assert store.stat(key) == next(store.list("raw/s"))
    with store.open(key) as content:
        assert content.read() == b"content"


names = st.lists(
    st.sampled_from(["a", "b", "a.csv", "a-", "a0", "b/c", "b-c", "é", "\udce9", "\udce9/x", "Z"]), unique=True
)


@given(names, st.sampled_from(["", "raw/s/a", "raw/s/b/", "raw/s/b0", "raw/s/~"]))
@settings(max_examples=50, deadline=None)
def test_keys_are_listed_in_order_from_behind_a_key_on(
    tmp_path_factory: pytest.TempPathFactory, chosen: list[str], after: str
) -> None:
    store = FolderStore(tmp_path_factory.mktemp("store"))
    files = [name for name in chosen if not any(other.startswith(name + "/") for other in chosen)]
    for name in files:
        (store.root / "raw/s" / name).parent.mkdir(parents=True, exist_ok=True)
        (store.root / "raw/s" / name).write_bytes(name.encode(errors="surrogateescape"))
    keys = [found.key for found in store.list("raw/s", after)]
    expected = {"raw/s/" + os.fsencode(name).decode(errors="backslashreplace") for name in files}
    assert keys == sorted(key for key in expected if key > after)
    for key in keys:
        with store.open(key) as content:
            assert content.read().decode(errors="backslashreplace") == key.removeprefix("raw/s/")


class Failing(BytesIO):
    """Breaks off behind the first bytes."""

    def read(self, size: int | None = -1, /) -> bytes:
        if self.tell():
            raise ConnectionError
        return super().read(3)


def test_a_write_that_fails_leaves_what_was_there(store: FolderStore) -> None:
    store.write("raw/s/a", BytesIO(b"old"))
    with pytest.raises(ConnectionError):
        store.write("raw/s/a", Failing(b"new content"))
    assert [found.key for found in store.list("raw/s")] == ["raw/s/a"]
    assert (store.root / "raw/s/a").read_bytes() == b"old"


def test_every_change_of_the_bytes_changes_the_generation(store: FolderStore) -> None:
    store.write("raw/s/a", BytesIO(b"one"))
    before = store.stat("raw/s/a")
    store.write("raw/s/a", BytesIO(b"two"))
    after = store.stat("raw/s/a")
    assert before is not None
    assert after is not None
    assert before.generation != after.generation


def test_links_are_neither_followed_nor_read(store: FolderStore, tmp_path_factory: pytest.TempPathFactory) -> None:
    outside = tmp_path_factory.mktemp("outside")
    (outside / "secret").write_bytes(b"secret")
    (store.root / "raw" / "s").mkdir(parents=True)
    (store.root / "raw" / "s" / "link").symlink_to(outside / "secret")
    (store.root / "raw" / "s" / "folder").symlink_to(outside)
    assert [(found.key, found.oddity) for found in store.list("raw/s")] == [
        ("raw/s/folder", "symbolic link"),
        ("raw/s/link", "symbolic link"),
    ]
    assert store.stat("raw/s/link") is None


WAYS = ["raw", "raw/s", "raw/s/day", "raw/s/day/deep", "raw/s/day/deep/a.csv"]


@pytest.fixture
def outside(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder beside the lake that looks like its raw zone, with other bytes."""
    outside = tmp_path_factory.mktemp("outside")
    elsewhere = FolderStore(outside)
    elsewhere.write("raw/s/day/deep/a.csv", BytesIO(b"secret"))
    return outside


@pytest.mark.parametrize("swapped", WAYS)
def test_what_is_swapped_for_a_link_behind_a_listing_is_not_followed(
    store: FolderStore, outside: Path, swapped: str
) -> None:
    key = WAYS[-1]
    store.write(key, BytesIO(b"ours"))
    assert [found.key for found in store.list("raw/s")] == [key]
    (store.root / swapped).rename(store.root / "moved")
    (store.root / swapped).symlink_to(outside / swapped)
    assert store.stat(key) is None
    with pytest.raises(OSError, match=f"{swapped} is a symbolic link, and links are not followed"):
        store.open(key)
    listed = list(store.list("raw/s"))
    assert [found.size for found in listed] == [0]
    assert all((found.oddity or "").startswith("symbolic link") for found in listed)


@pytest.mark.parametrize("swapped", WAYS[1:-1])
def test_a_folder_that_is_swapped_for_a_link_while_it_is_listed_is_not_followed(
    store: FolderStore, outside: Path, swapped: str
) -> None:
    for name in ("raw/s/a.csv", WAYS[-1], "raw/s/day/deep/b.csv"):
        store.write(name, BytesIO(b"ours"))
    listing = store.list("raw/s")
    assert next(listing).key == "raw/s/a.csv"
    (store.root / swapped).rename(store.root / "moved")
    (store.root / swapped).symlink_to(outside / swapped)
    (outside / "raw/s/day/deep/a.csv").write_bytes(b"secret and longer")
    assert {found.size for found in listing} <= {0, 4}  # as it was when its folder was opened, or none of it


@pytest.mark.parametrize("swapped", ["raw", "raw/s", "raw/s/day"])
def test_nothing_is_written_through_a_link(store: FolderStore, outside: Path, swapped: str) -> None:
    (store.root / swapped).parent.mkdir(parents=True, exist_ok=True)
    (store.root / swapped).symlink_to(outside / swapped)
    with pytest.raises(OSError, match="is a symbolic link"):
        store.write("raw/s/day/new.csv", BytesIO(b"ours"))
    assert not list(outside.rglob("new.csv"))


def test_the_root_itself_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "big disk").mkdir()
    (tmp_path / "lake").symlink_to(tmp_path / "big disk")
    store = FolderStore(tmp_path / "lake")
    store.write("raw/s/a.csv", BytesIO(b"ours"))
    assert [found.size for found in store.list("raw/s")] == [4]


def test_a_pipe_in_a_files_place_does_not_block(store: FolderStore) -> None:
    store.write("raw/s/a.csv", BytesIO(b"ours"))
    (store.root / "raw/s/a.csv").unlink()
    os.mkfifo(store.root / "raw/s/a.csv")
    with pytest.raises(FileNotFoundError, match="no regular file any more"):
        store.open("raw/s/a.csv")


@pytest.mark.parametrize("prefix", ["raw/nowhere", "raw/s"])
def test_a_source_without_files_lists_nothing(store: FolderStore, prefix: str) -> None:
    (store.root / "raw" / "s").mkdir(parents=True)
    assert list(store.list(prefix)) == []
    assert store.stat(f"{prefix}/a") is None


def test_an_object_of_a_store_reads_like_a_file() -> None:
    obstore = pytest.importorskip("obstore")
    memory = obstore.store.MemoryStore()
    content = zipped({"a.csv": b"a,b\n1,2\n"})
    obstore.put(memory, "a.zip", content)
    with io.BufferedReader(_CloudFile(obstore.open_reader(memory, "a.zip"))) as opened:
        assert opened.read() == content
        assert opened.seek(-5, os.SEEK_END) == len(content) - 5
        assert opened.read(3) == content[-5:-2]
        with pytest.raises(OSError, match="negative position"):
            opened.seek(-len(content) - 1, os.SEEK_END)
        assert [one.name for one in members(opened, len(content))] == ["a.csv"]  # type: ignore[arg-type]
        with Container(opened).text("zip", "a.csv", 8) as text:  # type: ignore[arg-type]
            assert text.read() == b"a,b\n1,2\n"
