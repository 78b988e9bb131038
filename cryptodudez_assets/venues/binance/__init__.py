"""Binance, an exchange: what its public market data say (`protocol.py`), and what is asked for to know candles (`asking.py`)."""
