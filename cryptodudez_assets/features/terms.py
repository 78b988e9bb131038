"""The terms whose frequency in tweets is a feature: add one here, and it has rows in `term_frequency_daily`."""

TERMS = (
    "bitcoin",
    "btc",
    "crypto",
    "doge",
    "dogecoin",
    "eth",
    "ethereum",
    "mars",
    "model 3",
    "spacex",
    "starlink",
    "starship",
    "tesla",
)
