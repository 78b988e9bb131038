"""Durable surrogate keys: a whole number that stands for an identity, the same on every machine and in every version."""

from hashlib import blake2b

LARGEST = (1 << 63) - 1


def durable_key(identity: str) -> int:
    """The key of an identity: from 1 to 2^63 - 1, so that 0 is free for nobody. Of BLAKE2b, its first 8 bytes.

    Two identities with one key are to be told by a check: of a million, with a chance of one in twenty million.
    """
    return int.from_bytes(blake2b(identity.encode(), digest_size=8).digest()) % LARGEST + 1
