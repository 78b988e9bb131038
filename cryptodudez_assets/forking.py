"""What a process must heed that others are forked from: it imports for all of them, and computes nothing itself.

A thread does not survive a fork: a child would wait for ever for what it was to do. Who forks is in `run_server.py` (runs) and
`spark_daemon.py` (workers of Spark).
"""

from pathlib import Path

RULES = (
    "pandera.backends.register_checks",
    "pandera.backends.polars.builtin_checks",  # brings hypothesis
    "pandera.backends.polars.checks",
    "pandera.backends.polars.components",
    "pandera.backends.polars.container",
)
"""Modules that are imported when a contract is first asked, and would be imported anew in each child."""
THREADS = Path("/proc/self/task")
# What a fork would wait for in vain: workers of Polars.
LOST_IN_A_FORK = ("polars-0", "tokio-rt-worker")


def computes() -> bool:
    """Whether Polars has begun to compute in this process. Where the system does not tell of threads: no."""
    return any(_name(thread) in LOST_IN_A_FORK for thread in THREADS.iterdir()) if THREADS.exists() else False


def _name(thread: Path) -> str:
    try:
        return (thread / "comm").read_text().strip()
    except OSError:
        return ""  # it ended meanwhile
