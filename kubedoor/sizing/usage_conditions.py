"""Conditions that come from the usage days themselves: too few, thin, implausible, or with OOM kills. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable

from kubedoor.model.conditions import MEMORY_LIMIT, MEMORY_REQUEST, REPLICAS, ConditionType, Withheld
from kubedoor.model.usage import UsageDay
from kubedoor.sentences import sentence
from kubedoor.sizing.assessment import Assessment, written
from kubedoor.sizing.options import MEBIBYTE

MIN_WHOLE_DAYS = 3
RAISED_LIMIT = 1.25
"""Proposed limit after an OOM kill, as a multiple of the one that was too small."""
_ALL_REPLICAS = Withheld("", REPLICAS)
_COVERAGES: tuple[tuple[ConditionType, str, Callable[[UsageDay], float], str], ...] = (
    (ConditionType.LOW_COVERAGE, "TooFewSamples", lambda row: row.coverage, "of the window have samples"),
    (
        ConditionType.PODS_NOT_SEEN,
        "PodsWithoutUsage",
        lambda row: row.pods_coverage,
        "of the listed pods have samples: the others' nodes may not be scraped",
    ),
)


def _share(value: float) -> str:
    return f"{value:.0%}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def short_history(one: Assessment) -> None:
    """Of the workload; or of a container of it that is new."""
    days = len(one.evidence.whole_days)
    if days < MIN_WHOLE_DAYS:
        withheld = (*one.lowered(), *((_ALL_REPLICAS,) if one.lowers_replicas else ()))
        _too_few_days(one, "", days, withheld)
        return
    for container in one.evidence.current:
        days = one.evidence.whole_days_of(container)
        # One without any whole day is thin.
        if 0 < days < MIN_WHOLE_DAYS:
            _too_few_days(one, container, days, _lowered_of(one, {container}))


def _too_few_days(one: Assessment, container: str, days: int, withheld: tuple[Withheld, ...]) -> None:
    of = f" of {container}" if container else ""
    one.add(
        ConditionType.SHORT_HISTORY,
        "TooFewDays",
        f"There {'is' if days == 1 else 'are'} {_count(days, 'whole day')} of usage{of}, and {MIN_WHOLE_DAYS} are wanted before anything is lowered.",
        withholds=withheld,
        container=container,
        days=days,
        wanted=MIN_WHOLE_DAYS,
    )


def thin(one: Assessment) -> None:
    """Where a container has no whole day, what decides for want of a better lowers nothing and sets no replicas."""
    rows, least = one.evidence.thin_deciding(), one.options.min_coverage
    for kind, reason, share, words in _COVERAGES:
        if of := [row for row in rows if share(row) < least]:
            best = max(of, key=lambda row: (share(row), row.day))
            one.add(
                kind,
                reason,
                f"At best {_share(share(best))} {words} ({best.container}, {best.day}), and {_share(least)} are wanted.",
                withholds=_lowering_of(one, {row.container for row in of}),
                container=best.container,
                day=str(best.day),
                share=round(share(best), 4),
                wanted=least,
            )
    if partial := [row for row in rows if row.is_partial]:
        newest = max(row.day for row in partial)
        one.add(
            ConditionType.PARTIAL_DATA,
            "PartialAnswer",
            f"There is no whole day, and {newest} is partial: Prometheus answered with a part of its data, or kube-state-metrics"
            " listed a part of the pods.",
            withholds=_lowering_of(one, {row.container for row in partial}),
            day=str(newest),
        )


def _lowering_of(one: Assessment, containers: set[str]) -> tuple[Withheld, ...]:
    # A container that is new says nothing against the replicas of whole days.
    return (*_lowered_of(one, containers), *(() if one.evidence.whole_days else (_ALL_REPLICAS,)))


def _lowered_of(one: Assessment, containers: set[str]) -> tuple[Withheld, ...]:
    return tuple(withheld for withheld in one.lowered() if withheld.container in containers)


def implausible(one: Assessment) -> None:
    rows = [row for row in one.evidence.history if row.dropped_samples]
    if not rows:
        return
    worst = max(rows, key=lambda row: (row.dropped_samples, row.day))
    samples = sum(row.dropped_samples for row in rows)
    one.add(
        ConditionType.IMPLAUSIBLE_USAGE,
        "SamplesDropped",
        f"{_count(samples, 'sample')} that no container of its kind can use {'was' if samples == 1 else 'were'} dropped,"
        f" {worst.dropped_samples} of {worst.container} on {worst.day}.",
        samples=samples,
        container=worst.container,
        day=str(worst.day),
    )


def _killed(one: Assessment, container: str) -> tuple[UsageDay, ...]:
    return tuple(row for row in one.evidence.history if row.container == container and row.oom_kills)


def raise_after_oom(one: Assessment) -> None:
    """What was killed wanted more than it had: its P95 says nothing of that."""
    for container in one.values:
        if rows := _killed(one, container):
            seen = max(row.memory_max_bytes for row in one.evidence.history if row.container == container)
            seen = -(-seen // MEBIBYTE) * MEBIBYTE
            if seen > (one.amount(container, MEMORY_REQUEST) or 0):
                kills = sum(row.oom_kills for row in rows)
                why = sentence("sizing.oom_maximum", kills=kills)
                one.move(container, MEMORY_REQUEST, seen, why)


def oom_killed(one: Assessment) -> None:
    for container in one.values:
        if not (rows := _killed(one, container)):
            continue
        kills, newest = sum(row.oom_kills for row in rows), max(row.day for row in rows)
        limit = one.found(container, MEMORY_LIMIT)
        proposed = -(-math.ceil(limit * RAISED_LIMIT) // MEBIBYTE) * MEBIBYTE if limit else None
        lowered = tuple(withheld for withheld in _lowered_of(one, {container}) if withheld.field == MEMORY_REQUEST)
        one.add(
            ConditionType.OOM_KILLED,
            "KilledForMemory",
            f"{container} was OOM-killed {_count(kills, 'time')}, last on {newest}"
            + (
                f", at a memory limit of {written(MEMORY_LIMIT, limit)}: set {written(MEMORY_LIMIT, proposed)} or more."
                if limit
                else ": its memory request is not lowered."
            ),
            withholds=lowered,
            container=container,
            kills=kills,
            day=str(newest),
            limit=written(MEMORY_LIMIT, limit),
            proposed_limit=written(MEMORY_LIMIT, proposed),
        )
