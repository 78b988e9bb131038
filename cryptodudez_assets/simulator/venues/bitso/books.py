"""Which books the simulated exchange has: names as on the exchange, prices and liveliness invented."""

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True)
class BookTraits:
    """What is particular to a book: a first price, the smallest step of prices, messages a second, and the usual spread in percent."""

    name: str
    price: Decimal
    tick: Decimal
    rate: float
    spread: float

    @property
    def decimals(self) -> int:
        """Digits of a price behind the point."""
        exponent = self.tick.as_tuple().exponent
        return max(0, -int(exponent))


def _traits(line: str) -> BookTraits:
    name, price, tick, rate, spread = line.split()
    return BookTraits(name, Decimal(price), Decimal(tick), float(rate), float(spread))


# name, first price, tick, messages a second, usual spread in percent
_LINES = """
btc_mxn 1494400 10 17 0.25
usd_mxn 18.42 0.001 6 0.08
eth_mxn 47850 1 12 0.22
xrp_mxn 41.35 0.01 8 0.3
sol_mxn 2480 0.1 6 0.35
ltc_mxn 1705 0.1 3 0.4
bch_mxn 8420 1 2 0.5
usdt_mxn 18.4 0.001 5 0.07
tusd_mxn 18.37 0.001 0.4 0.6
dai_mxn 18.38 0.001 0.6 0.5
mana_mxn 6.1 0.001 1 0.7
bat_mxn 3.02 0.001 0.8 0.8
btc_usd 86630 1 15 0.04
eth_usd 2769 0.1 12 0.05
xrp_usd 2.24 0.0001 7 0.1
sol_usd 134.6 0.01 6 0.12
ltc_usd 92.4 0.01 3 0.15
bch_usd 457.2 0.1 2 0.2
avax_usd 13.2 0.001 2 0.25
ada_usd 0.41 0.0001 2 0.25
doge_usd 0.148 0.00001 3 0.2
shib_usd 0.0000086 0.00000001 1.5 0.4
dot_usd 2.29 0.001 1.2 0.3
link_usd 12.9 0.001 1.5 0.25
uni_usd 6.1 0.001 1 0.35
aave_usd 178.3 0.01 0.8 0.35
comp_usd 33.1 0.01 0.4 0.6
crv_usd 0.42 0.0001 0.5 0.6
algo_usd 0.14 0.0001 0.6 0.5
axs_usd 1.1 0.001 0.3 0.8
ape_usd 0.27 0.0001 0.3 0.9
chz_usd 0.031 0.00001 0.3 0.8
enj_usd 0.034 0.00001 0.2 1.1
gala_usd 0.0073 0.000001 0.4 0.8
grt_usd 0.05 0.00001 0.3 0.8
ldo_usd 0.68 0.0001 0.3 0.8
mkr_usd 1630 1 0.2 0.9
sand_usd 0.16 0.0001 0.3 0.9
snx_usd 0.58 0.0001 0.2 1.0
sushi_usd 0.36 0.0001 0.2 1.0
yfi_usd 4120 1 0.1 1.4
qnt_usd 83.5 0.01 0.2 0.9
btc_brl 468900 10 7 0.15
eth_brl 15020 1 5 0.18
usdt_brl 5.42 0.001 3 0.09
btc_ars 128400000 1000 2 0.5
usdt_ars 1482 0.1 3 0.25
usd_ars 1479 0.1 1 0.5
btc_cop 331000000 1000 1 0.5
usdt_cop 3822 0.1 1.5 0.3
btc_usdt 86650 1 9 0.05
eth_btc 0.03196 0.00001 1.5 0.15
xrp_btc 0.00002586 0.00000001 0.5 0.4
ltc_btc 0.001067 0.000001 0.3 0.5
"""

BOOKS = {traits.name: traits for traits in map(_traits, _LINES.split("\n")[1:-1])}
