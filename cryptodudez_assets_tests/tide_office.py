"""The venue of the toy feed: hours of made-up tides, over real HTTP, with faults; it counts what it told."""

import json
import random
from collections import Counter
from datetime import UTC, datetime, timedelta

from cryptodudez_assets_tests.scripted_venue import Asked, Reply
from cryptodudez_assets_tests.toy_feed import HOUR

MOST = 100


class TideOffice:
    """Answers `tides`. `faults`: which share of the requests goes wrong somehow. `skew`: how far its clock is ahead."""

    def __init__(
        self, faults: float = 0.0, seed: int = 0, skew: timedelta = timedelta(0), simulated: bool = True
    ) -> None:
        self.asked: list[Asked] = []
        self.url = ""
        self.faults, self.skew, self.simulated = faults, skew, simulated
        self.told: Counter[tuple[str, str]] = Counter()
        self.refuses: Reply | None = None
        self.opened = datetime(2000, 1, 1, tzinfo=UTC)
        self._dice = random.Random(seed)

    def answer(self, asked: Asked) -> Reply:
        """The rows of these hours, the oldest first, at most a hundred; or what goes wrong."""
        self.asked.append(asked)
        at = datetime.now(UTC) + self.skew
        headers = {"Date": f"{at:%a, %d %b %Y %H:%M:%S GMT}", **({"X-Simulated": "yes"} if self.simulated else {})}
        if self.refuses is not None:
            return self.refuses
        first, until = (datetime.fromtimestamp(int(asked.parameters[name]), UTC) for name in ("first", "until"))
        begin = first + (-first.timestamp() % 3600) * timedelta(seconds=1)
        begin = max(begin, self.opened)
        hours = [begin + number * HOUR for number in range(MOST) if begin + number * HOUR < min(until, at)]
        harbour = asked.parameters["harbour"]
        body = json.dumps([self.row(harbour, hour) for hour in hours]).encode()
        if self._dice.random() < self.faults:
            return self._dice.choice(
                [
                    Reply(status=500),
                    Reply(status=503),
                    Reply(status=429, headers={"Retry-After": "0"}),
                    Reply(body, cut=len(body) // 2),
                    Reply(body[: len(body) // 2], headers=headers),
                ]
            )
        self.told.update((harbour, f"{hour:%Y-%m-%dT%H:%M}") for hour in hours)
        return Reply(body, headers=headers)

    def row(self, harbour: str, hour: datetime) -> dict[str, object]:
        """What it says of an hour."""
        value = 1 + (hash_of(harbour) + int(hour.timestamp()) // 3600) % 97
        return {"sensor": harbour, "time": f"{hour:%Y-%m-%dT%H:%M}", "value": float(value)}


def hash_of(name: str) -> int:
    """The same in each process."""
    return sum(name.encode())
