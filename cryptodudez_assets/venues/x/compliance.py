"""Which posts are not to be kept: X tells of ids that are uploaded which were deleted, or whose authors went (batch compliance).

It is free, and one job at a time. A job of ours that somebody was killed over is used to its end. What becomes of the posts is not
known here.
"""

import asyncio
import re
from collections.abc import Sequence
from urllib.parse import parse_qsl, urlsplit

from cryptodudez_assets.venues.fetching import Http
from cryptodudez_assets.venues.governor import Governor
from cryptodudez_assets.venues.http import Failed
from cryptodudez_assets.venues.pages import Access, Answer, Request
from cryptodudez_assets.venues.x import protocol
from cryptodudez_assets.venues.x.api import VENUE, Api
from cryptodudez_assets.venues.x.protocol import Compliance, Job

NAME = "cryptodudez"
"""What our jobs are called."""
POST_ID = re.compile(r"[0-9]{2,19}")
"""Anything else is no post: in the words that are searched for it would stand everywhere."""
STORAGE = "the storage that X names"
STORAGE_LIMITS = ((60, 60.0),)
MOST_BYTES = 512 << 20
FIRST_WAIT, LONGEST_WAIT, LONGEST_JOB = 1.0, 60.0, 3600.0
"""Seconds between two looks at a job, at first and at most, and in which it has to be complete."""
CREATED, IN_PROGRESS, COMPLETE = "created", "in_progress", "complete"


class ComplianceClient:
    """Asks for one account. Raises Missing where there is no token. `first_wait`: seconds before the first look at a job."""

    def __init__(self, access: Access, first_wait: float = FIRST_WAIT) -> None:
        self._access, self._first_wait = access, first_wait
        self._api = Api(access)

    async def gone(self, ids: Sequence[str]) -> list[Compliance]:
        """Those of these posts that are not to be kept, and those that an earlier job of ours found. Raises Failed."""
        found: list[Compliance] = []
        for job in await self._jobs():
            if job.status == IN_PROGRESS:
                found += await self._found(job)
        if ids:
            job = next((one for one in await self._jobs() if one.status == CREATED), None) or await self._create()
            await self._store(job.upload_url, "PUT", "\n".join(ids).encode())
            asked = {*ids}
            found += [one for one in await self._found(job) if one.id in asked]
        return [one for one in {one.id: one for one in found}.values() if one.is_gone and POST_ID.fullmatch(one.id)]

    async def close(self) -> None:
        """Hang up."""
        await self._api.close()

    async def _jobs(self) -> list[Job]:
        """Those of ours that there are."""
        answer = await self._ask(Request(protocol.JOBS, {"type": "tweets"}))
        return [job for job in protocol.read_jobs(answer.body) if job.name == NAME]

    async def _create(self) -> Job:
        body = b'{"type":"tweets","name":"%s"}' % NAME.encode()
        return protocol.read_job((await self._ask(Request(protocol.JOBS, {}, "POST", body, "application/json"))).body)

    async def _found(self, job: Job) -> list[Compliance]:
        """What a job found, once it is complete."""
        wait, waited = self._first_wait, 0.0
        while job.status in {CREATED, IN_PROGRESS}:
            if waited > LONGEST_JOB:
                raise Failed(f"{VENUE}: job {job.id} is {job.status} since {waited:.0f} seconds; the next pass uses it")
            self._access.tell(f"{VENUE}: job {job.id} is {job.status}; looked at again in {wait:.0f} s")
            await asyncio.sleep(wait)
            waited, wait = waited + wait, min(2 * wait, LONGEST_WAIT)
            job = protocol.read_job((await self._ask(Request(f"{protocol.JOBS}/{job.id}"))).body)
        if job.status != COMPLETE:
            raise Failed(f"{VENUE}: job {job.id} is {job.status}; run the pass again")
        answer = await self._store(job.download_url, "GET")
        try:
            return [*protocol.read_compliance(answer.body)]
        except protocol.NotUnderstood as error:
            raise Failed(f"{STORAGE}: what job {job.id} found cannot be read: {error}") from None

    async def _ask(self, request: Request) -> Answer:
        return await self._api.ask(request, self._api.turns("jobs", protocol.JOBS_LIMIT))

    async def _store(self, url: str, method: str, body: bytes = b"") -> Answer:
        """Storage is another host, which must not see the token."""
        try:
            told = urlsplit(url)
        except ValueError:
            raise Failed(f"{STORAGE}: X names an address for it that is none") from None
        host, parameters = f"{told.scheme}://{told.netloc}", dict(parse_qsl(told.query, keep_blank_values=True))
        http = Http(STORAGE, host, patience=self._access.patience, max_bytes=MOST_BYTES, tell=self._access.tell)
        try:
            governor = Governor(self._access.folder / "x_storage.json", STORAGE_LIMITS)
            return await http.ask(Request(told.path, parameters, method, body, "text/plain" if body else ""), governor)
        finally:
            await http.close()
