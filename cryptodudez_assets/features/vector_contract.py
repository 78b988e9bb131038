"""The columns of a text's vector, shared by the views that hold one. They are 32 because `text.COMPONENTS` are."""

import pandera.polars as pa

from cryptodudez_assets.features.declaration import FeatureContract


def component(number: int) -> float:
    """A column of a contract: one component of the vector."""
    field: float = pa.Field(description=f"Component {number} of the vector.", ge=-1, le=1, metadata={"unit": "ratio"})
    return field


class VectorContract(FeatureContract):
    """Base of the contracts with a text vector."""

    v0: float = component(0)
    v1: float = component(1)
    v2: float = component(2)
    v3: float = component(3)
    v4: float = component(4)
    v5: float = component(5)
    v6: float = component(6)
    v7: float = component(7)
    v8: float = component(8)
    v9: float = component(9)
    v10: float = component(10)
    v11: float = component(11)
    v12: float = component(12)
    v13: float = component(13)
    v14: float = component(14)
    v15: float = component(15)
    v16: float = component(16)
    v17: float = component(17)
    v18: float = component(18)
    v19: float = component(19)
    v20: float = component(20)
    v21: float = component(21)
    v22: float = component(22)
    v23: float = component(23)
    v24: float = component(24)
    v25: float = component(25)
    v26: float = component(26)
    v27: float = component(27)
    v28: float = component(28)
    v29: float = component(29)
    v30: float = component(30)
    v31: float = component(31)
