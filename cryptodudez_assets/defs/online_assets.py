"""The online store follows the feature tables: the latest row of each key, for serving."""

from typing import Any

import dagster as dg

from cryptodudez_assets.contracts.base import polars_schema
from cryptodudez_assets.defs.column_lineage import columns, same_as
from cryptodudez_assets.defs.metadata import contract_schema, key_of
from cryptodudez_assets.defs.resources import LakeResource
from cryptodudez_assets.feature_store.online import open_online_store
from cryptodudez_assets.feature_store.publish import publish_latest
from cryptodudez_assets.features.declaration import FeatureView
from cryptodudez_assets.products.declared import online_name


def online_key(view: FeatureView) -> dg.AssetKey:
    """The view in the online store."""
    return key_of(online_name(view))


def build_online_asset(view: FeatureView, store_url: str) -> dg.AssetsDefinition:
    """The asset that brings a view's latest rows online, to a store at this address."""

    @dg.asset(
        key=online_key(view),
        deps=[key_of(view.table)],
        description=f"The latest row of each key of {view.name}, ready to be served for {view.ttl}.",
        group_name="online",
        owners=[view.owner],
        kinds={store_url.partition(":")[0]},
        metadata=columns(
            contract_schema(view.contract), same_as(key_of(view.table), polars_schema(view.contract).names())
        ),
    )
    def bring_online(lake: LakeResource) -> dg.MaterializeResult[Any]:
        opened = lake.open()
        store = open_online_store(opened.settings.online)
        try:
            published = publish_latest(opened, view, store)
        finally:
            store.close()
        return dg.MaterializeResult(metadata={"rows_written": published})

    return bring_online
