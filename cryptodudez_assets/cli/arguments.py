"""Arguments that several commands take."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import click

PORT = click.IntRange(1, 65_535)


def source_argument(command: Callable[..., None]) -> Callable[..., None]:
    """A SOURCE that must be declared."""
    return click.argument("source", type=DeclaredSource())(command)


class DeclaredSource(click.ParamType[str]):
    """The name of a source in `cryptodudez_assets/sources/`."""

    name = "source"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Fail with the names there are."""
        from cryptodudez_assets.sources import all_sources, left_out_sources

        if value not in all_sources():
            left_out = ", or it is one of those that are left out" * bool(left_out_sources())
            self.fail(f"no source {value!r}{left_out}; there are: {', '.join(all_sources())}", param, ctx)
        return value


class LastDay(click.ParamType[date]):
    """The last day of sample data: not before they can end, nor a day that is not over."""

    name = "YYYY-MM-DD"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """The day, or an error that says which days there are."""
        from cryptodudez_assets.simulator.sizes import EARLIEST_END

        try:
            day = date.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is no day such as {EARLIEST_END}", param, ctx)
        if not EARLIEST_END <= day <= yesterday():
            self.fail(f"{day} is not between {EARLIEST_END} and yesterday, {yesterday()} (UTC)", param, ctx)
        return day


def yesterday() -> date:
    """The last day that is over, in UTC."""
    return datetime.now(UTC).date() - timedelta(days=1)
