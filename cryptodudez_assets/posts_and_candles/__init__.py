"""Posts of all sources, and six narrow tables of posts and candles: what people who explore prices beside posts read.

Each module declares one derived table. Where posts come from is in `sources/`, how candles are put together elsewhere; whether prices
follow the mood is asked in `studies/`.
"""
