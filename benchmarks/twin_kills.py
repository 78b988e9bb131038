"""What kills cost on the twin of the cluster: one process after the other dies, PostgreSQL and the bucket are restarted, while files land.

    python benchmarks/twin_kills.py [--kills 100] [--seed 1]

Each kind in turn, at a moment of chance: webserver, daemon, code server, run worker, serving, recorder, PostgreSQL, store. No file is
lost, no row doubled. Prints what each kill cost: seconds until the process is there again, and until a file that landed at that
moment is in its table.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from cryptodudez_assets_tests.twin_campaign import carry_out


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    wanted = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="twin-kills-") as folder:
        toll = carry_out(Path(folder), wanted.kills, wanted.seed, lambda line: print(line, flush=True))
    print(f"{toll}, {time.monotonic() - began:.0f} s")
    print("\n".join(toll.wrong) or "none lost, none doubled, and all add up")
    return 1 if toll.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
