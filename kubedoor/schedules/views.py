"""A schedule as the API and the audit log show it: with its state, its next run, its newest runs and missed runs. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from kubedoor.model.schedules import Schedule
from kubedoor.operations.request import ActionRequest, Target, parse
from kubedoor.schedules.rules import is_over, missed, next_due

SHOWN_RUNS = 20


def audit_view(schedule: Schedule) -> dict[str, Any]:
    """The fields that a person sets."""
    return {
        "name": schedule.name,
        "cron": schedule.cron or None,
        "at": schedule.at,
        "time_zone": schedule.time_zone,
        "return_after_minutes": schedule.return_after_minutes or None,
        "paused": schedule.paused,
        "wish": schedule.wish,
    }


def concerns(schedule: Schedule, namespace: str, deployment: str) -> bool:
    """Whether it is for a workload of this namespace and name; empty strings match all."""
    return any(
        (not namespace or one["namespace"] == namespace) and (not deployment or one["deployment"] == deployment)
        for one in schedule.wish["targets"]
    )


def scale_name(request: ActionRequest) -> str:
    """What a temporary scale without a schedule is called, in any language: `shop/web, +2 = 6`."""
    first, more = request.targets[0], len(request.targets) - 1
    numbers = sorted({number for one in request.targets if (number := request.replicas_of(one)) is not None})
    return f"{first}{f', +{more}' if more else ''} = {', '.join(map(str, numbers))}"


def schedule_view(
    schedule: Schedule,
    runs: Sequence[Mapping[str, Any]],
    begun: Collection[datetime],
    now: datetime,
    states: Mapping[str, str],
    returns_to: Mapping[Target, int],
) -> dict[str, Any]:
    """`runs`: newest first; `begun`: due times of the started runs of the last days; `states`: by action."""
    dues = [run["due"] for run in runs]
    over = is_over(schedule, dues, now)
    missed_runs, missed_count = missed(schedule, begun, now, limit=SHOWN_RUNS)
    return {
        **audit_view(schedule),
        "schedule": schedule.schedule,
        "version": schedule.version,
        "state": "over" if over else "paused" if schedule.paused else "active",
        "parent": schedule.parent or None,
        "made_by": schedule.made_by,
        "changed_by": schedule.changed_by,
        "changed_at": schedule.changed_at,
        "next_at": None if over else next_due(schedule, now),
        "missed": missed_runs,
        "missed_count": missed_count,
        "runs": runs[:SHOWN_RUNS],
        "last_action_state": states.get(runs[0]["action"]) if runs and runs[0]["action"] else None,
        "wish": parse(schedule.wish),
        "returns_to": {(target.namespace, target.deployment): number for target, number in returns_to.items()},
    }
