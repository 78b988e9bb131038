"""A model as somebody would add it: one file like this one in `cryptodudez_assets/declared_models/`, and nothing else.

Its options make do with the days of a tiny sample; without them it would wait for more.
"""

from cryptodudez_assets.declared_models.signal import Coin, SignalModel, SignalOptions

MODEL = SignalModel(
    name="btc_signal",
    coin=Coin("BTC", "Bitcoin", terms=("bitcoin",)),
    others=("eth_log_return_1d", "doge_log_return_1d"),
    options=SignalOptions(
        min_train_days=100, folds=2, bootstrap_samples=100, placebo_repeats=1, placebo_shifts_days=()
    ),
    serves="/signal/btc",
)
