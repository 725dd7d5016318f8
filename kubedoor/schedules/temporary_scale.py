"""What ends a temporary scale: a schedule for once that sets back what was found. Pure.

Of temporary scales on top of each other each knows the one beneath. Whichever ends first, what it found is what the one
on top of it goes back to.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from kubedoor.model.schedules import Schedule
from kubedoor.operations.request import BackTo, Kind, Target, Wish, parse


def return_of(
    schedule: Schedule,
    wish: Wish,
    found: Mapping[Target, BackTo],
    earlier: Sequence[Schedule],
    *,
    now: datetime,
    who: str,
) -> Schedule | None:
    """`found`: what each workload that is scaled had; `earlier`: returns of the same schedule that are still to come.

    None: there is nothing to go back to.
    """
    back_to = {_plain(target): back for target, back in found.items()}
    for one in earlier:
        # What is not scaled this time goes back with the rest.
        back_to |= {target: back for target, back in backs(one) if target not in back_to}
    if not back_to:
        return None
    targets = tuple(Target(one.namespace, one.deployment, None, back) for one, back in back_to.items())
    at = now + timedelta(minutes=schedule.return_after_minutes, seconds=59)
    note = f"return of {schedule.name}"
    # One workload that cannot go back keeps no other from it.
    back = replace(wish, kind=Kind.SCALE, replicas=None, targets=targets, stop_on_failure=False, note=note)
    return Schedule(
        schedule=uuid.uuid4().hex[:12],
        name=f"{schedule.name}: return"[:100],
        wish=back.as_json(),
        time_zone=schedule.time_zone,
        made_by=who,
        at=at.replace(second=0, microsecond=0),
        parent=schedule.schedule,
        changed_by=who,
    )


def backs(schedule: Schedule) -> Iterator[tuple[Target, BackTo]]:
    """What a return goes back to; of anything else nothing."""
    if not schedule.parent:
        return
    for target in parse(schedule.wish).targets:
        if target.back_to:
            yield _plain(target), target.back_to


def beneath(target: Target, manual: int | None, pending: Iterable[Schedule]) -> str:
    """The return whose temporary scale a workload with this manual value is under now; empty: none."""
    if manual is None:
        return ""
    plain = _plain(target)
    found = {one.schedule: back for one in pending for scaled, back in backs(one) if scaled == plain}
    under = {back.over for back in found.values()}
    return next((name for name, back in found.items() if back.temporary == manual and name not in under), "")


def on_top(schedule: Schedule, target: Target, pending: Iterable[Schedule]) -> list[BackTo]:
    """What was found by temporary scales that were made on top of the one that this return ends."""
    plain = _plain(target)
    return [back for one in pending for scaled, back in backs(one) if (scaled, back.over) == (plain, schedule.schedule)]


def handed_over(schedule: Schedule, done: Schedule) -> Schedule | None:
    """A return that goes back to what `done` would have gone back to, where it is on top of it; None: nowhere."""
    under, wish = dict(backs(done)), parse(schedule.wish)

    def moved(target: Target) -> Target:
        back, lower = target.back_to, under.get(_plain(target))
        if not back or not lower or back.over != done.schedule:
            return target
        return replace(target, back_to=replace(back, manual=lower.manual, live=lower.live, over=lower.over))

    targets = tuple(map(moved, wish.targets))
    return None if targets == wish.targets else replace(schedule, wish=replace(wish, targets=targets).as_json())


def goes_back_to(schedule: Schedule, pending: Iterable[Schedule], *, at: datetime) -> dict[Target, BackTo]:
    """What a return that comes at this time goes back to: not to a temporary number whose own end has come by then."""
    found = dict(backs(schedule))
    for target, _, lower in _ended_beneath(schedule, pending, at):
        found[target] = replace(found[target], manual=lower.manual, live=lower.live, over=lower.over)
    return found


def without_ended(schedule: Schedule, pending: Iterable[Schedule], *, at: datetime) -> Iterator[tuple[Schedule, bool]]:
    """Returns that one which came at this time has done as well, without what it has; and whether nothing is left."""
    pending = list(pending)
    ended: dict[str, set[Target]] = {}
    for target, name, _ in _ended_beneath(schedule, pending, at):
        ended.setdefault(name, set()).add(target)
    for one in pending:
        if one.schedule in ended:
            wish = parse(one.wish)
            rest = tuple(target for target in wish.targets if _plain(target) not in ended[one.schedule])
            yield replace(one, wish=replace(wish, targets=rest).as_json()) if rest else one, not rest


def _ended_beneath(
    schedule: Schedule, pending: Iterable[Schedule], at: datetime
) -> Iterator[tuple[Target, str, BackTo]]:
    """The returns beneath it whose own time has come by then, from the top down."""
    ended = {one.schedule: dict(backs(one)) for one in pending if one.at and one.at <= at and not one.paused}
    for target, back in backs(schedule):
        while lower := ended.get(back.over, {}).get(target):
            yield target, back.over, lower
            back = lower


def _plain(target: Target) -> Target:
    return Target(target.namespace, target.deployment)
