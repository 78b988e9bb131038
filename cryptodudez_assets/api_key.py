"""The key of the API as callers send it: as `X-API-Key`, or as the password of anybody, which is how browsers and Prometheus ask.

Who compares it, and with what, is elsewhere.
"""

import base64
from collections.abc import Mapping


def sent_key(headers: Mapping[bytes, bytes]) -> bytes:
    """The key in a request's headers, whose names are in lower case; empty where there is none."""
    if (key := headers.get(b"x-api-key")) is not None:
        return key
    kind, _, credentials = headers.get(b"authorization", b"").partition(b" ")
    if kind.lower() != b"basic":
        return b""
    try:
        return base64.b64decode(credentials, validate=True).partition(b":")[2]
    except ValueError:
        return b""
