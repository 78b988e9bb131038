"""Which faults there are and what their rates mean. The seed decides when they happen."""

from cryptodudez_assets.simulator.venues.faulty import Chance, Fault, Unit, reader_of

__all__ = ["FAULTS", "OF_REQUESTS", "Chance", "read_fault"]

FAULTS = {
    fault.name: fault
    for fault in (
        Fault("429", Unit.REQUEST, "the answer is 429, and Retry-After says for how long nothing else comes"),
        Fault("418", Unit.REQUEST, "the answer is 418: the address is banned, as Retry-After says"),
        Fault("451", Unit.REQUEST, "the answer is 451: not from where you are, however often you ask"),
        Fault("5xx", Unit.REQUEST, "the answer is 500, 502, 503 or 504, in HTML or in JSON"),
        Fault("403", Unit.REQUEST, "the answer is 403 and a web page: a firewall took the request for an attack"),
        Fault("reset", Unit.REQUEST, "the connection is reset in the middle of the answer"),
        Fault("truncated", Unit.REQUEST, "the answer is whole for HTTP, and its JSON is cut in the middle"),
        Fault("hang", Unit.REQUEST, "nothing comes, and the connection stays"),
        Fault("missing", Unit.CANDLE, "the candle never is there"),
        Fault("off-grid", Unit.CANDLE, "the candle begins late"),
        Fault("revised", Unit.CANDLE, "a day after its end the candle is told otherwise"),
        Fault("differs", Unit.CANDLE, "archives tell the candle otherwise than the API"),
        Fault("damaged", Unit.REQUEST, "a byte of an archive is turned over"),
        Fault("skew", Unit.SECONDS, "the exchange's clock is fast by so much"),
    )
}
OF_REQUESTS = ("429", "418", "451", "5xx", "403", "reset", "truncated", "hang")

read_fault = reader_of(FAULTS)
"""`429=0.01` as name and rate. Raises ValueError with what was expected."""
