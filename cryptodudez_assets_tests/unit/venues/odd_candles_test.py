"""What cannot be a candle is refused when it is told: what landed is never asked for again."""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cryptodudez_assets.venues.binance.klines import trouble_with
from cryptodudez_assets.venues.pages import Answer, Request

AT = datetime(2026, 11, 20, tzinfo=UTC)
NOW = AT + timedelta(days=5)
MS = int(AT.timestamp() * 1000)
GOOD = [MS, "2", "3", "1", "2", "10", MS + 86_399_999, "20", 5, "4", "8", "0"]


def answer(*candles: list[Any], server_time: datetime | None = NOW) -> Answer:
    asked = {"startTime": str(MS), "endTime": str(MS + 30 * 86_400_000)}
    return Answer(
        request=Request("klines", asked),
        url="",
        status=200,
        headers={},
        body=json.dumps(candles).encode(),
        asked_at=NOW,
        received_at=NOW,
        server_time=server_time,
    )


def test_a_candle_is_taken() -> None:
    assert trouble_with(answer(GOOD)) is None
    assert trouble_with(answer()) is None
    exact = ["1.0000000000000000000000", "3", "1", "99999999999999999999.999999999999999999"]
    assert trouble_with(answer([MS, exact[0], exact[3], "1", "2", "10", *GOOD[6:]])) is None


@pytest.mark.parametrize(
    ("place", "value", "told"),
    [
        (4, "NaN", "close NaN"),
        (2, "Infinity", "high Infinity"),
        (3, "-1", "low -1"),
        (1, "1e30", "open 1E\\+30"),
        (5, "-0.1", "volume -0.1"),
        (4, "9", "not between"),
        (4, "1.1234567890123456789", "close 1.1234567890123456789"),
        (3, "1e-40", "low 1E-40"),
        (8, 2**63, "trades"),
        (6, MS, "and opens at"),
        (6, MS - 1, "and opens at"),
    ],
)
def test_what_a_table_could_not_keep_is_asked_for_again(place: int, value: object, told: str) -> None:
    found = trouble_with(answer([value if at == place else one for at, one in enumerate(GOOD)]))
    assert found is not None
    assert found.again
    assert re.search(told, found.reason)


def test_an_answer_that_is_older_than_what_it_tells_is_none() -> None:
    found = trouble_with(answer(GOOD, server_time=datetime(1970, 3, 1, tzinfo=UTC)))
    assert found is not None
    assert "1970" in found.reason
