"""A study as rows of its table: one number each, with its n."""

from collections.abc import Iterator

import polars as pl

from cryptodudez_assets.contracts.base import polars_schema
from cryptodudez_assets.studies.contract import KEY, DogecoinStudy
from cryptodudez_assets.studies.dogecoin import ASSET, CONTROL, EVENT_WINDOW, TERM, YEAR, Event, Study
from cryptodudez_assets.studies.event_study import Cumulative, Window

Row = dict[str, object]


def rows_of(study: Study) -> pl.DataFrame:
    """All numbers of the study."""
    found = [_row("events", study.n_events, study.n_events), _row("event days", study.n_event_days, study.n_event_days)]
    if study.mean:
        mean = study.mean
        found.append(_row("mean cumulative abnormal return", mean.value, mean.n, window=named(EVENT_WINDOW), z=mean.z))
    if study.event:
        found += [*_of_event(study.event), *_correlations(study)]
    found += list(_of_terms(study))
    return pl.DataFrame(found, schema=polars_schema(DogecoinStudy)).sort(KEY)


def named(window: Window) -> str:
    """`[0, +3]`, as windows are written."""
    return f"[{', '.join(f'{end:+d}' if end else '0' for end in window)}]"


def _row(measure: str, value: float | None, n: int, **more: object) -> Row:
    rest = {"term": TERM, "period": str(YEAR), "window": "", "z": None, "p": None, "q": None} | more
    return {"measure": measure, "value": None if value is None else float(value), "n": n, **rest}


def _of_event(event: Event) -> Iterator[Row]:
    model, before = event.model, {"window": f"{event.model.n} days before", "term": ""}
    yield _row("alpha", model.alpha, model.n, **before)
    yield _row(f"beta on {CONTROL}", model.beta, model.n, **before)
    yield _row("residual deviation", model.sd, model.n, **before)
    yield _row("tweets", event.n_tweets, len(event.days), window=str(event.day))
    yield _row(f"return of {ASSET}", event.asset_return, 1, window="0")
    yield _row(f"return of {CONTROL}", event.control_return, 1, window="0")
    for offset, one in event.single.items():
        yield _of_window("abnormal return", f"{offset:+d}" if offset else "0", one)
    for window, one in event.windows.items():
        yield _of_window("cumulative abnormal return", named(window), one)
        if one.n:
            yield _row("highest placebo", one.placebos.max(), one.n, window=named(window))
            yield _row("lowest placebo", one.placebos.min(), one.n, window=named(window))


def _of_window(measure: str, window: str, one: Cumulative) -> Row:
    return _row(measure, one.value, one.n, window=window, z=one.z, p=one.p)


def _correlations(study: Study) -> Iterator[Row]:
    for measure, series in (("return", study.raw), ("abnormal return", study.abnormal)):
        for one in series:
            yield _row(
                f"correlation with {measure}",
                one.correlation,
                one.n,
                window=f"{one.lead:+d}" if one.lead else "0",
                p=one.p,
            )


def _of_terms(study: Study) -> Iterator[Row]:
    for one in study.effects:
        about = {"term": one.term, "period": one.period}
        yield _row("mean abnormal return with the term", one.mean, one.n_days, **about)
        yield _row("mean abnormal return without", one.mean_other, one.n_other, **about)
        yield _row("difference of means", one.difference, one.n_days, p=one.p, q=one.q, **about)


def key_numbers(study: Study) -> dict[str, float | int | str]:
    """The few numbers that say most, for the history of the asset in the UI."""
    found: dict[str, float | int | str] = {"events": study.n_events, "event_days": study.n_event_days}
    if study.trouble:
        found["no_event_because"] = study.trouble
    if event := study.event:
        main = event.windows[EVENT_WINDOW]
        found |= {"beta": event.model.beta, "car": main.value, "car_z": main.z, "placebo_windows": main.n}
        found |= {"car_p": main.p} if main.p is not None else {}
        found |= {"abnormal_return_day_before": event.single[-1].value} if -1 in event.single else {}
    return found
