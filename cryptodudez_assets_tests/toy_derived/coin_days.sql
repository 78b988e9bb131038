-- One row a day.
SELECT event_ts::DATE AS day, count(*) AS coins, sum(coalesce(volume, 0)) AS volume
FROM market.crypto_prices
GROUP BY ALL
