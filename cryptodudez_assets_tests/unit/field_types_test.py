"""What a declaration's fields hold is told where it is another type than they say: of every kind of declaration, whatever the field."""

from dataclasses import fields, replace
from datetime import timedelta

import pytest

from cryptodudez_assets.declared_models import all_models
from cryptodudez_assets.declared_models.signal import Coin, SignalModel
from cryptodudez_assets.derived import Daily, Derived, Input
from cryptodudez_assets.features import all_views
from cryptodudez_assets.field_types import wrong_field
from cryptodudez_assets.sources import all_sources
from cryptodudez_assets_tests.declared_tables import TOY_TABLES

DECLARED = [*all_sources().values(), *TOY_TABLES.values(), *all_views().values(), *all_models().values()]
SIGNAL = next(one for one in DECLARED if isinstance(one, SignalModel))
VIEW = all_views()["crypto_daily"]


class Odd:
    """No declaration expects this."""

    def __repr__(self) -> str:
        return "<odd>"


@pytest.mark.parametrize("declared", DECLARED, ids=lambda one: f"{type(one).__name__}-{one.name}")
def test_what_is_declared_here_holds_what_it_says(declared: object) -> None:
    assert wrong_field(declared) is None


@pytest.mark.parametrize(
    "declared", [DECLARED[0], next(iter(TOY_TABLES.values())), VIEW, SIGNAL, Daily("day"), Input("a.b", ["c"])]
)
def test_any_field_that_holds_something_odd_is_named(declared: object) -> None:
    for one in fields(declared):  # type: ignore[arg-type]
        if one.init:
            before = getattr(declared, one.name)
            object.__setattr__(declared, one.name, Odd())
            try:
                assert (wrong_field(declared) or "").startswith(f"{one.name}=<odd>: expected "), one.name
            finally:
                object.__setattr__(declared, one.name, before)


@pytest.mark.parametrize(
    ("declared", "why"),
    [
        (replace(SIGNAL, coin="SOL"), "coin='SOL': expected a Coin"),
        (replace(SIGNAL, options={"folds": 3}), "options={'folds': 3}: expected a SignalOptions"),
        (replace(SIGNAL, others="btc_return"), "others='btc_return': expected a tuple, a text each: (…,)"),
        (replace(SIGNAL, others=["btc_return"]), "others=['btc_return']: expected a tuple, a text each: (…,)"),
        (replace(SIGNAL, coin=Coin("SOL", "Solana", terms="solana")), "coin.terms='solana': expected a tuple"),
        (replace(SIGNAL, place=True), "place=True: expected a whole number"),
        (replace(VIEW, ttl=3), "ttl=3: expected a timedelta such as timedelta(days=3)"),
        (replace(VIEW, window=7), "window=7: expected a timedelta such as timedelta(days=3) or None"),
        (replace(VIEW, inputs=["market.x"]), "inputs=['market.x']: expected a list, an Input each"),
        (replace(VIEW, inputs=[Input("market.x", "close")]), "inputs.columns='close': expected a list, a text each"),
        (replace(VIEW, inputs=[Input("market.x", ["a"], reaches=3)]), "inputs.reaches=3: expected 'keys' or"),
        (replace(VIEW, tags={"a": 1}), "tags={'a': 1}: expected a dict"),
    ],
)
def test_it_is_said_what_was_expected(declared: object, why: str) -> None:
    assert (wrong_field(declared) or "").startswith(why)


@pytest.mark.parametrize(
    "make", [lambda: replace(VIEW, key="symbol"), lambda: replace(next(iter(TOY_TABLES.values())), key="symbol")]
)
def test_a_key_that_is_one_text_is_not_taken_for_its_letters(make: object) -> None:
    with pytest.raises(ValueError, match="key='symbol': expected a list of columns"):
        make()  # type: ignore[operator]


def test_a_whole_number_is_a_number() -> None:
    assert wrong_field(replace(VIEW, ttl=timedelta(days=1), window=None)) is None
    assert isinstance(next(iter(TOY_TABLES.values())), Derived)
