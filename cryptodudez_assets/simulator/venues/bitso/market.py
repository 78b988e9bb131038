"""A book that moves: orders come, go, change their price and are filled around a fair price that wanders. The seed decides all but times.

One step is one message of the exchange. Who hears of it, and when, belongs elsewhere.
"""

import math
from collections import deque
from dataclasses import dataclass, field
from random import Random
from string import ascii_letters, digits

from cryptodudez_assets.simulator.venues.bitso.books import BookTraits
from cryptodudez_assets.simulator.venues.bitso.side import Order, OrdersOfSide, Prices, eight_decimals
from cryptodudez_assets.venues.bitso.answers import DiffEntry, TradesEntry
from cryptodudez_assets.venues.bitso.protocol import Side

BID, ASK = int(Side.BID), int(Side.ASK)
ORDERS_OF_SIDE, FEWEST = 300, 40
MOST_ENTRIES = 3
"""Entries of a message; the exchange was never seen to send more."""
TRADING, MODIFYING = 0.06, 0.4
"""Which share of steps is a trade, and which share begins the change of an order's price (which takes two messages)."""
WANDER = 1e-4
"""How far the fair price goes in a second, as a share of it."""
HOME = 5e-6
"""By which share of its distance from the first price the fair price comes back in a second."""
WIDTH_CHANGE, WIDTH_MEMORY = 0.12, 60.0
"""Of the logarithm of the spread: how far it goes in a second, and in how many seconds it forgets."""
ORDER_WORTH = {"mxn": 20e3, "usd": 1e3, "usdt": 1e3, "brl": 5e3, "ars": 1.5e6, "cop": 4e6, "btc": 0.02}
TRADES_KEPT = 500
NAMES = ascii_letters + digits


@dataclass
class Step:
    """What one message tells: entries of `diff-orders`, and the trades that were part of it."""

    sequence: int
    entries: list[DiffEntry]
    trades: list[TradesEntry] = field(default_factory=list)


class Book:
    """One book. `now` is the exchange's clock in milliseconds, everywhere."""

    def __init__(self, traits: BookTraits, seed: int, rate: float, now: int) -> None:
        self.traits, self.name, self.rate = traits, traits.name, rate
        self._random = Random(f"{seed}/{traits.name}")
        scale = 10**traits.decimals
        self.prices = Prices(int(traits.tick * scale), traits.decimals)
        self._first_fair = self._fair = float(traits.price / traits.tick)
        self._width = 0.0
        self._worth = ORDER_WORTH[traits.name.partition("_")[2]] / float(traits.price)
        self._elapsed = 0.0
        self._moving: Order | None = None
        self.sides = (OrdersOfSide(BID), OrdersOfSide(ASK))
        self.sequence = self._random.randrange(10**8, 5 * 10**9)
        self._trade_id = self._random.randrange(10**8, 3 * 10**8)
        self.trades: deque[TradesEntry] = deque(maxlen=TRADES_KEPT)
        self.volume, self.turnover = 0, 0.0
        for side in (BID, ASK):
            for _ in range(ORDERS_OF_SIDE):
                self._place(side, now - self._random.randrange(3_600_000))
        self.last = self.high = self.low = self.opening = self.sides[ASK].best.ticks

    @property
    def best_prices(self) -> tuple[str, str]:
        """Best bid and best ask, as text."""
        return self.sides[BID].best.rate, self.sides[ASK].best.rate

    def delay(self) -> float:
        """Seconds until the next message. The second half of a changed price follows at once."""
        if self._moving is not None:
            self._elapsed = self._random.uniform(0.002, 0.02)
        else:
            # A step that changes a price makes two messages: steps are rarer than messages.
            self._elapsed = self._random.expovariate(self.rate / (1 + MODIFYING))
        return self._elapsed

    def step(self, now: int) -> Step:
        """The next message of the book."""
        self.sequence += 1
        if self._moving is not None:
            moving, self._moving = self._moving, None
            return self._move_in(moving, now)
        self._wander()
        drawn = self._random.random()
        overtaken = self._overtaken()
        if overtaken is not None:
            return self._trade(overtaken, now)
        if drawn < TRADING:
            return self._trade(self._random.choice((BID, ASK)), now)
        if drawn < TRADING + MODIFYING:
            return self._move_out(now)
        return self._come_or_go(now)

    def _wander(self) -> None:
        seconds = min(self._elapsed, 60.0)
        pull = HOME * seconds * (self._first_fair / self._fair - 1)
        self._fair *= math.exp(self._random.gauss(0, WANDER * math.sqrt(seconds)) + pull)
        forgotten = math.exp(-seconds / WIDTH_MEMORY)
        self._width = self._width * forgotten + self._random.gauss(0, WIDTH_CHANGE * math.sqrt(seconds))

    def _overtaken(self) -> int | None:
        """The side whose best price the fair price has passed."""
        if len(self.sides[ASK]) > FEWEST and self._fair > self.sides[ASK].best.ticks:
            return ASK
        if len(self.sides[BID]) > FEWEST and self._fair < self.sides[BID].best.ticks:
            return BID
        return None

    def _come_or_go(self, now: int) -> Step:
        side = self._random.choice((BID, ASK))
        orders = self.sides[side]
        crowd = len(orders) / ORDERS_OF_SIDE
        if len(orders) > FEWEST and self._random.random() < 0.5 * crowd**4:
            order = self._near_the_top(orders) if self._random.random() < 0.7 else self._anywhere(orders)
            orders.remove(order)
            return self._told(_entry(order, "cancelled", 0))
        return self._told(_entry(self._place(side, now), "open", now))

    def _move_out(self, now: int) -> Step:
        """The first half of a changed price: the order is gone."""
        orders = self.sides[self._random.choice((BID, ASK))]
        if len(orders) <= FEWEST:
            return self._told(_entry(self._place(orders.side, now), "open", now))
        self._moving = order = self._near_the_top(orders)
        orders.remove(order)
        return self._told(_entry(order, "cancelled", now))

    def _move_in(self, order: Order, now: int) -> Step:
        """The second half: it is back at another price, under the same name and of the same age."""
        order.ticks = self._price(order.side)
        order.rate = self.prices.text(order.ticks)
        self._set_amount(order, order.amount)
        self.sides[order.side].add(order)
        return self._told(_entry(order, "open", now))

    def _trade(self, side: int, now: int) -> Step:
        """A taker fills the best orders of a side, up to three; what it wants beyond them is forgotten."""
        taker, wanted = self._name(), self._amount() * 2
        orders = self.sides[side]
        entries: list[DiffEntry] = []
        trades: list[TradesEntry] = []
        while wanted > 0 and len(entries) < MOST_ENTRIES and len(orders) > FEWEST // 2:
            order = orders.best
            filled = min(wanted, order.amount)
            wanted -= filled
            trades.append(self._record_trade(order, filled, taker, now))
            if filled == order.amount:
                orders.remove(order)
                entries.append(_entry(order, "completed", now))
            else:
                self._set_amount(order, order.amount - filled)
                entries.append(_entry(order, "open", now))
        if not entries:
            return self._told(_entry(self._place(side, now), "open", now))
        return Step(self.sequence, entries, trades)

    def _record_trade(self, maker: Order, amount: int, taker: str, now: int) -> TradesEntry:
        self._trade_id += 1
        text, value = eight_decimals(amount), self.prices.value(maker.ticks, amount)
        trade = TradesEntry(text, self._trade_id, maker.oid, maker.rate, maker.side, taker, value, now)
        self.trades.append(trade)
        self.last = maker.ticks
        self.high, self.low = max(self.high, maker.ticks), min(self.low, maker.ticks)
        self.volume += amount
        self.turnover += float(value)
        return trade

    def _told(self, entry: DiffEntry) -> Step:
        return Step(self.sequence, [entry])

    def _place(self, side: int, now: int) -> Order:
        ticks = self._price(side)
        order = Order(self._name(), side, ticks, self.prices.text(ticks), now)
        self._set_amount(order, self._amount())
        self.sides[side].add(order)
        return order

    def _set_amount(self, order: Order, amount: int) -> None:
        order.amount = amount
        order.amount_text = eight_decimals(amount)
        order.value_text = self.prices.value(order.ticks, amount)

    def _price(self, side: int) -> int:
        """Ticks around the fair price: mostly near, some deep; never at or beyond the other side's best."""
        half = self.traits.spread / 200 * math.exp(max(-1.5, min(self._width, 2.0)))
        away = half * (0.8 + self._random.expovariate(2.5))
        if self._random.random() < 0.25:
            away *= self._random.uniform(2, 20)
        away = min(away, 0.5)
        other = self.sides[1 - side]
        if side == BID:
            ticks = math.floor(self._fair * (1 - away))
            return max(1, min(ticks, other.best.ticks - 1) if len(other) else ticks)
        ticks = math.ceil(self._fair * (1 + away))
        return max(ticks, other.best.ticks + 1) if len(other) else ticks

    def _amount(self) -> int:
        return max(1, int(self._worth * self._random.lognormvariate(0, 1) * 10**8))

    def _near_the_top(self, orders: OrdersOfSide) -> Order:
        return orders.at(int(self._random.expovariate(1 / 6)))

    def _anywhere(self, orders: OrdersOfSide) -> Order:
        return orders.at(self._random.randrange(len(orders)))

    def _name(self) -> str:
        return "".join(self._random.choices(NAMES, k=16))


def _entry(order: Order, status: str, changed: int) -> DiffEntry:
    if status == "completed":
        return DiffEntry(d=order.created, o=order.oid, r=order.rate, s=status, t=order.side, z=changed)
    return DiffEntry(
        a=order.amount_text,
        d=order.created,
        o=order.oid,
        r=order.rate,
        s=status,
        t=order.side,
        v=order.value_text,
        z=changed,
    )
