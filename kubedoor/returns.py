"""What ends a temporary scale: a schedule for once that sets back what was found. Pure."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from kubedoor.scheduling import Schedule
from kubedoor.wishes import BackTo, Kind, Target, Wish, parse


def return_of(
    schedule: Schedule,
    wish: Wish,
    found: Mapping[Target, BackTo],
    earlier: Sequence[Schedule],
    *,
    now: datetime,
    who: str,
) -> Schedule:
    """`found`: what each workload that is scaled had; `earlier`: returns of the same schedule that are still to come."""
    back_to = {_plain(target): back for target, back in found.items()}
    for one in earlier:
        # What an unfinished temporary scale left behind is not what there was before.
        back_to |= {_plain(target): target.back_to for target in parse(one.wish).targets if target.back_to}
    targets = tuple(Target(one.namespace, one.deployment, None, back) for one, back in back_to.items())
    at = now + timedelta(minutes=schedule.return_after_minutes, seconds=59)
    back = replace(wish, kind=Kind.SCALE, replicas=None, targets=targets, note=f"return of {schedule.name}")
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


def _plain(target: Target) -> Target:
    return Target(target.namespace, target.deployment)
