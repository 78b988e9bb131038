"""What happens to a recorder: told to its state, kept in the capture if there is one, and, where it is wrong, said to people.

The clock that all of it is told by is the grid's (`pacing.py`).
"""

from collections.abc import Callable
from pathlib import Path

from cryptodudez_assets.recorder.capture import Capture, Kind, Line, tell
from cryptodudez_assets.recorder.market_state import MarketState
from cryptodudez_assets.recorder.pacing import Pacer

REPEAT_SECONDS = 60.0


class Happenings:
    """Of one recorder, whose `state` hears of all of them."""

    def __init__(self, state: MarketState, pacer: Pacer, say: Callable[[str], None], capture_to: Path | None) -> None:
        self.state, self.pacer, self.say = state, pacer, say
        self.capture = Capture(capture_to) if capture_to else None
        self._troubles: dict[str, tuple[str, int]] = {}

    def now_us(self) -> int:
        """The grid's clock, in microseconds of Unix time."""
        return self.pacer.now_us()

    def happened(self, kind: Kind, text: str = "", book: str = "", requested_us: int = 0, second: int = 0) -> None:
        """Tell the state, and the capture if there is one. Raises what makes no sense to the state."""
        line = Line(kind, self.now_us(), text, book, requested_us, second)
        if self.capture:
            self._keep(self.capture, line)
        tell(self.state, line)

    def _keep(self, capture: Capture, line: Line) -> None:
        try:
            capture.add(line)
        except OSError as error:
            self.capture = None
            self.say(f"the capture ends here, the disk takes no more of it: {error.strerror or error}")

    def trouble(self, topic: str, text: str) -> None:
        """Say what is wrong, once a minute as long as it stays the same."""
        before, at_us = self._troubles.get(topic, ("", 0))
        if text != before or self.now_us() - at_us > 1e6 * REPEAT_SECONDS:
            self._troubles[topic] = (text, self.now_us())
            self.say(text)

    def close(self) -> None:
        """Nothing more happens."""
        if self.capture:
            self.capture.close()
