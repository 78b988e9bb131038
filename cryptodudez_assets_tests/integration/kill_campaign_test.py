"""Commands die by SIGKILL at random moments, again and again: homes end up with what one holds that was never interrupted."""

import pytest

from cryptodudez_assets_tests.campaign import SCENARIOS, Campaign, Scenario, Toll

pytestmark = pytest.mark.long

KILLS = {"first run": 4, "second landing": 3, "replay of an edited copy": 2, "upkeep": 2}
"""Few, so that they cost a minute; `benchmarks/kills.py` spends 200. After death at each single step: `crash_test`, `pending_test`."""


@pytest.fixture(scope="module")
def campaign(tmp_path_factory: pytest.TempPathFactory) -> Campaign:
    return Campaign(tmp_path_factory.mktemp("campaign"), seed=7)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_a_home_survives_kills(campaign: Campaign, scenario: Scenario):
    toll = Toll()

    campaign.carry_out(scenario, KILLS[scenario.name], toll)

    assert not toll.differing
    assert toll.kills >= KILLS[scenario.name]
