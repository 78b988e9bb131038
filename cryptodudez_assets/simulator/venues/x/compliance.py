"""Jobs of batch compliance at the simulated X: ids are uploaded, looked at for a while, and what went of them can be downloaded."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cryptodudez_assets.simulator.venues.x.world import World, iso, moment_of

UPLOAD_SECONDS, DOWNLOAD_SECONDS = 15 * 60, 7 * 24 * 3600
LOOKS = 2
"""So often a job is asked about before it is complete."""
DONE = {"complete", "expired", "failed"}


@dataclass
class Job:
    """One job. `status` as X tells it."""

    number: int
    name: str
    created: float
    status: str = "created"
    looks: int = 0
    found: bytes = b""

    def is_over(self, now: float) -> bool:
        """Whether another one may begin."""
        if self.status == "created" and now > self.created + UPLOAD_SECONDS:
            self.status = "expired"
        return self.status in DONE

    def told(self, url: str) -> dict[str, Any]:
        """As an answer has it."""
        begin = f"{url}/storage/{self.number}"
        return {
            "id": str(self.number),
            "type": "tweets",
            "name": self.name,
            "created_at": _iso(self.created),
            "status": self.status,
            "upload_url": f"{begin}/upload?signature={self.number * 7919}",
            "upload_expires_at": _iso(self.created + UPLOAD_SECONDS),
            "download_url": f"{begin}/download?signature={self.number * 7919}",
            "download_expires_at": _iso(self.created + DOWNLOAD_SECONDS),
        }


class Jobs:
    """All jobs of an account: one at a time."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.all: list[Job] = []
        self.uploads: list[list[str]] = []

    def create(self, name: str, now: float) -> Job | None:
        """A new job; None while another one is under way."""
        if not all(one.is_over(now) for one in self.all):
            return None
        self.all.append(Job(1_372_966_999_991_541_762 + len(self.all), name, now))
        return self.all[-1]

    def find(self, number: str, now: float, *, is_look: bool = False) -> Job | None:
        """The job of this number, if there is one. A look at it brings it forward."""
        for job in self.all:
            if str(job.number) == number:
                job.is_over(now)
                job.looks += is_look and job.status == "in_progress"
                if job.looks >= LOOKS and job.status == "in_progress":
                    job.status = "complete"
                return job
        return None

    def upload(self, job: Job, body: bytes, now: float) -> None:
        """Take the ids, and look which of them are gone."""
        ids = body.decode().split()
        self.uploads.append(ids)
        lines = [line for one in ids if (line := self._line(one, datetime.fromtimestamp(now, UTC)))]
        job.found, job.status = "".join(f"{line}\n" for line in lines).encode(), "in_progress"

    def _line(self, post: str, now: datetime) -> str | None:
        fate = self._world.fate(post, now)
        if fate is None:
            return None
        at, reason = fate
        told = {"id": post, "action": "scrub_geo" if reason == "scrub_geo" else "delete", "reason": reason}
        return json.dumps(told | {"created_at": iso(moment_of(int(post))), "redacted_at": iso(at)})


def _iso(seconds: float) -> str:
    return iso(datetime.fromtimestamp(seconds, UTC))
