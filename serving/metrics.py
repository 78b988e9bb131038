"""What Prometheus is told."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
Labels = tuple[str, int, str]


class Metrics:
    """The metrics of one app, in a registry of their own."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._seconds = Histogram(
            "cryptodudez_request_seconds",
            "Time from request to answer, by route, status and the version of the model that answered.",
            ["route", "status", "model_version"],
            buckets=SECONDS,
            registry=self._registry,
        )
        self.limited = Counter(
            "cryptodudez_rate_limited", "Requests over a client's limit, answered with 429.", registry=self._registry
        )
        self.refused_reloads = Counter(
            "cryptodudez_refused_reloads",
            "Champions that were not loaded, so that the old one went on.",
            ["model"],
            registry=self._registry,
        )
        self.model_version = Gauge(
            "cryptodudez_model_version", "Version that serves.", ["model"], registry=self._registry
        )
        self.features_age = Gauge(
            "cryptodudez_features_age_seconds",
            "Age of the oldest features that a signal is made from; NaN where there are none.",
            registry=self._registry,
        )
        self._children: dict[Labels, Histogram] = {}

    def observe(self, route: str, status: int, model_version: str, seconds: float) -> None:
        """Count a request."""
        labels = (route, status, model_version)
        child = self._children.get(labels)
        if child is None:  # looking one up in the library costs more than all the rest
            child = self._children[labels] = self._seconds.labels(*labels)
        child.observe(seconds)

    def text(self) -> bytes:
        """All of them in Prometheus' text format."""
        return generate_latest(self._registry)
