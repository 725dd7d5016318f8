"""The rules of returns. A return is the schedule that ends a temporary scale: it restores, once, its restore points. Pure.

Temporary scales of one workload can be stacked: each restore point names the return beneath it (`over`). A return that
is done hands its restore points over to the return on top of it, so that the order of the returns does not matter.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from kubedoor.model.schedules import Schedule
from kubedoor.operations.request import ActionRequest, Kind, RestorePoint, Target, parse


def build_return(
    schedule: Schedule,
    request: ActionRequest,
    state: Mapping[Target, RestorePoint],
    *,
    now: datetime,
    who: str,
    until: datetime | None = None,
) -> Schedule | None:
    """`state`: the restore points of the workloads to scale; `until`: else as long after `now` as the schedule says.

    None: there is nothing to restore.
    """
    if not state:
        return None
    targets = tuple(Target(one.namespace, one.deployment, None, point) for one, point in state.items())
    at = until or now + timedelta(minutes=schedule.return_after_minutes, seconds=59)
    note = f"return of {schedule.name}"
    # A workload that cannot be restored must not stop the others.
    restore = replace(request, kind=Kind.SCALE, replicas=None, targets=targets, stop_on_failure=False, note=note)
    return Schedule(
        schedule=uuid.uuid4().hex[:12],
        name=f"{schedule.name}: return"[:100],
        wish=restore.as_json(),
        time_zone=schedule.time_zone,
        made_by=who,
        at=at.replace(second=0, microsecond=0),
        parent=schedule.schedule,
        changed_by=who,
    )


def restore_points(schedule: Schedule) -> Iterator[tuple[Target, RestorePoint]]:
    """Empty for a schedule that is not a return."""
    if not schedule.parent:
        return
    for target in parse(schedule.wish).targets:
        if target.back_to:
            yield plain(target), target.back_to


def return_in_force(target: Target, manual: int | None, pending: Iterable[Schedule]) -> str:
    """The id of the return whose temporary scale set the manual value of a workload; empty: there is none."""
    if manual is None:
        return ""
    key = plain(target)
    points = {one.schedule: point for one in pending for scaled, point in restore_points(one) if scaled == key}
    beneath = {point.over for point in points.values()}
    return next((name for name, point in points.items() if point.temporary == manual and name not in beneath), "")


def stacked_on(schedule: Schedule, target: Target, pending: Iterable[Schedule]) -> list[RestorePoint]:
    """The restore points of the temporary scales that were stacked on the one that this return ends."""
    here = (plain(target), schedule.schedule)
    return [point for one in pending for scaled, point in restore_points(one) if (scaled, point.over) == here]


def handed_over(schedule: Schedule, done: Schedule, targets: Collection[Target]) -> Schedule | None:
    """The return `schedule` with the restore points of `done` for those of `targets` where it is stacked on `done`.

    None: there are no such workloads.
    """
    done_points, request = dict(restore_points(done)), parse(schedule.wish)

    def inherit(target: Target) -> Target:
        point, lower = target.back_to, done_points.get(plain(target))
        if not point or not lower or point.over != done.schedule or plain(target) not in targets:
            return target
        return replace(target, back_to=replace(point, manual=lower.manual, live=lower.live, over=lower.over))

    inherited = tuple(map(inherit, request.targets))
    return (
        None if inherited == request.targets else replace(schedule, wish=replace(request, targets=inherited).as_json())
    )


def without_targets(schedule: Schedule, targets: Collection[Target]) -> Schedule | None:
    """The return without these workloads; None: no other one is left."""
    request = parse(schedule.wish)
    rest = tuple(target for target in request.targets if plain(target) not in targets)
    return replace(schedule, wish=replace(request, targets=rest).as_json()) if rest else None


def effective_restore_points(
    schedule: Schedule, pending: Iterable[Schedule], *, at: datetime
) -> dict[Target, RestorePoint]:
    """The restore points of a return at this time: skips returns beneath it that are due by then."""
    points = dict(restore_points(schedule))
    for target, _, lower in _due_beneath(schedule, pending, at):
        points[target] = replace(points[target], manual=lower.manual, live=lower.live, over=lower.over)
    return points


def skipped_beneath(
    schedule: Schedule, targets: Collection[Target], pending: Iterable[Schedule], *, at: datetime
) -> list[tuple[str, Target]]:
    """The returns that `effective_restore_points` skips, from the top down, each with the workload."""
    return [(name, target) for target, name, _ in _due_beneath(schedule, list(pending), at) if target in targets]


def _due_beneath(
    schedule: Schedule, pending: Iterable[Schedule], at: datetime
) -> Iterator[tuple[Target, str, RestorePoint]]:
    """By workload, from the top down: the id and the restore point of each return beneath that is due."""
    due = {one.schedule: dict(restore_points(one)) for one in pending if one.at and one.at <= at and not one.paused}
    for target, point in restore_points(schedule):
        while lower := due.get(point.over, {}).get(target):
            yield target, point.over, lower
            point = lower


def plain(target: Target) -> Target:
    """Without replicas and restore point: a key."""
    return Target(target.namespace, target.deployment)
