"""The pages behind the first: market, data, models, system; and `/tables/<page>/<name>.csv`, all that each of their tables has.

What a page is asked for is in its address, and checked here; what it shows is gathered and said in the page's own module.
"""

from collections.abc import Iterable, Mapping
from typing import Annotated

from litestar import MediaType, Response, Router, get
from litestar.params import FromPath, FromQuery, QueryParameter

from cryptodudez_assets.declared_models import Model
from cryptodudez_assets.lake.lake import Lake
from serving.dashboard import data_page, market_page, models_page, system_page
from serving.dashboard.frame import HEADERS, html, one_of
from serving.dashboard.kept import Kept
from serving.dashboard.prices import DEFAULT_RANGE, RANGES
from serving.dashboard.tables import Table

ALL = ""
Reach = Annotated[str, QueryParameter(name="range")]


def market_routes(lake: Lake, usual: str) -> Router:
    """`/market`, of a coin and a range. `usual`: the coin that is shown where none is asked for."""
    looks = Kept[tuple[str, str], market_page.Market](lambda key: market_page.gather(lake, *key, usual))

    async def look(coin: str, reach: str) -> market_page.Market:
        return await looks.of((coin, one_of(RANGES, reach, "range")))

    @get("/market", media_type=MediaType.HTML, include_in_schema=False)
    async def show_market(coin: FromQuery[str] = ALL, reach: Reach = DEFAULT_RANGE) -> Response[str]:
        return html(market_page.render(await look(coin, reach)))

    @get("/tables/market/{file:str}", media_type="text/csv", include_in_schema=False)
    async def market_file(
        file: FromPath[str], coin: FromQuery[str] = ALL, reach: Reach = DEFAULT_RANGE
    ) -> Response[str]:
        return csv_of((await look(coin, reach)).tables, file)

    return Router("/", route_handlers=[show_market, market_file])


def data_routes(lake: Lake, dagster: str) -> Router:
    """`/data`, of one source or all."""
    looks = Kept[str, data_page.Data](lambda source: data_page.gather(lake, source))

    async def look(source: str) -> data_page.Data:
        return await looks.of(one_of((ALL, *lake.sources), source, "source"))

    @get("/data", media_type=MediaType.HTML, include_in_schema=False)
    async def show_data(source: FromQuery[str] = ALL) -> Response[str]:
        return html(data_page.render(await look(source), dagster))

    @get("/tables/data/{file:str}", media_type="text/csv", include_in_schema=False)
    async def data_file(file: FromPath[str], source: FromQuery[str] = ALL) -> Response[str]:
        return csv_of((await look(source)).tables, file)

    return Router("/", route_handlers=[show_data, data_file])


def models_routes(lake: Lake, models: Iterable[Model]) -> Router:
    """`/models`, of one model or all."""
    declared = {one.name: one for one in models}
    looks = Kept[str, models_page.Models](lambda model: models_page.gather(lake, declared.values(), model))

    async def look(model: str) -> models_page.Models:
        return await looks.of(one_of((ALL, *declared), model, "model"))

    @get("/models", media_type=MediaType.HTML, include_in_schema=False)
    async def show_models(model: FromQuery[str] = ALL) -> Response[str]:
        return html(models_page.render(await look(model)))

    @get("/tables/models/{file:str}", media_type="text/csv", include_in_schema=False)
    async def models_file(file: FromPath[str], model: FromQuery[str] = ALL) -> Response[str]:
        return csv_of((await look(model)).tables, file)

    return Router("/", route_handlers=[show_models, models_file])


def system_routes(dagster: str) -> Router:
    """`/system`, of runs of one status or all. `dagster`: address of Dagster's webserver."""
    looks = Kept[str, system_page.System](lambda status: system_page.gather(dagster, status))

    async def look(status: str) -> system_page.System:
        return await looks.of(one_of((ALL, *system_page.STATUSES), status, "status"))

    @get("/system", media_type=MediaType.HTML, include_in_schema=False)
    async def show_system(status: FromQuery[str] = ALL) -> Response[str]:
        return html(system_page.render(await look(status)))

    @get("/tables/system/{file:str}", media_type="text/csv", include_in_schema=False)
    async def system_file(file: FromPath[str], status: FromQuery[str] = ALL) -> Response[str]:
        return csv_of((await look(status)).tables, file)

    return Router("/", route_handlers=[show_system, system_file])


def csv_of(tables: Mapping[str, Table], file: str) -> Response[str]:
    """Of these tables the one that is called so with `.csv` behind it. Raises what is answered where there is none."""
    table = tables[one_of({f"{name}.csv": name for name in tables}, file, "file").removesuffix(".csv")]
    headers = {"Content-Disposition": f'attachment; filename="{table.name}.csv"', **HEADERS}
    return Response(table.csv, media_type="text/csv", headers=headers)
