"""`make mutants`: small changes of the code, each of which some test must notice.

    python cryptodudez_assets_tests/mutants.py [--draw 400] [--seed 1] [--part 1/1]

Which modules are changed, and which tests are run, is said by `[tool.mutmut]` in pyproject.toml. As many mutants as `--draw` says
are drawn with a seed, so that a second call takes the same ones; parts of a draw can be run one by one. Those that no test
noticed are printed as differences of the source. Exits with 1 if there are any that are not named in `docs/testing.md`.
"""

import argparse
import sys
import time
from pathlib import Path
from random import Random

from mutmut.__main__ import (
    collect_source_file_mutation_data,
    copy_also_copy_files,
    copy_src_dir,
    create_mutants,
    get_diff_for_mutant,
    run,
    setup_source_paths,
    status_by_exit_code,
)

PAGE = Path(__file__).parents[1] / "docs" / "testing.md"
NOTICED = {"killed", "timeout", "segfault"}
"""A mutant that never ends is noticed: tests that go on for ever fail."""
WORKERS = 2


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draw", type=int, default=400)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--part", default="1/1", help="of how many, such as 2/4")
    wanted = parser.parse_args()
    began = time.perf_counter()
    part, parts = map(int, wanted.part.split("/"))
    names = drawn(wanted.draw, wanted.seed)[part - 1 :: parts]
    run.callback(tuple(names), max_children=WORKERS)
    found = {name: status for name, status in statuses().items() if name in names}
    survivors = sorted(name for name, status in found.items() if status not in NOTICED)
    known = PAGE.read_text()
    new = [name for name in survivors if name not in known]
    for name in new:
        print(f"\n{name}: {found[name]}\n{get_diff_for_mutant(name)}")
    noticed, named = len(names) - len(survivors), len(survivors) - len(new)
    took = time.perf_counter() - began
    print(f"{len(names)} mutants in {took:.0f} s: {noticed} noticed, {named} named in {PAGE.name}, {len(new)} neither")
    return 1 if new else 0


def drawn(count: int, seed: int) -> list[str]:
    """So many of all mutants, in a random order."""
    Path("mutants").mkdir(exist_ok=True)
    copy_src_dir()
    copy_also_copy_files()
    setup_source_paths()
    create_mutants(max_children=WORKERS)
    names = sorted(statuses())
    return Random(seed).sample(names, min(count, len(names)))


def statuses() -> dict[str, str]:
    """What has become of each mutant."""
    mutants, _ = collect_source_file_mutation_data(mutant_names=[])
    return {name: status_by_exit_code[data.exit_code_by_key[name]] for data, name, _ in mutants}


if __name__ == "__main__":
    sys.exit(main())
