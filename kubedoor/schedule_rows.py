"""What is told of a schedule: its state, when it comes next, its runs and those it missed. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from kubedoor.scheduling import Schedule, is_over, missed, next_due
from kubedoor.wishes import parse

SHOWN_RUNS = 20


def shown(schedule: Schedule) -> dict[str, Any]:
    """What a person asked for, as the audit keeps it."""
    return {
        "name": schedule.name,
        "cron": schedule.cron or None,
        "at": schedule.at,
        "time_zone": schedule.time_zone,
        "return_after_minutes": schedule.return_after_minutes or None,
        "paused": schedule.paused,
        "wish": schedule.wish,
    }


def row(
    schedule: Schedule, runs: Sequence[Mapping[str, Any]], now: datetime, states: Mapping[str, str]
) -> dict[str, Any]:
    """`runs`: newest first; `states`: of the actions that the newest runs have started."""
    dues = [run["due"] for run in runs]
    over = is_over(schedule, dues, now)
    lost = missed(schedule, dues, now)
    return {
        **shown(schedule),
        "schedule": schedule.schedule,
        "version": schedule.version,
        "state": "over" if over else "paused" if schedule.paused else "active",
        "runs_in": "cluster" if schedule.token_hash else "process",
        "parent": schedule.parent or None,
        "made_by": schedule.made_by,
        "changed_by": schedule.changed_by,
        "changed_at": schedule.changed_at,
        "next_at": None if over else next_due(schedule, now),
        "missed": lost[:SHOWN_RUNS],
        "missed_count": len(lost),
        "runs": runs[:SHOWN_RUNS],
        "last_action_state": states.get(runs[0]["action"]) if runs and runs[0]["action"] else None,
        "wish": parse(schedule.wish),
    }
