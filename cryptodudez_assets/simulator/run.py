"""The simulator's one command: all sources, in the order in which they move each other."""

from collections import Counter
from collections.abc import Callable
from datetime import date
from pathlib import Path

from cryptodudez_assets.simulator.account_files import write_accounts
from cryptodudez_assets.simulator.bitcoin_posts import write_bitcoin_posts
from cryptodudez_assets.simulator.candles import write_archives, write_candles
from cryptodudez_assets.simulator.coins import write_coins
from cryptodudez_assets.simulator.dirt import REAL_DIRT, Dirt
from cryptodudez_assets.simulator.job import Job
from cryptodudez_assets.simulator.market import market_factor
from cryptodudez_assets.simulator.order_books import write_order_books
from cryptodudez_assets.simulator.scrapes import write_scrapes
from cryptodudez_assets.simulator.sizes import EARLIEST_END, LAST_DAY, SIZES, Size, SizeName
from cryptodudez_assets.simulator.stock_market import write_stock_market
from cryptodudez_assets.simulator.stocks import write_stocks
from cryptodudez_assets.simulator.truth import Truth
from cryptodudez_assets.simulator.tweets import compose_tweets
from cryptodudez_assets.simulator.x_answers import write_x_answers


def simulate(
    target: Path,
    size: Size | SizeName = "small",
    seed: int = 7,
    dirt: Dirt = REAL_DIRT,
    last_day: date = LAST_DAY,
    planted: bool = False,
    on_progress: Callable[[str], None] | None = None,
) -> Truth:
    """Write `<target>/<source>/…`, `<target>/truth/truth.json` and `<source>.parquet`; same arguments, same bytes.

    `last_day` is that of prices and tweets. `planted`: unusual trading in Ether tells something of the next day's return. Raises
    ValueError where the last day is too early. `on_progress` is told of each file as it is finished.
    """
    if last_day < EARLIEST_END:
        raise ValueError(f"the last day is {last_day}: samples end on {EARLIEST_END} or later")
    extent = size if isinstance(size, Size) else SIZES[size]
    job = Job(target, extent, last_day, seed, dirt, on_progress or (lambda _: None), planted)
    tweets = compose_tweets(job)
    doge_tweets = Counter(tweet.time.date() for tweet in tweets if "dogecoin" in tweet.text.lower())
    stock_factor = market_factor(job.rng("stock market"), volatility=0.009, last_day=last_day)
    coin_factor = market_factor(
        job.rng("coin market"), volatility=0.028, last_day=last_day, shared=stock_factor, beta=1.0
    )
    truth = Truth(
        seed,
        {
            **write_accounts(job),
            **write_order_books(job),
            "bitcoin_tweets": write_bitcoin_posts(job, coin_factor),
            "crypto_prices": write_coins(job, coin_factor, doge_tweets),
            # Behind the coins, which tell what pairs cost.
            "binance_klines": write_candles(job),
            "binance_archives": write_archives(job),
            "elon_tweets": write_scrapes(job, tweets),
            "stock_market": write_stock_market(job, stock_factor),
            "stock_prices": write_stocks(job, stock_factor),
            "x_posts": write_x_answers(job),
        },
    )
    truth.save(target / "truth" / "truth.json")
    return truth
