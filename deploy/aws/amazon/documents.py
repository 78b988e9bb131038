"""Documents of Amazon's policies, as it reads them."""

from collections.abc import Sequence
from typing import Any

import pulumi

VERSION = "2012-10-17"
"""Of the language, not of ours."""
Statement = dict[str, Any]


def document(*statements: Statement) -> pulumi.Output[str]:
    """A policy of these."""
    return pulumi.Output.json_dumps({"Version": VERSION, "Statement": list(statements)})


def allow(actions: Sequence[str], *resources: pulumi.Input[str], **more: Any) -> Statement:
    """Who has the policy may do this to these."""
    return {"Effect": "Allow", "Action": list(actions), "Resource": list(resources), **more}


def refuse(actions: Sequence[str], *resources: pulumi.Input[str], **condition: dict[str, Any]) -> Statement:
    """Nobody may do this to these, where the condition holds: stronger than whatever allows it."""
    return {
        "Effect": "Deny",
        "Principal": "*",
        "Action": list(actions),
        "Resource": list(resources),
        "Condition": condition,
    }


def only_encrypted(service: str, *resources: pulumi.Input[str]) -> Statement:
    """Nobody talks to these in the clear."""
    return refuse([f"{service}:*"], *resources, Bool={"aws:SecureTransport": "false"})
