"""Messages of the bucket's queue that cannot be read. Whatever floods the queue is told of once an hour."""

from datetime import timedelta

from cryptodudez_assets.declared_rules.declaration import DeadLetter, Notify

RULE = Notify("dead_letter", "Dead letter", when=DeadLetter(), quiet_for=timedelta(hours=1))
