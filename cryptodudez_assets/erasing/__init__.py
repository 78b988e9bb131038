"""Erase an identity wherever it is kept: `erase(lake, Identity(kind, value), mode)`. How lakes let go of one is in `lake/erasing`."""
