"""X's API as it is asked: with a token, within what its headers tell, in its own time. What is asked for is no matter of this module."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx

from cryptodudez_assets.venues.fetching import Http, Trouble, by_status
from cryptodudez_assets.venues.http import Failed, Missing
from cryptodudez_assets.venues.pages import Access, Answer, Request
from cryptodudez_assets.venues.x import protocol
from cryptodudez_assets.venues.x.protocol import NotUnderstood
from cryptodudez_assets.venues.x.windows import Windows

VENUE = "X"
NO_TOKEN = (
    "X is asked with a token of your own: set CRYPTODUDEZ_X_TOKEN to the bearer token of an app (developer.x.com)"  # noqa: S105
)
ODD_TOKEN = (
    "CRYPTODUDEZ_X_TOKEN has signs that are in no token (a blank, the end of a line, a letter beyond ASCII), or none: "  # noqa: S105
    "set it to the bearer token alone"
)
UNTOLD_WAIT = 60.0
"""Seconds to wait after a refusal that does not say until when."""


class Api:
    """The API of one account. Raises Missing where there is no token. `ahead`: how far X's clock is ahead of this machine's."""

    def __init__(self, access: Access) -> None:
        if access.token is None:
            raise Missing(NO_TOKEN)
        token = access.token.get_secret_value()
        if not token or any(not "!" <= sign <= "~" for sign in token):
            raise Missing(ODD_TOKEN)
        longest = max(access.patience.longest_wait, protocol.WINDOW_SECONDS + UNTOLD_WAIT)
        self._http = Http(
            VENUE,
            access.url or protocol.URL,
            headers={"Authorization": f"Bearer {token}"},
            judge=judge,
            patience=replace(access.patience, longest_wait=longest),
            tell=access.tell,
            is_live=True,
        )
        self._folder = access.folder
        self.ahead = timedelta(0)

    def turns(self, name: str, limit: int, apart: float = 0.0) -> Windows:
        """Turns for one call of an endpoint."""
        return Windows(self._folder, name, limit, apart)

    async def ask(self, request: Request, turns: Windows, until: datetime | None = None) -> Answer:
        """An answer; what its headers tell is heard. Behind `until`, by X's clock, nothing is asked once more. Raises Failed."""
        try:
            answer = await self._http.ask(request, turns, until=until and until - self.ahead)
        except Failed:
            turns.over(None)
            raise
        if answer.server_time:
            self.ahead = answer.server_time - answer.received_at
        turns.over(_rate_limit(answer))
        return answer

    def masked(self, text: str) -> str:
        """What X says, without the token that it may repeat."""
        return self._http.masked(text)

    def now(self) -> datetime:
        """X's time, as well as it is known."""
        return datetime.now(UTC) + self.ahead

    async def close(self) -> None:
        """Hang up."""
        await self._http.close()


def judge(answer: Answer) -> Trouble | None:
    """What is wrong with an answer of X."""
    if answer.status == httpx.codes.OK:
        return _unlike(answer)
    problem = protocol.problem_of(answer.body)
    told = f"status {answer.status}: {problem.told}"
    if answer.status == httpx.codes.TOO_MANY_REQUESTS:
        if protocol.is_spent(problem):
            return Trouble(f"{told}. X sells this account no more posts this month", for_all=True)
        limit = _rate_limit(answer)
        return Trouble(told, again=True, after=limit.seconds if limit else UNTOLD_WAIT, locks=True)
    if answer.status == httpx.codes.UNAUTHORIZED:
        return Trouble(f"{told}. X does not know the token in CRYPTODUDEZ_X_TOKEN", for_all=True)
    if answer.status == httpx.codes.PAYMENT_REQUIRED:
        return Trouble(f"{told}. The account at X has no credit left", for_all=True)
    if answer.status == httpx.codes.NOT_FOUND:  # users and posts that are not there are told with status 200
        return Trouble(
            f"{told}. There is no such path: is CRYPTODUDEZ_X_URL the address of X's API, down to its version?"
        )
    by_itself = by_status(answer)
    return by_itself and replace(by_itself, reason=told if problem.detail or problem.message else by_itself.reason)


def _unlike(answer: Answer) -> Trouble | None:
    """An answer that cannot be read, or has nothing but the reason why there is nothing."""
    path = answer.request.path
    try:
        if path == protocol.USAGE:
            protocol.read_usage(answer.body)
        elif path.startswith(protocol.JOBS):
            is_list = path == protocol.JOBS and answer.request.method == "GET"
            (protocol.read_jobs if is_list else protocol.read_job)(answer.body)
        else:
            page = protocol.read_page(answer.body)
            return Trouble(page.errors[0].told) if page.errors and page.meta is None and not page.data else None
    except NotUnderstood as error:
        # What was cut off may come whole; JSON of another shape is what X says now.
        return Trouble(f"an answer that is not of X's API: {error}", again=not protocol.is_json(answer.body))
    return None


def _rate_limit(answer: Answer) -> protocol.RateLimit | None:
    headers = [answer.headers.get(name) for name in protocol.LIMIT_HEADERS]
    return protocol.rate_limit(headers, answer.server_time or answer.received_at)
