"""Keys of the project's own, by which Google's services encrypt what they keep for us (CMEK). Only where the stack wants them."""

import pulumi
import pulumi_gcp as gcp

from stack.agents import Agents
from stack.naming import PROJECT, options, part_of

TURNED_SECONDS = 90 * 24 * 3600


class Keys(pulumi.ComponentResource):
    """A key for each kind of thing, and the agents of Google's services that may use it."""

    def __init__(self, region: str, agents: Agents, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(part_of("Keys"), "keys", None, opts)
        ring = gcp.kms.KeyRing("keys", name=PROJECT, location=region, opts=options(self))
        self._keys: dict[str, gcp.kms.CryptoKey] = {}
        self.usable: dict[str, pulumi.Resource] = {}
        """By kind, what must be there before its service can use the key."""
        for kind, agent in _kept_for(agents).items():
            key = gcp.kms.CryptoKey(
                f"key-{kind}",
                key_ring=ring.id,
                purpose="ENCRYPT_DECRYPT",
                rotation_period=f"{TURNED_SECONDS}s",
                # What it encrypted is lost with it.
                opts=options(self, protect=True),
            )
            self._keys[kind] = key
            self.usable[kind] = gcp.kms.CryptoKeyIAMMember(
                f"key-{kind}-agent",
                crypto_key_id=key.id,
                role="roles/cloudkms.cryptoKeyEncrypterDecrypter",
                member=agent,
                opts=options(self),
            )
        self.register_outputs({})

    def key(self, kind: str) -> pulumi.Output[str]:
        """The key's name, as services take it."""
        return self._keys[kind].id


def _kept_for(agents: Agents) -> dict[str, pulumi.Output[str]]:
    return {"storage": agents.storage, "sql": agents.sql, "pubsub": agents.pubsub, "secrets": agents.secrets}
