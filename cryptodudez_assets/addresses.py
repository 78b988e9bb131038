"""Whether an address (a URL that may hold a password) is one that every library reads alike, and a key can be read. What is wrong
never repeats it.
"""

import re
from base64 import b64decode
from urllib.parse import parse_qs, unquote, urlsplit

PRINTABLE = re.compile(r"[\x21-\x7e\xa1-\ud7ff\ue000-\U0010ffff]*")
HOST = re.compile(r"(\[[0-9A-Fa-f:.%]+\]|[^\[\]:@/]*)(:(?P<port>\d{0,5}))?")
KEY_PREFIX = "whsec_"
LOOPBACK = {"127.0.0.1", "::1", "localhost"}
OF_REST_CATALOGS = {
    *("warehouse", "prefix", "scope", "audience", "resource", "oauth2-server-uri"),
    *("rest.sigv4-enabled", "rest.signing-name", "rest.signing-region"),
}
"""What a client of a REST catalog may be told in the address, by the names that Iceberg gives it."""
ESCAPED = (
    "a sign of a user name or password that means something in URLs is written as % and two digits, such as %40 for @"
)


def insist_on_address(url: str) -> str:
    """The address of a server. Raises ValueError where libraries could take a part of its password for something else."""
    if not PRINTABLE.fullmatch(url):
        raise ValueError("has blanks or signs that cannot be seen in it: " + ESCAPED)
    try:
        parts = urlsplit(url)
    except ValueError:
        raise ValueError(f"cannot be read as a URL: {ESCAPED}") from None
    login, _, hosts = parts.netloc.rpartition("@")
    if "@" in login or "@" in parts.path + parts.query + parts.fragment or "#" in url:
        raise ValueError(f"has @ or # where none is expected: {ESCAPED}")
    found = [HOST.fullmatch(host) for host in hosts.split(",")]
    if not all(one and int(one["port"] or 0) <= 0xFFFF for one in found):
        raise ValueError(f"has a port that is no number, expected …@host:port/…: {ESCAPED}")
    return url


def insist_on_postgresql(url: str) -> str:
    """The same of a database; what it says after `?` must be known to PostgreSQL."""
    from psycopg import ProgrammingError
    from psycopg.conninfo import conninfo_to_dict

    insist_on_address(url)
    try:
        conninfo_to_dict(url)
    except ProgrammingError:
        raise ValueError(
            f"cannot be read, expected postgresql://user:password@host:port/database?option=value: {ESCAPED}"
        ) from None
    return url


def insist_on_endpoint(url: str) -> str:
    """The address of a service that is asked with credentials from elsewhere."""
    if not url:
        return url
    insist_on_address(url)
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("must be http://host:port or https://host:port")
    if "@" in parts.netloc or parts.query:
        raise ValueError(
            "must have no user, password or query: credentials are found where the cloud's own tools find them"
        )
    return url


def insist_on_rest_catalog(url: str) -> str:
    """The address of an Iceberg REST catalog. Behind `?` stand properties of its client that are no secrets."""
    insist_on_address(url)
    parts = urlsplit(url)
    if not parts.hostname or "@" in parts.netloc:
        raise ValueError(
            "must be https://host/path?warehouse=name, without user or password: credentials are CRYPTODUDEZ_CATALOG_TOKEN or "
            "CRYPTODUDEZ_CATALOG_CREDENTIAL"
        )
    if parts.scheme == "http" and parts.hostname not in LOOPBACK:
        raise ValueError("must be https://…; http://… only on this machine (127.0.0.1, ::1 or localhost)")
    if set(parse_qs(parts.query, keep_blank_values=True)) - OF_REST_CATALOGS:
        raise ValueError(f"may have nothing but {', '.join(sorted(OF_REST_CATALOGS))} behind ?")
    return url


def insist_on_receiver(url: str) -> str:
    """The address of a service that something is posted to. It may hold a secret anywhere behind the host."""
    if not PRINTABLE.fullmatch(url):
        raise ValueError("has blanks or signs that cannot be seen in it: " + ESCAPED)
    try:
        parts = urlsplit(url)
        has_host = bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        raise ValueError(f"cannot be read as a URL: {ESCAPED}") from None
    if parts.scheme not in {"http", "https"} or not has_host:
        raise ValueError("must be https://host/path or http://host:port/path")
    if "#" in url:
        raise ValueError("has # in it: what follows would not be sent")
    return url


def insist_on_key(secret: str) -> bytes:
    """The key of a secret for signing: behind `whsec_` it is base64, any other text is one as it is, in UTF-8."""
    if not secret.startswith(KEY_PREFIX):
        return secret.encode()
    try:
        key = b64decode(secret.removeprefix(KEY_PREFIX), validate=True)
    except ValueError:
        key = b""
    if not key:
        raise ValueError(f"must be base64 behind {KEY_PREFIX}")
    return key


def place_of(url: str) -> str:
    """Where an address leads, without who asks and how: host, port and path."""
    parts = urlsplit(url)
    return f"{parts.netloc.rpartition('@')[2]}{unquote(parts.path)}"


def said_by_driver(error: BaseException) -> str:
    """What a database's driver says went wrong, without its advice, and without the name of a host that does not exist.

    Where an address is written wrongly, its password may be taken for the host.
    """
    first = str(error).strip().partition("\n")[0]
    return re.sub(r"host '.*'", "the host in the address", first)
