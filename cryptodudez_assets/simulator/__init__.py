"""Sample archives made by the platform itself: the layouts and the dirt of the public archives, none of their content.

`simulate` writes the archives of all sources and the truth about them: the good rows, and where the bad ones lie.
"""

from cryptodudez_assets.simulator.dirt import CLEAN, REAL_DIRT, Dirt
from cryptodudez_assets.simulator.run import simulate
from cryptodudez_assets.simulator.sizes import SIZES, Size
from cryptodudez_assets.simulator.truth import Truth

__all__ = ["CLEAN", "REAL_DIRT", "SIZES", "Dirt", "Size", "Truth", "simulate"]
