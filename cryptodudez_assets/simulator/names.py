"""Invented names: tickers for more coins and stocks than are known, and people to talk with."""

from random import Random
from string import ascii_uppercase

_FIRST = [
    *("Orbit", "Pixel", "Panel", "Lunar", "Quiet", "Rusty", "Nova"),
    *("Delta", "Copper", "Turbo", "Polar", "Maple", "Velvet", "Signal"),
]
_SECOND = [
    *("Fox", "Otter", "Harbor", "Wrench", "Comet", "Garage"),
    *("Falcon", "Penguin", "Ledger", "Kite", "Walrus", "Beacon"),
]
_ENDINGS = ("", "", "", " 🚀", "'s Garage", " 🌍🔋", ", PhD", ' "the 3rd"')


def ticker(number: int) -> str:
    """Three letters, other ones for each number below 17,576."""
    letters = len(ascii_uppercase)
    return "".join(ascii_uppercase[number // letters**place % letters] for place in (2, 1, 0))


def people(rng: Random) -> list[dict[str, str]]:
    """Everybody whom the author answers, as the archives write them."""
    pairs = [(first, second) for first in _FIRST for second in _SECOND]
    return [
        {
            "screen_name": f"{first}{second}{rng.choice(('', '_', str(rng.randrange(10, 99))))}",
            "name": f"{first} {second}{rng.choice(_ENDINGS)}",
            "id": str(rng.randrange(10**6, 10**10)),
        }
        for first, second in pairs
    ]
