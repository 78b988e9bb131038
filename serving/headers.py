"""What every answer tells a browser, whatever it is: not to guess, not to frame, not to load, not to keep, not to tell others."""

from collections.abc import Iterable

CSP = b"content-security-policy"
NOTHING = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
"""The policy of what is no page: it loads nothing. Pages bring one of their own, with more."""
PROTECTION = [
    (CSP, NOTHING.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),  # a cache on the way does not know X-API-Key, and gave an answer to those without
]

DECIDING = {name for name, _ in PROTECTION} | {b"etag"}


def protected(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """With those that it does not have."""
    own = list(headers)
    names = {name for name, _ in own}
    if names.isdisjoint(DECIDING):  # most answers
        return own + PROTECTION
    if b"etag" in names:
        names.add(b"cache-control")  # a file that is the same for all, and is asked for anew by its tag
    return [*own, *(one for one in PROTECTION if one[0] not in names)]
