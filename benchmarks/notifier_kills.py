"""How many kills alerts survive: two recorders of one book die again and again while a receiver fails half of the time.

    python benchmarks/notifier_kills.py [--kills 100] [--seed 1]

Prints kills, events, posts and repeats, and whatever was lost, said twice under two ids, or told before its start.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from cryptodudez_assets_tests.notifier_campaign import carry_out


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    wanted = parser.parse_args()
    began = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="notifier-kills-") as folder:
        toll = carry_out(Path(folder), wanted.kills, wanted.seed)
    print(
        f"{toll.kills} kills in {time.perf_counter() - began:.0f} s: {toll.events} events, {toll.posts} posts, "
        f"{toll.repeats} repeats that the receiver dropped by id"
    )
    wrong = {"lost": toll.lost, "strange": toll.strange, "before their start": toll.before_their_start}
    print({name: sorted(ids) for name, ids in wrong.items() if ids} or "each event once by id, none lost")
    return 1 if any(wrong.values()) or toll.refused else 0


if __name__ == "__main__":
    sys.exit(main())
