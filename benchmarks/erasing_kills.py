"""How many kills an erasure survives: it dies at random moments, everyday work goes on, and it is called again.

    python benchmarks/erasing_kills.py [--kills 20] [--seed 1]

Prints kills, and whatever then differed from a home in which nothing was interrupted.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from cryptodudez_assets_tests.erasing_campaign import carry_out


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    wanted = parser.parse_args()
    began = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="erasing-kills-") as folder:
        toll = carry_out(Path(folder), wanted.kills, wanted.seed)
    print(
        f"{toll.kills} kills in {time.perf_counter() - began:.0f} s, {toll.survived} were done before they were killed"
    )
    print("\n".join(toll.differing) or "every home ended the same")
    return 1 if toll.differing or toll.kills < wanted.kills else 0


if __name__ == "__main__":
    sys.exit(main())
