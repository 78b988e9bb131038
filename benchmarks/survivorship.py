"""How much better the past looks in an archive of survivors: the market's features on coins some of which die, with the dead and without.

A simulation, for the archives hold survivors alone: what they leave out cannot be measured on them.
"""

import argparse

import numpy as np

from cryptodudez_assets_tests.dying_coins import dying_market, market_of

SHOWN = ("coin_market_return", "breadth", "market_factor_1_share")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    given = parser.parse_args()
    print(
        "| die within a year | of 40 left | mean return of coins a day | breadth | share of factor 1 |\n|---|---|---|---|---|"
    )
    for a_year in (0.05, 0.15, 0.3):
        rows = [_one(seed, a_year) for seed in range(given.seeds)]
        left, *pairs = (np.mean([row[at] for row in rows], axis=0) for at in range(len(SHOWN) + 1))
        told = " | ".join(f"{all_:.4f} → {alive:.4f}" for all_, alive in pairs)
        print(f"| {a_year:.0%} | {left:.0f} | {told} |", flush=True)


def _one(seed: int, a_year: float) -> list[object]:
    everything, alive = dying_market(seed, a_year=a_year)
    both = [market_of(coins).select(SHOWN).mean().row(0) for coins in (everything, alive)]
    return [alive["symbol"].n_unique(), *zip(*both, strict=True)]


if __name__ == "__main__":
    main()
