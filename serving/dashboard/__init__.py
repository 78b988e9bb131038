"""The dashboard at `/`: buy, sell or HODL, and why anybody should believe it. Reports are served beside it, read only.

Wiring only: what is shown is gathered in `data`, drawn in `candles` and `charts`, and said in `signal_page`.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated

from litestar import MediaType, Response, Router, get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath, QueryParameter
from litestar.static_files import create_static_files_router

from cryptodudez_assets.declared_models.signal import SignalModel
from cryptodudez_assets.lake import pages
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.store.objects import open_store
from cryptodudez_assets.settings import Settings
from cryptodudez_assets.sources import all_sources
from serving.dashboard.data import NoDecision, Today, gather
from serving.dashboard.frame import compressed, html, one_of
from serving.dashboard.prices import DEFAULT_RANGE, RANGES
from serving.dashboard.signal_page import render
from serving.errors import NO_FILE

__all__ = ["Board", "NoDecision", "Today", "dashboard"]

KEPT_SECONDS = 30
STATIC = Path(__file__).parent / "static"
# Reports are single files with styles of their own, and no scripts.
REPORT_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
Reach = Annotated[str, QueryParameter(name="range")]


class Board:
    """The page of each range, made again in a worker thread when it is asked for and older than half a minute."""

    def __init__(
        self,
        settings: Settings,
        model: SignalModel | None,
        today: Callable[[], Today | NoDecision],
        others: Mapping[str, str] = MappingProxyType({}),
        path: str = "/",
    ) -> None:
        self._lake = Lake.open(settings, all_sources())
        self._model, self._today, self._others, self._path = model, today, others, path
        self._lock = asyncio.Lock()
        self._kept: dict[str, tuple[float, str]] = {}

    async def page(self, reach: str = DEFAULT_RANGE) -> str:
        """As it is now, or was a moment ago. Requests that come meanwhile wait for the same look."""
        async with self._lock:
            if reach not in self._kept or time.monotonic() - self._kept[reach][0] > KEPT_SECONDS:
                text = await asyncio.to_thread(self._made, reach)
                self._kept[reach] = time.monotonic(), text
            return self._kept[reach][1]

    def _made(self, reach: str) -> str:
        return render(gather(self._lake, self._model, self._today, reach), self._others, self._path)


def dashboard(settings: Settings, signals: Mapping[SignalModel, Callable[[], Today | NoDecision]]) -> Router:
    """`/dashboard/<name>` about each signal, and `/` about the first; `/assets/…` and `/reports/…`.

    What a signal says today is asked for in a worker thread, at most twice a minute.
    """
    paths = {model: f"/dashboard/{model.name}" if place else "/" for place, model in enumerate(signals)}
    boards = {
        path: Board(settings, model, signals[model], {one.coin.name: paths[one] for one in paths if one != model}, path)
        for model, path in paths.items()
    } or {"/": Board(settings, None, lambda: NoDecision("no signal is declared"))}

    by_name = {model.name: boards[path] for model, path in paths.items()}

    @get("/", media_type=MediaType.HTML, include_in_schema=False)
    async def show_dashboard(reach: Reach = DEFAULT_RANGE) -> Response[str]:
        return html(await boards["/"].page(one_of(RANGES, reach, "range")))

    @get("/dashboard/{name:str}", media_type=MediaType.HTML, include_in_schema=False)
    async def show_signal(name: FromPath[str], reach: Reach = DEFAULT_RANGE) -> Response[str]:
        if name not in by_name:
            raise NotFoundException(f"no signal of this name has a page; there are: {', '.join(by_name) or 'none'}")
        return html(await by_name[name].page(one_of(RANGES, reach, "range")))

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
    return Router("/", route_handlers=[show_dashboard, show_signal, show_report, assets], middleware=[compressed()])
