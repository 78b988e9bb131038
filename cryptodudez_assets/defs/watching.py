"""What Dagster and the lake know that people should be told: failed checks, old data, drift, decisions, books that nobody records.

Asked by the sensor `notifies` and at the end of headless runs alike, so that both say the same. Keeping and sending events is in
`notifications/`; alerts of a recorder come from the recorder.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import dagster as dg

from cryptodudez_assets.declared_models.signal import SignalModel
from cryptodudez_assets.declared_rules import rules_about
from cryptodudez_assets.declared_rules.declaration import (
    DecisionChanged,
    Drift,
    FailedCheck,
    LowQuality,
    NoRecords,
    Notify,
    StaleData,
)
from cryptodudez_assets.lake.lake import Lake, now
from cryptodudez_assets.notifications.event import Event, Kind
from cryptodudez_assets.notifications.incidents import Finding, Told, events_of
from cryptodudez_assets.notifications.outbox import Outbox
from cryptodudez_assets.recorder.dead_man import silent_books

FRESH, NO_DRIFT, QUALITY, REPLACED = "fresh", "no_drift", "quality", "replaced"
RESTING = "HODL"


@dataclass(frozen=True)
class WatchedCheck:
    """A check that a rule is about, and what its incidents are about. `errors_only`: a warning is no failure."""

    rule: Notify
    key: dg.AssetCheckKey
    subject: str
    errors_only: bool


def watched_checks(checks: Iterable[dg.AssetsDefinition]) -> list[WatchedCheck]:
    """What the declared rules are about among these."""
    specs = [spec for definition in checks for spec in definition.check_specs]  # checks are assets to Dagster
    return [
        *_watched(FailedCheck, specs, lambda spec: spec.blocking, _table_and_check, True),
        *_watched(StaleData, specs, lambda spec: spec.name == FRESH, _table, False),
        *_watched(LowQuality, specs, lambda spec: spec.name in (QUALITY, REPLACED), _table_and_check, False),
        *_watched(Drift, specs, lambda spec: spec.name == NO_DRIFT, _table, False),
    ]


def look(
    instance: dg.DagsterInstance,
    lake: Lake,
    outbox: Outbox,
    checks: Sequence[WatchedCheck],
    models: Sequence[SignalModel],
) -> list[Event]:
    """Look at everything and put what is new into the outbox; gives that."""
    at, incidents = now(), outbox.incidents()
    second = int(at.timestamp())
    events: list[Event] = []
    for rule, findings in _findings_of_checks(instance, checks):
        of_rule = [one.subject for one in checks if one.rule == rule]
        events += events_of(_told(rule), findings, incidents, second, looked_after=of_rule)
    for rule, books in rules_about(NoRecords):
        events += events_of(_told(rule), silent_books(lake, books, at), incidents, second, looked_after=books.books)
    for rule, _ in rules_about(DecisionChanged):
        events += [event for model in models if (event := _changed(lake, outbox, rule, model, at))]
    return outbox.put(events)


def _watched(
    condition: type[FailedCheck | LowQuality | StaleData | Drift],
    specs: Sequence[dg.AssetCheckSpec],
    is_meant: Callable[[dg.AssetCheckSpec], bool],
    subject: Callable[[dg.AssetCheckKey], str],
    errors_only: bool,
) -> Iterator[WatchedCheck]:
    for rule, _ in rules_about(condition):
        for spec in filter(is_meant, specs):
            yield WatchedCheck(rule, spec.key, subject(spec.key), errors_only)


def _findings_of_checks(
    instance: dg.DagsterInstance, checks: Sequence[WatchedCheck]
) -> Iterator[tuple[Notify, list[Finding]]]:
    """By rule, what each check said last. One that died with its run, or never ran, has said nothing."""
    records = instance.event_log_storage.get_latest_asset_check_execution_by_key([one.key for one in checks])
    by_rule: dict[str, tuple[Notify, list[Finding]]] = {one.rule.name: (one.rule, []) for one in checks}
    for one in checks:
        record = records.get(one.key)
        evaluation = record.evaluation if record else None
        if record is None or not isinstance(evaluation, dg.AssetCheckEvaluation):
            continue
        is_error = evaluation.severity == dg.AssetCheckSeverity.ERROR
        at = int(record.event.timestamp if record.event else record.create_timestamp)
        finding = Finding(
            one.subject,
            is_wrong=not evaluation.passed and (is_error or not one.errors_only),
            since=at,
            text=evaluation.description or "The check does not say why.",
            details={"asset": one.key.asset_key.to_user_string(), "check": one.key.name, "run": record.run_id or None},
        )
        by_rule[one.rule.name][1].append(finding)
    yield from by_rule.values()


def _changed(lake: Lake, outbox: Outbox, rule: Notify, model: SignalModel, at: datetime) -> Event | None:
    """That a signal says something else than when it was last told; before that it said nothing, which is HODL."""
    from cryptodudez_assets.models.signal.deciding import decision_now

    decided, last = decision_now(lake.settings, model, at), outbox.last(rule.name, model.name)
    before = last.details.get("decision", RESTING) if last else RESTING
    if decided is None or decided.decision == before:
        return None
    # The same features may come to say something else, twice: it is another event each time.
    since = max(int(decided.since.timestamp()), last.started_at + 1 if last else 0)
    because = " ".join(["", *decided.reasons])
    return Event(
        rule=rule.name,
        subject=model.name,
        kind=Kind.HAPPENED,
        started_at=since,
        at=since,
        severity=rule.severity,
        title=f"{model.title}: {decided.decision}",
        text=f"The {model.title} says {decided.decision}, after {before}; by {decided.model}.{because}",
        details={"decision": decided.decision, "before": before, "model": decided.model},
    )


def _told(rule: Notify) -> Told:
    return Told(rule.name, rule.title, rule.severity, int(rule.quiet_for.total_seconds()))


def _table_and_check(key: dg.AssetCheckKey) -> str:
    return f"{_table(key)} {key.name}"


def _table(key: dg.AssetCheckKey) -> str:
    return ".".join(key.asset_key.path)
