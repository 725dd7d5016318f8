"""How far a return is: derived from the actions that scaled its workloads and from its attempts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kubedoor.errors import InvalidInput
from kubedoor.model.schedules import Schedule
from kubedoor.operations.request import ActionRequest, Kind, RestorePoint, Target
from kubedoor.schedules.return_items import ReturnItem, return_items
from kubedoor.schedules.rules import ScheduleRequest, given_up_at, next_attempt, validate

SCALED = datetime(2026, 11, 24, 10, 0, 0, tzinfo=UTC)
AT = SCALED + timedelta(minutes=30)
MINUTE = timedelta(minutes=1)
NAMES = ("web", "cart", "search")


def back(*names: str) -> Schedule:
    point = RestorePoint(None, 3, 10, scaled_by="scale")
    targets = tuple(Target("shop", name, back_to=point) for name in names or NAMES)
    wish = ActionRequest(Kind.SCALE, targets, interval_seconds=600).as_json()
    return Schedule("r1", "sale: return", wish, "UTC", "alice", at=AT, parent="s1")


def item(name: str, state: str = "done", **fields: Any) -> dict[str, Any]:
    plain = {
        "namespace": "shop",
        "deployment": name,
        "state": state,
        "message": "",
        "was_changed": state == "done",
        "is_final": False,
        "replicas_after": 3 if state == "done" else None,
        "started_at": SCALED if state not in ("untouched", "skipped") else None,
    }
    return {**plain, **fields}


def action(*items: dict[str, Any], state: str = "finished") -> dict[str, Any]:
    return {"state": state, "asked_at": SCALED, "items": list(items)}


def found(now: datetime, *attempts: dict[str, Any], **scale: Any) -> dict[str, ReturnItem]:
    scaled = scale.get("scale") or action(*(item(name) for name in NAMES))
    actions = {"scale": scaled} | {f"a{number}": one for number, one in enumerate(attempts)}
    items = return_items(back(), actions, [f"a{number}" for number in range(len(attempts))], now)
    return {one.target.deployment: one for one in items}


def states(now: datetime, *attempts: dict[str, Any], **scale: Any) -> list[str]:
    return [str(one.state) for one in found(now, *attempts, **scale).values()]


def test_a_return_counts_from_when_each_workload_was_scaled() -> None:
    scale = action(
        item("web"),
        item("cart", started_at=SCALED + timedelta(minutes=10, seconds=20)),
        item("search", started_at=SCALED + timedelta(minutes=95, seconds=31)),
    )
    dues = [one.due_at - AT for one in found(AT, scale=scale).values()]
    assert dues == [timedelta(0), 10 * MINUTE, 96 * MINUTE]
    assert states(AT + 10 * MINUTE, scale=scale) == ["due", "due", "waiting"]


def test_what_was_never_scaled_has_nothing_to_return() -> None:
    items = (item("web"), item("cart", "skipped"), item("search", "untouched"))
    assert states(AT, scale=action(*items, state="interrupted")) == ["due", "done", "done"]
    assert states(AT, scale=action(*items, state="running")) == ["due", "waiting", "waiting"]


def test_what_a_crash_left_between_is_tried() -> None:
    """The return was stored, and the action was not; or the action had just begun with a workload."""
    assert [str(one.state) for one in return_items(back(), {}, [], AT)] == ["due", "due", "due"]
    half = action(item("web", "interrupted", was_changed=False), item("cart"), item("search"), state="interrupted")
    assert states(AT, scale=half) == ["due", "due", "due"]


@pytest.mark.parametrize(
    ("tried", "state"),
    [
        (item("web"), "done"),
        (item("web", "failed", was_changed=True, replicas_after=3, message="not healthy"), "done"),
        (item("web", "failed", was_changed=True, message="exceeded quota"), "failed"),
        (item("web", "failed"), "failed"),
        (item("web", "interrupted"), "failed"),
        (item("web", "untouched"), "failed"),
        (item("web", "skipped", is_final=True, message="an HPA scales it"), "done"),
        (item("web", "skipped", message="bob is at work on it"), "failed"),
    ],
)
def test_an_attempt_ends_only_what_it_brought_back_or_a_rule_skips(tried: dict[str, Any], state: str) -> None:
    shown = found(AT, action(tried, state="interrupted"))
    assert (str(shown["web"].state), str(shown["cart"].state)) == (state, "due")
    assert shown["web"].message == tried["message"]


def test_an_attempt_under_way_is_not_repeated() -> None:
    alive = action(item("web", "running"), item("cart", "untouched"), state="running")
    assert states(AT, alive) == ["under_way", "under_way", "due"]


def test_what_an_attempt_has_begun_is_finished_by_the_next() -> None:
    """It may have set the manual value back, and not the Deployment."""
    shown = found(AT, action(item("web", "untouched"), state="interrupted"), action(item("web", "interrupted")))
    assert [shown[name].point.begun for name in NAMES] == [True, False, False]


def test_the_last_workload_is_tried_for_a_day() -> None:
    last_due = AT + timedelta(hours=20)
    runs = [{"due": AT, "begun_at": AT, "message": "", "run": "r"}]
    late = AT + timedelta(hours=40)
    assert next_attempt(back(), runs, late, last_due=last_due) == AT + MINUTE
    assert next_attempt(back(), runs, last_due + timedelta(hours=25), last_due=last_due) == given_up_at(back())
    assert next_attempt(back(), runs, AT + 30 * timedelta(seconds=1), dues=[AT + MINUTE]) is not None, "no retry"
    assert next_attempt(back(), runs, AT + 30 * timedelta(seconds=1), dues=[AT]) is None


def test_a_return_that_is_shorter_than_the_batch_is_refused_with_the_arithmetic() -> None:
    wish = ActionRequest(
        Kind.SCALE, tuple(Target("shop", f"web-{n}") for n in range(100)), replicas=5, interval_seconds=60
    )
    short = ScheduleRequest("sale", wish, "UTC", cron="0 3 * * *", return_after_minutes=98)
    with pytest.raises(InvalidInput, match=r"100 workloads, one every 60 s, take 99 min .* give at least 99"):
        validate(short, now=SCALED)
    validate(ScheduleRequest("sale", wish, "UTC", cron="0 3 * * *", return_after_minutes=99), now=SCALED)
