"""What the machine or somebody's server refuses, in a line for who typed the command. Faults of our own keep their traceback."""

import errno
import os
import re
import sqlite3
import sys
from types import ModuleType

from cryptodudez_assets.addresses import said_by_driver

OF_THE_MACHINE = {
    *(errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO, errno.EMFILE, errno.ENFILE),
    *(errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.ENXIO, errno.EFBIG),
    *(errno.ECONNREFUSED, errno.ECONNRESET, errno.ECONNABORTED, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ETIMEDOUT),
}
TO_DO = {
    errno.ENOSPC: "free some space, then run it again",
    errno.EDQUOT: "free some space, then run it again",
    errno.EROFS: "choose another folder with CRYPTODUDEZ_HOME",
    errno.EACCES: "run it as the user to whom the home belongs",
    errno.EPERM: "run it as the user to whom the home belongs",
    errno.EMFILE: "allow more open files (`ulimit -n`)",
}
OF_SQLITE = {"full": errno.ENOSPC, "readonly": errno.EROFS}
OF_BUCKETS = {
    "/169.254.169.254/": "there are no credentials for the bucket: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    "metadata.google.internal": "there are no credentials for the bucket: set GOOGLE_APPLICATION_CREDENTIALS",
    "<Code>NoSuchBucket<": "there is no such bucket",
    "<Code>InvalidAccessKeyId<": "the bucket's server does not know the key in AWS_ACCESS_KEY_ID",
    "<Code>SignatureDoesNotMatch<": "AWS_SECRET_ACCESS_KEY is not that of the key in AWS_ACCESS_KEY_ID",
    " 401 ": "the bucket's server does not take these credentials",
    " 403 ": "the bucket's server does not take these credentials, or they may not do this",
    " 404 ": "there is no such bucket, or what was listed has gone",
    "error sending request": "the bucket's server does not answer",
}
"""Signs of what is wrong in what obstore says, and words for it; the first that is there counts."""
ASKED = re.compile(r"performing ([A-Z]+ \S+://[^\s?]+)")
WRONG_NAME = "an object in the bucket has a name that cannot be read, and nothing behind it is found: delete it, or give it another name: "
TOLD_BY_POLARS = re.compile(r"\(os error (\d+)\)")


def refusal(error: BaseException) -> str | None:
    """What was refused, by whom, and what to do; None for an error that is a fault of ours. Holds no password."""
    for module, name, whose in SERVERS:
        if _is(error, module, name):
            return f"{whose} cannot be used: {said_by_driver(error)}"
    if _is(error, "obstore.exceptions", "BaseError") or (
        isinstance(error, FileNotFoundError) and ASKED.search(str(error))
    ):
        return _of_a_bucket(error)
    if isinstance(error, OSError):
        return _of_the_machine(error.errno, error.filename) if error.errno in OF_THE_MACHINE else None
    if isinstance(error, sqlite3.OperationalError):
        number = next((number for sign, number in OF_SQLITE.items() if sign in str(error)), None)
        return _of_the_machine(number, "a database") if number else None
    if _is(error, "sqlalchemy.exc", "OperationalError"):
        cause = getattr(error, "orig", None)
        return refusal(cause) if cause else None
    if _is(error, "polars.exceptions", "ComputeError") and (found := TOLD_BY_POLARS.search(str(error))):
        number = int(found[1])
        return _of_the_machine(number, None) if number in OF_THE_MACHINE else None
    return None


SERVERS = [
    ("requests.exceptions", "ConnectionError", "a server"),
    ("requests.exceptions", "Timeout", "a server"),
    ("pyiceberg.exceptions", "RESTError", "the catalog's server"),
    ("psycopg", "OperationalError", "the database server"),
    ("redis.exceptions", "ConnectionError", "the Redis server"),
    ("redis.exceptions", "TimeoutError", "the Redis server"),
]


def _is(error: BaseException, module: str, name: str) -> bool:
    """Whether it is one of a library's errors. What was not imported has raised nothing."""
    there: ModuleType | None = sys.modules.get(module)
    return there is not None and isinstance(error, getattr(there, name))


def _of_a_bucket(error: BaseException) -> str:
    said = str(error).partition("\n\nDebug source")[0]
    if _is(error, "obstore.exceptions", "InvalidPathError"):
        return f"{WRONG_NAME}{said}"
    told = next((told for sign, told in OF_BUCKETS.items() if sign in said), f"the bucket cannot be used: {said}")
    asked = ASKED.search(said)
    return f"{told} ({asked[1]})" if asked else told


def _of_the_machine(number: int | None, what: object) -> str:
    said = os.strerror(number or 0)
    place = os.fsdecode(what) if isinstance(what, str | bytes) else ""
    told = f"{place}: {said}" if place else said
    to_do = TO_DO.get(number or 0)
    return f"{told}: {to_do}" if to_do else told
