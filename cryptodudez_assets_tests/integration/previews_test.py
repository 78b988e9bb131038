"""What runs remember: no text, author or id of a post, since what is in Dagster's log cannot be taken out post by post."""

import json

import dagster as dg
import pytest

from cryptodudez_assets.defs.derived_assets import build_derived_assets
from cryptodudez_assets.defs.previews import shows
from cryptodudez_assets.derived import all_derived
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.sources import all_sources
from cryptodudez_assets_tests.rig import Rig
from cryptodudez_assets_tests.toy_accounts import ADA

SOURCE = all_sources()["bitcoin_tweets"]
GOOD = {"id": 1187859741222608896, "date": "Fri Oct 25 22:40:27 +0000 2019", "text": "tulips are up", "user": "wanda"}
BAD = {"id": 1187859741222608897, "date": "yesterday", "text": "tulips are down", "user": "ossip"}
SAID = ("1187859741222608", "tulips", "wanda", "ossip")


def test_a_run_remembers_nothing_of_what_posts_say(lake: Lake) -> None:
    rig = Rig(lake, [SOURCE])
    rig.drop("posts.json", "".join(f"{json.dumps(one)}\n" for one in (GOOD, BAD)))
    assert rig.ingest().success
    for name in ("social.posts", "social.tweets_content", "social.tweets_user", "social.tweets_time"):
        asset = build_derived_assets(all_derived()[name])
        assert dg.materialize([asset], instance=rig.instance, resources={"lake": rig.resource}).success
    assert rig.rows("social.tweets_content")["text"].to_list() == ["tulips are up"]
    remembered = repr([rig.instance.all_logs(run.run_id) for run in rig.instance.get_runs()])
    assert "dagster/row_count" in remembered
    assert [word for word in SAID if word in remembered] == []


@pytest.mark.parametrize("user", [ADA, "3f9a" * 750], ids=["as usual", "very long"])
def test_a_run_remembers_an_id_whole_or_not_at_all(lake: Lake, user: str) -> None:
    """So that whoever erases it finds it: of a line that is set aside, too, wherever its middle is."""
    rig = Rig(lake, [all_sources()["deposits"]])
    line = f"2026-11-20 11:12:21.251+00,{user},163.518094255764698093%s,eth,failed,api,deposits"
    header = "id,event_timestamp,user_id,amount,currency,tx_status,interface,type"
    lines = [f"{number},{line % ('x' if number < 3 else '')}" for number in range(60)]
    rig.drop("deposits.csv", "\n".join([header, *lines, ""]))
    rig.ingest()
    remembered = repr([rig.instance.all_logs(run.run_id) for run in rig.instance.get_runs()])
    assert "amount:type" in remembered
    without = remembered.replace(user, "")
    assert [piece for piece in (user[:8], user[-8:]) if piece in without] == []


def test_what_is_made_of_posts_is_shown_only_as_numbers_and_the_rest_as_it_is() -> None:
    hidden = {name for name, table in all_derived().items() if not shows(table, all_sources().values())}
    assert {"social.posts", "features.tweet_daily", "features.term_frequency_daily"} <= hidden
    assert not hidden & {"features.crypto_daily", "features.eth_predictors_daily", "accounts.dim_user"}
