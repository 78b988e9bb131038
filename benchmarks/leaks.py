"""How often the look-ahead check catches planted leaks, with fresh seeds; beside as many moments at random times.

The peer is what a check without a choice of moments would do: it looks at all rows at moments that are spread evenly between
the first and the last knowledge of the inputs. `--views` looks at the views of this project, too: none may be caught.
"""

import argparse
import tempfile
import time
from datetime import datetime
from pathlib import Path
from random import Random

import polars as pl

from cryptodudez_assets.features import FeatureView, all_views
from cryptodudez_assets.features.declaration import Frames
from cryptodudez_assets.features.look_ahead import computed, look_ahead_at, read
from cryptodudez_assets.features.moments import MOMENTS
from cryptodudez_assets_tests.planted_leaks import HARD, HONEST, LEAKS, SEEDS, caught, planted_archives


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--first-seed", type=int, help="by default another each time")
    parser.add_argument("--views", action="store_true", help="look at the views of this project, too (minutes)")
    given = parser.parse_args()
    first = Random().randrange(10**6) if given.first_seed is None else given.first_seed
    seeds = range(first, first + given.seeds)
    print(f"seeds {first} to {seeds[-1]}: caught by the check, by {MOMENTS} moments at random; CPU seconds of both")
    views = LEAKS | {name: view for name, (view, _) in HARD.items()} | HONEST
    with tempfile.TemporaryDirectory() as folder:
        frames = planted_archives(Path(folder))
        for name, view in views.items():
            ours, seconds = _timed(lambda view=view: caught(view, frames, seeds))
            peers, peers_seconds = _timed(lambda view=view: sum(_at_random(view, frames, seed) for seed in seeds))
            print(f"{name:62} {ours:3} {peers:3}   {seconds:5.1f} {peers_seconds:5.1f}", flush=True)
        for name, view in all_views().items() if given.views else ():
            ours, seconds = _timed(lambda view=view: caught(view, frames, seeds))
            print(f"{name:62} {ours:3}       {seconds:5.1f}", flush=True)


def _timed(count):
    start = time.process_time()
    return count(), time.process_time() - start


def _at_random(view: FeatureView, frames: Frames, seed: int) -> bool:
    random, rows = Random(seed), read(view, frames)
    outputs = computed(view, rows)
    known = pl.concat([rows[one.table].select(known=one.known) for one in view.inputs])["known"]
    first, last = known.min(), known.max()
    assert isinstance(first, datetime)
    assert isinstance(last, datetime)
    moments = (first + (last - first) * random.random() for _ in range(MOMENTS))
    return any(look_ahead_at(view, rows, outputs, t, random.randrange(2**32)).differences for t in moments)


if __name__ == "__main__":
    main()
