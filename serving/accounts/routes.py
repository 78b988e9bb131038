"""`/accounts`: the page; `/accounts/<metric>.csv`: what one metric says, with all digits."""

import asyncio
import time
from collections.abc import Sequence

from litestar import MediaType, Response, Router, get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath, FromQuery

from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.metrics import METRICS
from cryptodudez_assets.settings import Settings
from serving.accounts.data import DEFAULT_SPAN, SPANS, contents, gather, reach, tell
from serving.accounts.page import render
from serving.dashboard.frame import HEADERS, compressed, html, one_of

KEPT_SECONDS = 30


class Board:
    """The pages of all spans. One is made again when it is asked for, older than half a minute, and tables have changed."""

    def __init__(self, settings: Settings) -> None:
        self._lake = Lake.open(settings, {})
        self._lock = asyncio.Lock()
        self._kept: dict[str, tuple[float, Sequence[int | None], str]] = {}

    async def page(self, span: str) -> str:
        """As it is now, or was a moment ago. Requests that come meanwhile wait for the same look."""
        async with self._lock:
            if span not in self._kept or time.monotonic() - self._kept[span][0] > KEPT_SECONDS:
                self._kept[span] = await asyncio.to_thread(self._looked, span)
            return self._kept[span][2]

    async def csv(self, name: str, span: str) -> str:
        """What one metric says over a span; one look at a time."""
        async with self._lock:
            return await asyncio.to_thread(self._as_csv, name, span)

    def _looked(self, span: str) -> tuple[float, Sequence[int | None], str]:
        now, there = time.monotonic(), contents(self._lake)
        _, before, text = self._kept.get(span, (0.0, None, ""))
        return now, there, text if there == before else render(gather(self._lake, span))

    def _as_csv(self, name: str, span: str) -> str:
        since, until = reach(self._lake, span)
        if until is None:
            raise NotFoundException("there are no accounts yet: land their histories first")
        return tell(self._lake, METRICS[name], span, since, until).rows.write_csv()


def accounts(settings: Settings) -> Router:
    """The page and its files over a home."""
    board = Board(settings)

    @get("/accounts", media_type=MediaType.HTML, include_in_schema=False)
    async def show_accounts(span: FromQuery[str] = DEFAULT_SPAN) -> Response[str]:
        return html(await board.page(one_of(SPANS, span, "span")))

    @get("/accounts/{file:str}", media_type="text/csv", include_in_schema=False)
    async def metric_file(file: FromPath[str], span: FromQuery[str] = DEFAULT_SPAN) -> Response[str]:
        name = file.removesuffix(".csv")
        if name not in METRICS or not file.endswith(".csv"):
            raise NotFoundException(f"there is no such file; there are: {', '.join(f'{one}.csv' for one in METRICS)}")
        one_of(SPANS, span, "span")
        headers = {"Content-Disposition": f'attachment; filename="{name}-{span}.csv"', **HEADERS}
        return Response(await board.csv(name, span), media_type="text/csv", headers=headers)

    return Router("/", route_handlers=[show_accounts, metric_file], middleware=[compressed()])
