"""The Ethereum signal."""

from cryptodudez_assets.declared_models.signal import Coin, SignalModel

MODEL = SignalModel(
    name="eth_signal",
    coin=Coin("ETH", "Ethereum", terms=("dogecoin", "bitcoin", "ethereum", "tesla")),
    others=(
        *("btc_log_return_1d", "btc_log_return_7d", "doge_log_return_1d", "doge_log_return_7d"),
        *("ltc_log_return_1d", "xrp_log_return_1d"),
    ),
    serves="/signal/eth",
    place=1,
)
