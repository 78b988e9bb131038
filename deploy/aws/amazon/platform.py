"""The lake on Amazon, put together, and what the platform is told of it."""

import pulumi
import pulumi_aws as aws
from stack.environment import plain

from amazon.config import AmazonConfig
from amazon.events import Events
from amazon.identities import Identities
from amazon.lake import Lake


def build(region: str, config: AmazonConfig) -> None:
    """Declare all of it, and what people are shown at the end."""
    account = aws.get_caller_identity().account_id
    lake = Lake(account, region, config)
    events = Events(account, lake, config)
    identities = Identities(lake, events, config)
    settings: dict[str, pulumi.Input[str]] = {
        "lake": lake.lake_address,
        "raw": lake.raw_address,
        "run_logs": lake.logs_address,
        "events": events.queue,
        "s3_region": region,
    }
    pulumi.export("settings", plain(settings))
    pulumi.export("roles", {name: role.arn for name, role in identities.roles.items()})
