"""How many kills a home survives: `cryptodudez` commands die again and again, then every table, model and export is compared.

    python benchmarks/kills.py [--kills 200] [--seed 1]

Prints per scenario the kills, the tries that ended before they were killed, and whatever differs from an uninterrupted home.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from cryptodudez_assets_tests.campaign import SCENARIOS, Campaign, Toll


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    wanted = parser.parse_args()
    began, total = time.perf_counter(), Toll()
    with tempfile.TemporaryDirectory(prefix="kills-") as folder:
        campaign = Campaign(Path(folder), wanted.seed)
        while total.kills < wanted.kills:
            for scenario in SCENARIOS:
                toll = Toll()
                campaign.carry_out(scenario, 10, toll)
                print(
                    f"{scenario.name}: {toll.kills} kills, {toll.survived} ended before; {toll.differing or 'no difference'}",
                    flush=True,
                )
                total.kills += toll.kills
                total.differing += toll.differing
    print(f"{total.kills} kills in {time.perf_counter() - began:.0f} s, {len(total.differing)} differences")
    return 1 if total.differing else 0


if __name__ == "__main__":
    sys.exit(main())
