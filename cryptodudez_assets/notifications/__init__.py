"""The one notifier: whatever should reach a person becomes an event in the outbox, and the outbox delivers it.

What happened is an `Event` (`event.py`), kept in a database until every sink has it (`outbox.py`, `database.py`), and sent by
`delivery.py` to what `sinks.py` knows. `notifier.py` is all of that for a process that goes on. What is worth an event is no
business of this room: rules are declared in `declared_rules/`, and whoever sees something (the recorder, Dagster's sensor, a
headless run) says it here.
"""
