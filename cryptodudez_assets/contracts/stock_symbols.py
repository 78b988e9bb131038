"""Contract of `market.stock_symbols`."""

import pandera.polars as pa
import polars as pl

from cryptodudez_assets.contracts.base import TableContract


class StockSymbols(TableContract):
    """The index of stocks and ETFs: what each symbol is, one row per symbol.

    The index says nothing of its time: `event_ts` and `known_ts` are when it was catalogued here, so that the index that landed
    last counts.
    """

    symbol: str = pa.Field(
        description="Symbol; `NAN` and `TRUE` are real ones.", str_length={"min_value": 1, "max_value": 20}
    )
    nasdaq_symbol: str = pa.Field(
        description="The same as Nasdaq writes it, and the names of files: `AGM-A` for `AGM$A`.", nullable=True
    )
    cqs_symbol: str = pa.Field(description="The same as the Consolidated Quotation System writes it.", nullable=True)
    security_name: str = pa.Field(description="Name of the security.", str_length={"min_value": 1})
    is_etf: pl.Boolean = pa.Field(description="Whether it is an exchange traded fund.", nullable=True)
    is_test_issue: pl.Boolean = pa.Field(description="Whether it is traded for tests only.", nullable=True)
    is_nextshares: pl.Boolean = pa.Field(description="Whether it is a NextShares fund.", nullable=True)
    listing_exchange: str = pa.Field(
        description="A NYSE American, N NYSE, P NYSE Arca, Q Nasdaq, V IEX, Z Cboe.", nullable=True
    )
    market_category: str = pa.Field(description="Nasdaq's tier: Q, G or S.", nullable=True)
    financial_status: str = pa.Field(description="N normal, D deficient, others as Nasdaq says.", nullable=True)
    round_lot_size: pl.Int64 = pa.Field(
        description="Shares in a round lot.", nullable=True, gt=0, metadata={"unit": "shares"}
    )
