"""The simulated Binance over real sockets: what it says, what it refuses, its faults and its archives."""

import hashlib
import io
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import httpx
import pytest
from click.testing import CliRunner

from cryptodudez_assets.cli import main
from cryptodudez_assets.simulator.venues.binance import Server, binance_server
from cryptodudez_assets.venues.binance.protocol import (
    INTERVALS,
    KLINES,
    archive_path,
    checksum_of,
    error_of,
    read_klines,
    to_ms,
)

NOW = datetime(2026, 3, 4, 12, 30, tzinfo=UTC)
DAY = INTERVALS["1d"]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with binance_server(clock=NOW.timestamp, limit=100_000) as running:
        yield running


def ask(server: Server, **query: object) -> httpx.Response:
    return httpx.get(server.url + KLINES, params={"symbol": "ETHUSDT", "interval": "1d", **query})


class TestKlines:
    def test_the_last_candle_is_still_open(self, server: Server):
        *_, whole, still_open = read_klines(ask(server).content)
        assert (still_open.opened, whole.opened) == (datetime(2026, 3, 4, tzinfo=UTC), datetime(2026, 3, 3, tzinfo=UTC))
        assert still_open.close_ms > to_ms(NOW) > whole.close_ms

    def test_500_come_where_nothing_is_said_and_1000_at_most(self, server: Server):
        assert len(read_klines(ask(server).content)) == 500
        assert len(read_klines(ask(server, limit=5000).content)) == 1000

    def test_from_a_start_the_oldest_come_up_to_an_end_the_newest(self, server: Server):
        start, end = datetime(2025, 1, 1, tzinfo=UTC), datetime(2025, 2, 1, tzinfo=UTC)
        first = read_klines(ask(server, startTime=to_ms(start), limit=3).content)
        last = read_klines(ask(server, endTime=to_ms(end), limit=3).content)
        assert [one.opened - start for one in first] == [timedelta(days=n) for n in range(3)]
        assert [end - one.opened for one in last] == [timedelta(days=n) for n in (2, 1, 0)]
        both = read_klines(ask(server, startTime=to_ms(start), endTime=to_ms(end)).content)
        assert len(both) == 32

    def test_beyond_all_candles_there_are_none(self, server: Server):
        assert ask(server, startTime=to_ms(NOW) + 10**9).content == b"[]"
        assert ask(server, symbol="DOTUSDT", endTime=to_ms(datetime(2018, 1, 1, tzinfo=UTC))).content == b"[]"

    def test_every_answer_tells_weight_time_and_that_it_is_simulated(self, server: Server):
        before = int(ask(server).headers["x-mbx-used-weight-1m"])
        answer = ask(server)
        assert int(answer.headers["x-mbx-used-weight-1m"]) == before + 2
        assert parsedate_to_datetime(answer.headers["date"]) == NOW
        assert answer.headers["x-simulated"] == "true"

    @pytest.mark.parametrize(
        ("query", "code"),
        [
            ({"symbol": "NOPEUSDT"}, -1121),
            ({"symbol": "ethusdt"}, -1100),
            ({"symbol": ""}, -1102),
            ({"interval": ""}, -1102),
            ({"interval": "1D"}, -1120),
            ({"startTime": "now"}, -1100),
        ],
    )
    def test_what_cannot_be_is_refused_as_the_venue_does(self, server: Server, query: dict[str, str], code: int):
        answer = ask(server, **query)
        error = error_of(answer.content)
        assert (answer.status_code, error and error.code) == (400, code)

    def test_a_candle_can_be_told_otherwise(self):
        with binance_server(clock=NOW.timestamp) as server:
            opened = datetime(2026, 3, 1, tzinfo=UTC)
            before = read_klines(ask(server, startTime=to_ms(opened), limit=2).content)
            server.revise("ETHUSDT", "1d", opened)
            after = read_klines(ask(server, startTime=to_ms(opened), limit=2).content)
        assert (after[0].volume > before[0].volume, after[1]) == (True, before[1])


class TestFaults:
    @pytest.mark.parametrize(("fault", "status"), [("429", 429), ("418", 418), ("451", 451), ("403", 403)])
    def test_a_refusal_has_its_status(self, fault: str, status: int):
        with binance_server() as server:
            server.force(fault)
            answer = ask(server)
            assert answer.status_code == status
            assert ("retry-after" in answer.headers) == (status in {429, 418})

    def test_what_is_broken_is_broken(self):
        with binance_server() as server:
            server.force("reset")
            with pytest.raises(httpx.TransportError):
                ask(server)
            server.force("truncated")
            assert ask(server).content[-2:] != b"]]"
            server.force("5xx")
            assert ask(server).status_code >= 500
            server.force("hang")
            with pytest.raises(httpx.ReadTimeout):
                httpx.get(server.url + KLINES, timeout=0.1)

    def test_candles_lack_come_late_and_change(self):
        faults = {"missing": 0.2, "off-grid": 0.2}
        with binance_server(clock=NOW.timestamp, faults=faults) as server:
            told = read_klines(ask(server, startTime=to_ms(NOW - timedelta(days=300)), limit=1000).content)
        assert 200 < len(told) < 270
        assert 30 < sum(one.open_ms % 86_400_000 != 0 for one in told) < 90

    def test_the_clock_may_be_fast(self):
        with binance_server(clock=NOW.timestamp, faults={"skew": 86_400.0}) as server:
            answer = ask(server)
        assert parsedate_to_datetime(answer.headers["date"]) == NOW + timedelta(days=1)
        assert read_klines(answer.content)[-1].opened == datetime(2026, 3, 5, tzinfo=UTC)

    def test_the_command_lists_faults_and_refuses_others(self):
        listed = CliRunner().invoke(main, ["simulate", "binance", "--fault", "list"])
        refused = CliRunner().invoke(main, ["simulate", "binance", "--fault", "nope=1"])
        assert (listed.exit_code, "RATE: probability, for each request" in listed.output) == (0, True)
        assert (refused.exit_code, "there are: 429, 418" in refused.output) == (2, True)


class TestArchives:
    def archive(self, server: Server, period: str) -> list[str]:
        path = archive_path("ETHUSDT", DAY, period)
        content = httpx.get(server.url + path).content
        told = checksum_of(httpx.get(f"{server.url}{path}.CHECKSUM").content, path.rsplit("/", 1)[1])
        assert hashlib.sha256(content).hexdigest() == told
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            return packed.read(f"ETHUSDT-1d-{period}.csv").decode().splitlines()

    def test_times_are_microseconds_since_2025(self, server: Server):
        before, since = self.archive(server, "2024-12"), self.archive(server, "2025-01")
        assert (len(before), len(since)) == (31, 31)
        assert before[-1].startswith("1735603200000,")
        assert since[0].startswith("1735689600000000,")
        assert since[0].split(",")[6] == "1735775999999999"

    def test_what_is_not_over_is_not_there(self, server: Server):
        for period, status in [("2026-02", 200), ("2026-03", 404), ("2026-03-03", 200), ("2026-03-04", 404)]:
            assert httpx.get(server.url + archive_path("ETHUSDT", DAY, period)).status_code == status

    def test_the_first_line_may_be_a_header(self):
        with binance_server(clock=NOW.timestamp, archive_header=True) as server:
            assert self.archive(server, "2026-01")[0].startswith("open_time,open,high")

    def test_a_damaged_archive_has_another_checksum(self):
        with binance_server(clock=NOW.timestamp, faults={"damaged": 1.0}) as server, pytest.raises(AssertionError):
            self.archive(server, "2026-01")
