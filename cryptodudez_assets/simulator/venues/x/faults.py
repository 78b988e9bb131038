"""Which faults requests of the simulated X meet, and what their rates mean. At most one strikes a request; the seed decides."""

from cryptodudez_assets.simulator.venues.faulty import Fault, Unit, reader_of

STORM_SECONDS = 2.0

FAULTS = {
    fault.name: fault
    for fault in (
        Fault("429", Unit.REQUEST, "an answer is 429, and so is each one of this endpoint for the next two seconds"),
        Fault("5xx", Unit.REQUEST, "an answer is 500, 502, 503 or 504, as JSON or HTML; nothing is paid for"),
        Fault("reset", Unit.REQUEST, "the connection is reset in the middle of an answer that is paid for"),
        Fault("truncated", Unit.REQUEST, "an answer that is paid for is JSON that ends too early"),
        Fault("hang", Unit.REQUEST, "an answer that is paid for never comes"),
        Fault("partial", Unit.REQUEST, "an answer tells beside its posts that some things could not be found"),
        Fault("skew", Unit.SECONDS, "X's clock is fast by so much: in every time that it tells, and in its days"),
    )
}
OF_REQUESTS = tuple(name for name, fault in FAULTS.items() if fault.unit is Unit.REQUEST)

read_fault = reader_of(FAULTS)
"""`429=0.01` as name and rate. Raises ValueError with what was expected."""
