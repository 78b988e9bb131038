"""The page about gaps of order books as an asset."""

from collections.abc import Iterable, Iterator
from typing import Any

import dagster as dg

from cryptodudez_assets.defs.metadata import key_of, report_link
from cryptodudez_assets.defs.resources import LakeResource
from cryptodudez_assets.lake import pages
from cryptodudez_assets.products import incidents
from cryptodudez_assets.reports.sections import markdown
from cryptodudez_assets.sources.declaration import Source


def build_incident_assets(sources: Iterable[Source], api_url: str) -> list[dg.AssetsDefinition]:
    """The page, if its tables are among those of these sources. `api_url`: where it is served."""
    return [_page(api_url)] if {incidents.SPREADS, incidents.GAPS} <= {source.table for source in sources} else []


def _page(api_url: str) -> dg.AssetsDefinition:
    spec = dg.AssetSpec(
        key_of(incidents.NAME),
        deps=[key_of(incidents.SPREADS), key_of(incidents.GAPS)],
        description=incidents.DESCRIPTION,
        group_name="reports",
        owners=["team:market-data"],
        kinds={"html", "matplotlib"},
        code_version=incidents.code_hash(),
        skippable=True,
        metadata={"report": report_link(api_url, incidents.REPORT)},
    )

    @dg.multi_asset(name="report_order_book_incidents", specs=[spec])
    def page(context: dg.AssetExecutionContext, lake: LakeResource) -> Iterator[dg.MaterializeResult[Any]]:
        opened = lake.open()
        written = incidents.write_page(opened)
        if written is None:
            context.log.info(f"the page waits for rows in {incidents.SPREADS}")
            return
        pictures = {f"plot_{name}": dg.MetadataValue.md(f"![{name}]({uri})") for name, uri in written.pictures.items()}
        yield dg.MaterializeResult(
            asset_key=key_of(incidents.NAME),
            metadata={
                "seconds_nobody_looked": written.seconds,
                "words": dg.MetadataValue.md(markdown(written.words)),
                **pictures,
                "report_file": dg.MetadataValue.path(pages.place(opened, incidents.REPORT)),
            },
        )

    return page
