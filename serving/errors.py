"""What goes wrong, as callers see it: JSON with `status_code` and `detail`, never a trace."""

import logging
from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException, InternalServerException, ServiceUnavailableException
from litestar.types import ExceptionHandlersMap

log = logging.getLogger(__name__)
NOTHING_THERE = "there is nothing at this address: /docs lists what there is"


class Problem(msgspec.Struct):
    """An error, in words that say what to do."""

    status_code: int
    detail: str


class Unavailable(ServiceUnavailableException):
    """What is asked for is not there now, but may be in `retry_after` seconds; None where that is no matter of time, but of what
    the words say to do.
    """

    def __init__(self, detail: str, retry_after: int | None) -> None:
        super().__init__(detail, headers={} if retry_after is None else {"Retry-After": str(retry_after)})


def _expected(_: Request[Any, Any, Any], error: HTTPException) -> Response[Problem]:
    said = NOTHING_THERE if error.detail == HTTPStatus.NOT_FOUND.phrase else error.detail
    detail = "; ".join([said, *map(_words, error.extra or ())])
    return Response(
        Problem(error.status_code, detail),
        status_code=error.status_code,
        headers=error.headers,
        media_type="application/json",
    )


def _unexpected(request: Request[Any, Any, Any], error: Exception) -> Response[Problem]:
    # The path only: a query or a header may hold what is not for the log.
    log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return Response(Problem(500, "Internal Server Error"), status_code=500, media_type="application/json")


def _no_file(_: Request[Any, Any, Any], error: Exception) -> Response[Problem]:
    return Response(Problem(404, "there is no such file"), status_code=404, media_type="application/json")


def _words(extra: Any) -> str:
    """One of Litestar's findings about a parameter."""
    return f"{extra.get('key', '')}: {extra.get('message', '')}" if isinstance(extra, dict) else str(extra)


NO_FILE: ExceptionHandlersMap = {ValueError: _no_file, InternalServerException: _no_file}
"""For files by name, of which one with a NUL or of 5,000 letters is none. Litestar makes any OSError an InternalServerException."""
HANDLERS: ExceptionHandlersMap = {HTTPException: _expected, Exception: _unexpected}
