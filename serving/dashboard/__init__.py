"""The dashboard at `/`: buy, sell or HODL, and why anybody should believe it. Reports are served beside it, read only.

Wiring only. The signal's page is gathered in `data` and said in `signal_page`; each other page has a module of its own, behind
`routes`. `plot`, `candles` and `charts` draw, `tables` lists, `frame` has what all pages share.
"""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

from litestar import MediaType, Response, Router, get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.static_files import create_static_files_router

from cryptodudez_assets.declared_models import Model
from cryptodudez_assets.declared_models.signal import SignalModel
from cryptodudez_assets.lake import pages
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.store.objects import open_store
from cryptodudez_assets.settings import Settings
from cryptodudez_assets.sources import all_sources
from serving.dashboard.data import NoDecision, Today, gather
from serving.dashboard.frame import compressed, html, one_of
from serving.dashboard.kept import Kept
from serving.dashboard.prices import DEFAULT_RANGE, RANGES
from serving.dashboard.routes import Reach, csv_of, data_routes, market_routes, models_routes, system_routes
from serving.dashboard.signal_files import files_of
from serving.dashboard.signal_page import render
from serving.dashboard.tables import Table
from serving.errors import NO_FILE

__all__ = ["Board", "NoDecision", "Today", "dashboard"]

STATIC = Path(__file__).parent / "static"
# Reports are single files with styles of their own, and no scripts.
REPORT_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)


class Board:
    """The page of a signal and its files, for each range."""

    def __init__(
        self,
        lake: Lake,
        model: SignalModel | None,
        today: Callable[[], Today | NoDecision],
        others: Mapping[str, str] = MappingProxyType({}),
        path: str = "/",
    ) -> None:
        def look(reach: str) -> tuple[str, Mapping[str, Table]]:
            picture = gather(lake, model, today, reach)
            return render(picture, others, path), files_of(picture)

        self._kept = Kept(look)

    async def page(self, reach: str = DEFAULT_RANGE) -> str:
        """As it is now, or was a moment ago."""
        return (await self._kept.of(one_of(RANGES, reach, "range")))[0]

    async def files(self, reach: str = DEFAULT_RANGE) -> Mapping[str, Table]:
        """Its tables, of the same look."""
        return (await self._kept.of(one_of(RANGES, reach, "range")))[1]


def dashboard(
    settings: Settings, signals: Mapping[SignalModel, Callable[[], Today | NoDecision]], models: Iterable[Model] = ()
) -> Router:
    """`/dashboard/<name>` about each signal, and `/` about the first; the pages of `routes`; `/assets/…` and `/reports/…`.

    What a signal says today is asked for in a worker thread, at most twice a minute.
    """
    lake = Lake.open(settings, all_sources())
    paths = {model: f"/dashboard/{model.name}" if place else "/" for place, model in enumerate(signals)}
    boards = {
        path: Board(lake, model, signals[model], {one.coin.name: paths[one] for one in paths if one != model}, path)
        for model, path in paths.items()
    } or {"/": Board(lake, None, lambda: NoDecision("no signal is declared"))}

    by_name = {model.name: boards[path] for model, path in paths.items()}

    @get("/", media_type=MediaType.HTML, include_in_schema=False)
    async def show_dashboard(reach: Reach = DEFAULT_RANGE) -> Response[str]:
        return html(await boards["/"].page(reach))

    @get("/dashboard/{name:str}", media_type=MediaType.HTML, include_in_schema=False)
    async def show_signal(name: FromPath[str], reach: Reach = DEFAULT_RANGE) -> Response[str]:
        if name not in by_name:
            raise NotFoundException(f"no signal of this name has a page; there are: {', '.join(by_name) or 'none'}")
        return html(await by_name[name].page(reach))

    @get("/tables/signal/{name:str}/{file:str}", media_type="text/csv", include_in_schema=False)
    async def signal_file(name: FromPath[str], file: FromPath[str], reach: Reach = DEFAULT_RANGE) -> Response[str]:
        return csv_of(await by_name[one_of(by_name, name, "signal")].files(reach), file)

    @get("/reports/{name:str}", media_type=MediaType.HTML, include_in_schema=False, sync_to_thread=True)
    def show_report(name: FromPath[str]) -> Response[str]:
        store = open_store(settings)
        if name not in pages.names(store):  # no other name is served
            raise NotFoundException("there is no such report")
        return html(pages.read(store, name), REPORT_POLICY)

    assets = create_static_files_router(
        path="/assets",
        directories=[STATIC],
        name="dashboard_assets",
        exception_handlers=NO_FILE,
        include_in_schema=False,
    )
    dagster = settings.dagster_url.rstrip("/")
    others = [
        market_routes(lake, next((one.coin.symbol for one in signals), "")),
        data_routes(lake, dagster),
        models_routes(lake, models),
        system_routes(dagster),
    ]
    return Router(
        "/",
        route_handlers=[show_dashboard, show_signal, signal_file, show_report, assets, *others],
        middleware=[compressed()],
    )
