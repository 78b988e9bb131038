SELECT symbol, days / sum(days) OVER () AS share FROM toys.coin_totals
