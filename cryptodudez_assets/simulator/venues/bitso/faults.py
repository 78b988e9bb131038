"""Which faults there are, and what their rates mean. The seed decides when they happen.

What a fault does to the bytes is in `link.py` and `delivery.py`; what it costs a client, in `forced.py`.
"""

from cryptodudez_assets.simulator.venues.faulty import Chance, Fault, Unit, reader_of

__all__ = ["FAULTS", "OF_CONNECTIONS", "OF_MESSAGES", "OF_REQUESTS", "Chance", "read_fault"]

STALL_SECONDS, SLOW_SECONDS, SLOW_BY_SECONDS = (3.0, 15.0), (5.0, 15.0), 2.0
GAP_MESSAGES = (2, 10)

FAULTS = {
    fault.name: fault
    for fault in (
        Fault("drop", Unit.MESSAGE, "a message never comes"),
        Fault("duplicate", Unit.MESSAGE, "a message comes twice: at once, or again behind the next one of its book"),
        Fault("reorder", Unit.MESSAGE, "a message comes behind the next one of its book"),
        Fault("gap", Unit.MESSAGE, "the sequence jumps: 2 to 10 messages of a book never come"),
        Fault("bad-json", Unit.MESSAGE, "a message is cut in its middle"),
        Fault(
            "crossed", Unit.MESSAGE, "a message has one more order, which is not in the book: a bid above the best ask"
        ),
        Fault("stall", Unit.MINUTE, "nothing comes for 3 to 15 seconds, then everything at once"),
        Fault("slow", Unit.MINUTE, "for 5 to 15 seconds, everything comes 2 seconds late"),
        Fault("disconnect", Unit.MINUTE, "the connection ends: half of the time by a reset, else by close code 1001"),
        Fault("half-open", Unit.MINUTE, "the connection stays and is silent for ever, also to pings and closes"),
        Fault("5xx", Unit.REQUEST, "an answer over REST is 500, 502, 503 or 504, in HTML"),
        Fault("420", Unit.REQUEST, "an answer is 420, and the address is locked out for a minute"),
        Fault("skew", Unit.SECONDS, "the exchange's clock is fast by so much: in every time that it tells"),
    )
}
OF_MESSAGES = tuple(name for name, fault in FAULTS.items() if fault.unit is Unit.MESSAGE)
OF_CONNECTIONS = tuple(name for name, fault in FAULTS.items() if fault.unit is Unit.MINUTE)
OF_REQUESTS = tuple(name for name, fault in FAULTS.items() if fault.unit is Unit.REQUEST)

read_fault = reader_of(FAULTS)
"""`429=0.01` as name and rate. Raises ValueError with what was expected."""
