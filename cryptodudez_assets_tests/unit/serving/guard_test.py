"""The rate limit and the metrics, without an app behind them."""

import pytest

from serving.guard import RateLimit
from serving.metrics import Metrics


def test_a_client_may_use_its_minute_at_once_and_then_gets_it_back_bit_by_bit():
    limit = RateLimit(60)
    assert [limit.wait("a", 100.0) for _ in range(60)] == [0.0] * 60
    assert limit.wait("a", 100.0) == pytest.approx(1.0)
    assert limit.wait("a", 100.5) == pytest.approx(0.5)
    assert limit.wait("a", 101.0) == 0.0


def test_a_refused_request_costs_nothing():
    limit = RateLimit(1)
    assert limit.wait("a", 0.0) == 0.0
    assert [limit.wait("a", 30.0) for _ in range(3)] == [pytest.approx(30.0)] * 3
    assert limit.wait("a", 60.0) == 0.0


def test_clients_do_not_share_their_minute():
    limit = RateLimit(1)
    assert limit.wait("a", 0.0) == limit.wait("b", 0.0) == 0.0


def test_zero_is_any_number():
    limit = RateLimit(0)
    assert all(limit.wait("a", 0.0) == 0.0 for _ in range(100_000))


def test_clients_that_stay_away_are_forgotten():
    limit = RateLimit(10)
    for number in range(1000):
        limit.wait(str(number), 100.0)
    limit.wait("a", 300.0)
    assert len(limit._whole) == 1


def test_requests_are_counted_by_route_status_and_version():
    metrics = Metrics()
    metrics.observe("/models/{name}/predict", 200, "3", 0.003)
    metrics.observe("/models/{name}/predict", 200, "3", 0.003)
    text = metrics.text().decode()
    assert (
        'cryptodudez_request_seconds_count{model_version="3",route="/models/{name}/predict",status="200"} 2.0' in text
    )
