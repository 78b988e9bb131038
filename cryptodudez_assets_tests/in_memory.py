"""What a source makes of a text, without a lake: each record's row, or the rules that it breaks."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import polars as pl

from cryptodudez_assets.contracts.rules import breaking, broken_rules, evaluate_rules
from cryptodudez_assets.lake.formats.csv.chunks import CHUNK_BYTES, chunks
from cryptodudez_assets.lake.formats.csv.dialect import Dialect
from cryptodudez_assets.lake.formats.csv.parse import ChunkReader
from cryptodudez_assets.lake.ingest.cells import clean_keys
from cryptodudez_assets.lake.ingest.validating import FILE, canonical
from cryptodudez_assets.sources.declaration import CATALOGUED, Layout, Source

TODAY = datetime(2026, 1, 1, tzinfo=UTC)
Fate = dict[str, Any] | list[str]

NUMBERS = dict.fromkeys(("High", "Low", "Open", "Close", "Volume", "Marketcap", "Adj Close"), "1")
GOOD: dict[str, dict[str, str]] = {
    "v1_lines": {
        **{"id": "7", "date": "Thu Jan 02 03:04:05 +0000 2020", "text": "so it goes", "user": "somebody"},
        **dict.fromkeys(("favorite_count", "retweet_count", "followers_count"), "1"),
    },
    "coin_csv": {"Name": "Coin", "Symbol": "C", "Date": "2020-01-02 23:59:59", **NUMBERS},
    "utc_39": {"date": "2020-01-02 03:04:05", "timezone": "+0000", "nlikes": "1", "nreplies": "1", "nretweets": "1"},
    "arabian_36": {
        **{"date": "2020-01-02", "time": "03:04:05", "timezone": "+0400"},
        **dict.fromkeys(("likes_count", "replies_count", "retweets_count"), "1"),
    },
    "symbol_csv": {"Date": "2020-01-02", **NUMBERS, "symbol": "A", "folder": "stocks"},
    "all_tickers_csv": {
        **{"symbol": "A", "date": "2020-01-02", "close_adjusted": "1", "split_coefficient": "1"},
        **dict.fromkeys(("open", "high", "low", "close", "volume"), "1"),
    },
    "recorded": {
        "orderbook_timestamp": "2020-01-02T03:04:05+00:00",
        "book": "btc_mxn",
        "bid": "99",
        "ask": "100",
        "spread": "1",
    },
    "gap_lines": {
        **{"book": "btc_mxn", "instance": "a", "cause": "starting", "repair": "restart"},
        **dict.fromkeys(("started_at", "ended_at"), "2020-01-02T03:04:05.000001+00:00"),
    },
    "symbols_valid_meta": {"Symbol": "A", "Security Name": "A company"},
    "event": {"id": "7", "event_timestamp": "2020-01-02 03:04:05.6+00", "user_id": "u", "event_name": "login"},
    "user": {"user_id": "u"},
    "user_level": {"user_id": "u", "jurisdiction": "mx", "level": "1", "event_timestamp": "2020-01-02 03:04:05.6+00"},
}
"""A good record of each layout that ships, and what its path says."""
OPENED, CLOSED = 1_577_836_800_000, 1_577_923_199_999  # 2020-01-01 in milliseconds
CANDLE = {
    **{"open_time": str(OPENED), "close_time": str(CLOSED), "volume": "1", "quote_volume": "1", "n_trades": "1"},
    **{"open": "2", "high": "3", "low": "1", "close": "2", "taker_buy_base": "1", "taker_buy_quote": "1"},
}
OF_PATH = {"symbol": "ETHUSDT", "interval": "1d", "told_at": "20200102T000100Z"}
GOOD["answer"] = GOOD["without_header"] = CANDLE | OF_PATH
GOOD["with_header"] = {
    {"n_trades": "count", "taker_buy_base": "taker_buy_volume", "taker_buy_quote": "taker_buy_quote_volume"}.get(
        n, n
    ): v
    for n, v in GOOD["answer"].items()
}
GOOD["kept"] = (
    {name.capitalize(): value for name, value in CANDLE.items()} | OF_PATH | {"Opened": "2020-01-01 00:00:00"}
)
GOOD["socket_event"] = {
    **{f"data.k.{field}": value for field, value in zip("tTvqnohlcVQ", CANDLE.values(), strict=True)},
    **{"data.k.s": "ETHUSDT", "data.k.i": "1d", "data.k.x": "true", "data.E": str(CLOSED + 1)},
}
GOOD["v2"] = {
    **{"id": "7", "text": "so it goes", "created_at": "2020-01-02T03:04:05.000Z", "author_id": "5", "told": ""},
    "$.includes.users": '[{"id": "5", "username": "somebody"}]',
}
GOOD["recorder"] = GOOD["recorded"] | {"source": "ws", "is_gap": "false", "instance": "a"}
GOOD["deposit"] = GOOD["withdrawal"] = {
    **{"id": "7", "event_timestamp": "2020-01-02 03:04:05.6+00", "user_id": "u", "amount": "1.50"},
    **{"currency": "mxn", "tx_status": "complete", "interface": "web"},
}
TWEET = {"id": "7", "conversation_id": "7", "tweet": "so it goes", "username": "elonmusk", "reply_to": "[]"}
GOOD["utc_39"] |= TWEET
GOOD["arabian_36"] |= TWEET


def fates(source: Source, layout: Layout, records: Sequence[Mapping[str, str]], *, careful: bool = False) -> list[Fate]:
    """For each record its row in the source's table, or what it breaks. Each is a good record but for what is said of it."""
    good = GOOD.get(layout.name, {})
    told = {name: value for name, value in good.items() if name not in layout.columns}
    text = io.StringIO()
    writer = csv.DictWriter(text, list(layout.columns), lineterminator="\n", restval="")
    writer.writeheader()
    writer.writerows({**{n: v for n, v in good.items() if n in layout.columns}, **record} for record in records)
    dialect = Dialect("utf-8", ",", "\n", tuple(layout.columns))
    (chunk,) = chunks(io.BytesIO(text.getvalue().encode()), dialect, CHUNK_BYTES)
    parsed = ChunkReader(dialect, layout).read(replace(chunk, is_unambiguous=chunk.is_unambiguous and not careful), 1)
    assert parsed.table is not None
    raw = pl.DataFrame(pl.from_arrow(parsed.table)).with_columns(
        pl.lit("f").alias(FILE), pl.lit(TODAY).alias(CATALOGUED), *(pl.lit(v).alias(n) for n, v in told.items())
    )
    found: dict[int, Fate] = {reject.file_row: list(reject.rules) for reject in parsed.rejects}
    rows, misfits = canonical(source, parsed.reader, raw)
    for _, row, rules in misfits:
        found[row] = [*found.get(row, []), *rules]
    rows = clean_keys(source, rows)[0].with_columns(pl.col("known_ts").fill_null(TODAY))
    findings = list(evaluate_rules(source.contract, rows))
    wrong = breaking(findings)
    broken = iter(broken_rules(findings, wrong) if wrong is not None else [])
    for number, row in enumerate(rows.to_dicts()):
        found[row["file_row"]] = next(broken) if wrong is not None and wrong[number] else row
    return [found[number] for number in range(1, len(records) + 1)]
