"""A source of another format costs one file, too: declared, it is landed, run, shown and asked as any other."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.quarantine.review import overview
from cryptodudez_assets.lake.status import status_of
from cryptodudez_assets.sources.checking import problem_of
from cryptodudez_assets_tests import toy_candles, toy_posts
from cryptodudez_assets_tests.builders import rows_of, take_in
from cryptodudez_assets_tests.rig import Rig, checks_of

USER = {"name": "a", "followers": 3}
POST = {"id": 1, "at": "2021-01-02T03:04:05Z", "text": "", "price": "1.10", "user": USER}
LINES = "\n".join(json.dumps(one) for one in [POST, {**POST, "id": 2}, {**POST, "id": 3, "user": None}])
ANSWER = json.dumps({"result": {"candles": [[0, "1.10", 2, 1], [3600000, "2", -1, 1]], "pair": "BTC"}}, indent=1)
TOYS = {
    "posts": (toy_posts.SOURCE, LINES, 3, [3], None),
    "candles": (toy_candles.SOURCE, ANSWER, 2, [10], "$.result.candles[1]"),
}


@pytest.mark.parametrize("name", TOYS)
def test_a_declaration_is_all_it_takes(lake: Lake, name: str) -> None:
    source, content, n_records, lines, place = TOYS[name]
    rig = Rig(lake, [source])
    rig.drop("answer", content)

    result = rig.ingest()

    assert problem_of(source) is None
    assert result.success
    assert {one for one, check in checks_of(result).items() if not check.passed} <= {
        "fresh",
        "nothing_left_behind",
        "schema_change",
    }
    told = status_of(lake, source.name)
    assert (told.read, told.valid, told.quarantined) == (n_records, n_records - 1, 1)
    aside = overview(lake, source.name)
    assert aside.select("line", "place").rows() == [(lines[0], place)]
    assert rig.rows(source.table).height == n_records - 1
    take_in(lake, source)
    assert status_of(lake, source.name) == told


def test_numbers_keep_their_digits_as_text(lake: Lake, drop: Callable[[str, str, bytes], Path]) -> None:
    digits = ["1.10", "1e400", "12345678901234567890123", "-0.0", "0.1e-10"]
    post = LINES.splitlines()[0].replace('"1.10"', "PRICE").replace('"id": 1', '"id": ID')
    lines = [post.replace("PRICE", one).replace("ID", f"9{n}") for n, one in enumerate(digits)]
    drop("posts", "digits", "\n".join(lines).encode())

    take_in(lake, toy_posts.SOURCE)

    rows = rows_of(lake, "social.posts").sort("post_id")
    assert rows["price"].to_list() == digits
    assert rows["text"].to_list() == [""] * len(digits)


def test_a_misdeclared_layout_says_what_is_wrong() -> None:
    layout = toy_candles.SOURCE.layouts[0]
    with pytest.raises(ValueError, match=r"`names` are those of all columns in the file"):
        replace(layout, columns={"x": pl.String})
