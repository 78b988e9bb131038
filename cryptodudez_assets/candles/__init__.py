"""Candles of all venues: what was told of them when (`candle_revisions.py`), and as they are known now (`candles.py`)."""
