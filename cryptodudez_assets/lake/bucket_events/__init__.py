"""What a bucket tells of its objects, through a queue: notifications of Google's buckets by Pub/Sub, of S3's by SQS.

`decoding.py` reads them, `pubsub.py` and `sqs.py` are the two queues behind one protocol, `draining.py` takes what a queue has and sorts it
by source. What is told is a hint, as a listing's cursor is: the bucket says what is there, the catalogue what is known. When a
run is asked for does not belong here, nor does anything of Dagster's.
"""


class EventsUnusable(RuntimeError):
    """The queue cannot be used: something is missing, or it refused. The message says what, and what to do."""
