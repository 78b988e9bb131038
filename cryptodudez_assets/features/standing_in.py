"""What stands for a view that is left out, where models and pages name it: it can be asked for its tables, and makes nothing."""

from collections.abc import Iterable
from datetime import timedelta

import pandera.polars as pa
import polars as pl

from cryptodudez_assets.features.declaration import FeatureContract, FeatureView, Frames


def standing_in(name: str, key: Iterable[str], features: Iterable[str]) -> FeatureView:
    """A view of this name, with these features as numbers, that is declared nowhere: nothing is built from it, no table changed.

    Its `ttl` is zero: nothing that is left of it counts as fresh.
    """
    key, features = tuple(key), tuple(features)

    def transform(frames: Frames) -> pl.LazyFrame:
        """Never asked: the view is not among those that are declared."""
        raise LookupError(f"the view {name} is left out, as its declaration cannot be loaded")

    told = {
        "__doc__": f"The view {name}, which is left out.",
        "__module__": __name__,
        "__annotations__": {**dict.fromkeys(key, str), **dict.fromkeys(features, float)},
        **{one: pa.Field(description="Part of the key.") for one in key},
        **{one: pa.Field(description="Left out.", nullable=True) for one in features},
    }
    contract: type[FeatureContract] = type("LeftOutFeatures", (FeatureContract,), told)
    return FeatureView(
        name=name,
        contract=contract,
        owner="team:platform",
        key=key,
        inputs=(),
        transform=transform,
        window=None,
        ttl=timedelta(0),
    )
