"""What is behind: a product that was made from something else than what its inputs are now, or by other code, or never.

What stands on something that is behind is so, too. What lacks an input waits: it is not behind, nor is it up to date. Reads
metadata only.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from cryptodudez_assets.lake.iceberg.provenance import MadeFrom
from cryptodudez_assets.lake.lake import Lake, now
from cryptodudez_assets.products.look import Look

NAMED = 3


@dataclass(frozen=True)
class Product:
    """Something that is made of tables.

    `names`: of the assets that are made together, the first being the product's own; a table's is the table's name.
    `inputs`: tables (or models) that it needs. `code_hash`: None where other code is no reason to make it anew.
    `made_from`: reads what it was made from; None where it is not there, or not whole.
    `concerns`: whether there is anything for it to be about. `rests`: whether it is left as it is for the time being.
    `held`: why nothing could be made of these very inputs.
    """

    names: tuple[str, ...]
    inputs: Callable[[Look], Sequence[str]]
    code_hash: str | None
    made_from: Callable[[Look], MadeFrom | None]
    concerns: Callable[[Look], bool] = lambda _: True
    rests: Callable[[Look], bool] = lambda _: False
    held: Callable[[Look, dict[str, int]], str | None] = lambda _, __: None
    absent: Callable[[Collection[str]], int | None] = lambda _: None
    """What stands for an input that is empty, where that is no reason to wait; given the tables that there are, or are about to be."""
    may_be_absent: frozenset[str] = frozenset()
    """Inputs that are left out while they are not there, unless none is."""


@dataclass(frozen=True)
class Behind:
    """A product that is to be made (again): why, because of which inputs, and since when, where that can be told."""

    name: str
    names: tuple[str, ...]
    reason: str
    inputs: tuple[str, ...] = ()
    since: datetime | None = None
    itself: bool = True
    """Rather than for standing on something that is."""

    def __str__(self) -> str:
        return f"{self.name}: {self.reason}" + (f", since {self.since:%Y-%m-%d %H:%M:%S} UTC" if self.since else "")


@dataclass(frozen=True)
class Waiting:
    """A product that cannot be made: for want of these inputs, or for the reason that its maker gave."""

    name: str
    names: tuple[str, ...]
    inputs: tuple[str, ...] = ()
    reason: str | None = None


@dataclass(frozen=True)
class Standing:
    """How all products stand."""

    behind: list[Behind] = field(default_factory=list)
    waiting: list[Waiting] = field(default_factory=list)


def standing(lake: Lake, products: Iterable[Product], changing: Collection[str] = ()) -> Standing:
    """How these products stand, each given behind those that it is made from. `changing`: tables that are about to change."""
    look, found = Look(lake), Standing()
    because: dict[str, Behind | None] = dict.fromkeys(changing)
    try:
        for product in products:
            if not product.concerns(look) or product.rests(look):
                continue
            one = _stands(look, product, because)
            if isinstance(one, Waiting):
                found.waiting.append(one)
            elif one is not None:
                found.behind.append(one)
                because |= dict.fromkeys(product.names, one)
    finally:
        look.close()
    return found


def _stands(look: Look, product: Product, because: dict[str, Behind | None]) -> Behind | Waiting | None:
    inputs = _inputs(look, product, because)
    missing = tuple(name for name, content in inputs.items() if content is None and name not in because)
    absent = product.absent([*look.names, *because]) if missing else None
    if missing and absent is None:
        return Waiting(product.names[0], product.names, missing)
    moving = [name for name in inputs if name in because]
    present = {name: absent if content is None and name in missing else content for name, content in inputs.items()}
    contents = {name: content for name, content in present.items() if content is not None}
    if not moving and (why := product.held(look, contents)):
        return Waiting(product.names[0], product.names, reason=why)
    found, of_others = _reason(look, product, tuple(inputs), contents), _behind_others(product, moving, because)
    # Of an input that is not there yet, its maker knows since when.
    return replace(found, since=of_others.since) if found and of_others and not found.since else found or of_others


def _inputs(look: Look, product: Product, because: Collection[str]) -> dict[str, int | None]:
    """What each input holds now; without those that are not there and may be absent."""
    inputs = {name: look.content(name) for name in product.inputs(look)}
    absent = {name for name in product.may_be_absent if inputs[name] is None and name not in because}
    return inputs if len(absent) == len(inputs) else {name: inputs[name] for name in inputs if name not in absent}


def _reason(look: Look, product: Product, inputs: Sequence[str], contents: dict[str, int]) -> Behind | None:
    made = product.made_from(look)

    def behind(reason: str, because_of: Iterable[str], since: datetime | None = None) -> Behind:
        return Behind(product.names[0], product.names, reason, tuple(because_of), since)

    if made is None:
        there = [at for name in contents if (at := look.changed_at(name, None))]
        return behind("it is not there, or not whole", inputs, max(there, default=None))
    changed = [name for name, content in contents.items() if made.inputs.get(name) != content]
    changed += [name for name in made.inputs if name not in contents]
    if changed:
        times = [at for name in changed if (at := look.changed_at(name, made.inputs.get(name)))]
        return behind(f"{_named(changed)} changed", changed, min(times, default=None))
    if product.code_hash is not None and made.code_hash != product.code_hash:
        return behind("its code changed", inputs)
    if made.is_over(now()):
        return behind("what had to wait can be known now", inputs, made.until)
    return None


def _behind_others(product: Product, moving: Sequence[str], because: dict[str, Behind | None]) -> Behind | None:
    if not moving:
        return None
    known = [one for name in moving if (one := because[name])]
    since = min((one.since for one in known if one.since), default=None)
    reason = f"{_named(moving)} {'is' if len(moving) == 1 else 'are'} behind"
    return Behind(product.names[0], product.names, reason, tuple(moving), since, itself=False)


def _named(names: Sequence[str]) -> str:
    return ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")


def causes(found: Standing) -> Iterator[tuple[str, list[str]]]:
    """What is waited for in the end, and the products that wait for it: what waits for another is told with that one."""
    waiting = {name: one for one in found.waiting for name in one.names}
    told: dict[str, list[str]] = {}
    for one in found.waiting:
        for cause in _roots(one, waiting):
            told.setdefault(cause, []).append(one.name)
    yield from told.items()


def _roots(one: Waiting, waiting: dict[str, Waiting]) -> set[str]:
    if one.reason is not None:
        return {one.reason}
    return {root for name in one.inputs for root in (_roots(waiting[name], waiting) if name in waiting else {name})}
