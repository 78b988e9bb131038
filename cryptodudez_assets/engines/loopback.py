"""Whether an address is of this machine alone. What is refused because it is not is in `choosing.py`."""

from urllib.parse import urlsplit

LOOPBACK = "127.0.0.1"


def is_on_loopback(hosts: str) -> bool:
    """Whether `host:port`, or each of several after commas, can be reached from this machine only."""
    return {urlsplit(f"//{one}").hostname for one in hosts.split(",")} <= {LOOPBACK, "localhost", "::1"}
