"""Pages of other sites in the browser of somebody who can reach the API: what they make it ask is refused. Keys are for `guard`.

Such a page needs no key where the browser has the password, or where none is asked because only this machine can connect. It may
read answers where it brings its own name to point here, and it may have receipts written without reading any.
"""

import ipaddress
from collections.abc import Mapping
from functools import lru_cache
from http import HTTPStatus

OWN = (b"same-origin", b"none")  # a page of the API itself; somebody who typed the address


def refusal(method: str, headers: Mapping[bytes, bytes], only_here: bool) -> tuple[HTTPStatus, str] | None:
    """What to answer instead, None for what may be answered. `only_here`: no name but this machine's own leads here."""
    host = headers.get(b"host", b"")
    if only_here and host and not _names_this_machine(host):
        return (
            HTTPStatus.MISDIRECTED_REQUEST,
            "without CRYPTODUDEZ_API_KEY only this machine is answered: ask localhost or 127.0.0.1, not another name",
        )
    site = headers.get(b"sec-fetch-site")
    if site is None:  # an older browser, or no TLS; or no browser, which has no origin either
        origin = headers.get(b"origin")
        foreign = origin is not None and origin.partition(b"://")[2] != host
    else:
        follows_a_link = method == "GET" and headers.get(b"sec-fetch-mode") == b"navigate"
        foreign = site not in OWN and not follows_a_link
    if foreign:
        return HTTPStatus.FORBIDDEN, "a page of another site asked, and none may"
    return None


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach it."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@lru_cache(maxsize=64)
def _names_this_machine(host: bytes) -> bool:
    name = host.decode("latin-1").lower()
    if name.startswith("["):
        return is_loopback(name[1:].partition("]")[0])
    return is_loopback(name.partition(":")[0].removesuffix("."))
