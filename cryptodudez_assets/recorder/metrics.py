"""What a recorder tells Prometheus of itself."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from cryptodudez_assets.recorder.market_state import MarketState
from cryptodudez_assets.recorder.record import Origin
from cryptodudez_assets.recorder.write_ahead import Second

LATENESS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0)


class Metrics:
    """Counters and gauges of one process."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        prefix = "cryptodudez_recorder"
        self.late = Histogram(
            f"{prefix}_tick_lateness_seconds", "Behind the second", buckets=LATENESS, registry=registry
        )
        self.records = Counter(f"{prefix}_records", "Records on the disk", ["source"], registry=registry)
        self.gap_records = Counter(f"{prefix}_gap_records", "Records of seconds without a look", registry=registry)
        self.gaps = Counter(f"{prefix}_gaps", "Gaps that ended", ["cause"], registry=registry)
        self.messages = Gauge(f"{prefix}_messages", "Messages, by what became of them", ["outcome"], registry=registry)
        self.in_sequence = Gauge(f"{prefix}_books_in_sequence", "Books that are known", registry=registry)
        self.skew = Gauge(f"{prefix}_exchange_clock_seconds", "What the exchange's clock is off", registry=registry)
        self.reconnects = Counter(f"{prefix}_reconnects", "Connections that ended", registry=registry)
        self.refused = Counter(f"{prefix}_rest_refused", "Requests without an answer", registry=registry)
        self.not_understood = Counter(f"{prefix}_rest_not_understood", "Answers that made no sense", registry=registry)
        self.matches = Counter(f"{prefix}_matches", "Comparisons with the venue's book", ["same"], registry=registry)
        self.waiting = Gauge(f"{prefix}_waiting_seconds", "Seconds that wait for the disk", registry=registry)

    def on_tick(self, late: float, state: MarketState, waiting: int) -> None:
        """A second begins; so many others wait for the disk."""
        self.waiting.set(waiting)
        self.late.observe(late)
        counts = [book.counts for book in state.books.values()]
        for outcome in ("applied", "repeated", "out_of_sequence", "forgotten"):
            self.messages.labels(outcome).set(sum(getattr(one, outcome) for one in counts))
        self.messages.labels("not_understood").set(state.not_understood)
        self.in_sequence.set(sum(book.in_sequence for book in state.books.values()))
        self.skew.set(state.clock.skew_us / 1e6)

    def on_written(self, second: Second) -> None:
        """A second is on the disk."""
        for source in Origin:
            self.records.labels(str(source)).inc(sum(one.source is source for one in second.records))
        self.gap_records.inc(sum(one.is_gap for one in second.records))
        for gap in second.gaps:
            if gap.repair != "none":
                self.gaps.labels(str(gap.cause)).inc()

    def on_match(self, same: bool) -> None:
        """A book was compared with the venue's."""
        self.matches.labels(str(same).lower()).inc()
