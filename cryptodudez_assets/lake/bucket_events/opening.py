"""From the settings to the queue. The clients are extras, and are imported only where they are used."""

from cryptodudez_assets.lake.bucket_events import EventsUnusable
from cryptodudez_assets.lake.bucket_events.queue import Queue
from cryptodudez_assets.settings import PUBSUB, Settings


def open_queue(settings: Settings) -> Queue:
    """The queue of `CRYPTODUDEZ_EVENTS`. Raises EventsUnusable."""
    if settings.events.startswith(PUBSUB):
        project, _, subscription = settings.events.removeprefix(PUBSUB).partition("/")
        try:
            from cryptodudez_assets.lake.bucket_events.pubsub import PubSub
        except ImportError:
            raise EventsUnusable(_missing("Pub/Sub", "Google", "gcp")) from None
        return PubSub(f"projects/{project}/subscriptions/{subscription}", settings.events_endpoint)
    try:
        from cryptodudez_assets.lake.bucket_events.sqs import Sqs
    except ImportError:
        raise EventsUnusable(_missing("SQS", "Amazon", "aws")) from None
    return Sqs(settings.events, settings.s3_region, settings.events_endpoint)


def _missing(service: str, whose: str, extra: str) -> str:
    return f"events by {service} need {whose}'s client, which is not installed: pip install 'cryptodudez[{extra}]'"
