"""What a schedule may be, when it is due, what it missed, and the CronJob it becomes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from time import process_time
from typing import Any

import pytest

from kubedoor.errors import InvalidInput
from kubedoor.model.schedules import Schedule
from kubedoor.operations.request import Kind, Target, Wish
from kubedoor.schedules import cronjob, ping
from kubedoor.schedules.cronjob import CronJobOptions
from kubedoor.schedules.rules import (
    EARLY,
    GIVEN_UP_AFTER,
    LATE,
    MISSED_AFTER,
    TOO_LATE,
    ScheduleWish,
    attempt_due,
    checked,
    due_now,
    expression,
    is_over,
    missed,
    next_due,
)
from kubedoor.schedules.views import row

NOW = datetime(2026, 11, 24, 10, 0, 20, tzinfo=UTC)
RESTART = Wish(Kind.RESTART, (Target("shop", "web"),))
SCALE = Wish(Kind.SCALE, (Target("shop", "web"),), replicas=5)
MINUTE = timedelta(minutes=1)


def asked(**fields: Any) -> ScheduleWish:
    return ScheduleWish(**{"name": "nightly", "wish": RESTART, "time_zone": "Europe/Berlin", **fields})


def schedule(**fields: Any) -> Schedule:
    plain = {"schedule": "s1", "name": "nightly", "wish": RESTART.as_json(), "time_zone": "UTC", "made_by": "kubedoor"}
    return Schedule(**{**plain, "changed_at": NOW - timedelta(hours=1), **fields})


BAD = {
    "no name": (asked(name=" ", cron="* * * * *"), "name"),
    "neither": (asked(), "cron"),
    "both": (asked(cron="* * * * *", at="2026-11-25T10:00"), "cron"),
    "no cron": (asked(cron="every day"), "cron"),
    "never": (asked(cron="0 0 30 2 *"), "cron"),
    "an unknown zone": (asked(cron="* * * * *", time_zone="Mars/Olympus"), "time_zone"),
    "a path as zone": (asked(cron="* * * * *", time_zone="../../etc/passwd"), "time_zone"),
    "no time": (asked(at="tomorrow"), "at"),
    "the past": (asked(at="2026-11-24T10:59"), "at"),
    "this very minute": (asked(at="2026-11-24T10:00:50+00:00"), "at"),
    "too far ahead": (asked(at="2027-11-25T10:00"), "at"),
    "the end of time": (asked(at="9999-12-31T23:59:59-23:00"), "at"),
    "skipped by daylight saving": (asked(at="2027-03-28T02:30"), "at"),
    "a restart that returns": (asked(cron="* * * * *", return_after_minutes=5), "return_after_minutes"),
    "control values that return": (
        asked(cron="* * * * *", wish=Wish(Kind.SCALE, SCALE.targets), return_after_minutes=5),
        "return_after_minutes",
    ),
    "a long return": (asked(cron="* * * * *", wish=SCALE, return_after_minutes=43_201), "return_after_minutes"),
}


@pytest.mark.parametrize(("wish", "field"), BAD.values(), ids=BAD.keys())
def test_a_schedule_that_cannot_be_names_its_field(wish: ScheduleWish, field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        checked(wish, now=NOW)
    assert refused.value.details["field"] == field


def test_once_is_local_unless_it_says_otherwise() -> None:
    assert checked(asked(at="2026-11-25T10:00"), now=NOW) == ("", datetime(2026, 11, 25, 9, tzinfo=UTC))
    assert checked(asked(at="2026-11-25T10:00Z"), now=NOW) == ("", datetime(2026, 11, 25, 10, tzinfo=UTC))


def test_once_becomes_the_minute_in_a_year() -> None:
    at = datetime(2026, 11, 25, 23, 30, tzinfo=UTC)
    assert expression(schedule(at=at, time_zone="Asia/Shanghai")) == "30 7 26 11 *"


def test_a_ping_may_come_a_little_early_and_somewhat_late_but_not_more() -> None:
    at = datetime(2026, 11, 24, 12, tzinfo=UTC)
    for kind in (schedule(at=at), schedule(cron="0 12 * * *")):
        assert due_now(kind, at - EARLY) == at
        assert due_now(kind, at - EARLY - MINUTE) is None
        assert due_now(kind, at + LATE - MINUTE) == at
        assert due_now(kind, at + LATE) is None


def test_only_the_newest_of_several_runs_is_due() -> None:
    assert due_now(schedule(cron="* * * * *"), NOW) == NOW.replace(second=0)


def test_runs_that_nobody_began_are_missed() -> None:
    due = [NOW.replace(minute=minute, second=0, hour=9) for minute in (10, 20, 30, 40, 50)]
    found = schedule(cron="*/10 * * * *")
    assert missed(found, due[:2], NOW, limit=20) == ([due[4], due[3], due[2]], 3)
    assert missed(found, due[:2], NOW, limit=1) == ([due[4]], 3)
    assert missed(found, due, NOW, limit=20) == ([], 0)


def test_what_is_only_just_due_is_not_missed_yet() -> None:
    at = NOW.replace(second=0)
    assert missed(schedule(at=at), [], at + MISSED_AFTER - MINUTE, limit=20) == ([], 0)
    assert missed(schedule(at=at), [], at + MISSED_AFTER, limit=20) == ([at], 1)


def test_five_hundred_schedules_of_every_minute_are_described_in_a_moment() -> None:
    often = schedule(cron="* * * * *", changed_at=NOW - timedelta(days=9))
    began = process_time()
    for _ in range(500):
        assert row(often, [], set(), NOW, {}, {})["missed_count"] > 4000
    assert process_time() - began < 5, "each took 50 ms"


def test_a_paused_schedule_neither_comes_nor_misses_anything() -> None:
    assert missed(schedule(cron="* * * * *", paused=True), [], NOW, limit=20) == ([], 0)
    assert next_due(schedule(cron="* * * * *", paused=True), NOW) is None
    assert next_due(schedule(cron="* * * * *"), NOW) == NOW.replace(minute=1, second=0)


def attempts(*messages: str | None, at: datetime, begun: datetime) -> list[dict[str, Any]]:
    return [
        {"due": at + number * MINUTE, "begun_at": begun, "message": message} for number, message in enumerate(messages)
    ]


def test_the_attempts_of_a_return_are_numbered_by_minutes_and_come_ever_slower() -> None:
    at = NOW.replace(second=0)
    back = schedule(at=at, parent="s0")
    assert [attempt_due(back, [], at - EARLY), attempt_due(back, [], at - EARLY, early=EARLY)] == [None, at]
    assert attempt_due(back, [], at + 3 * TOO_LATE / 4) == at, "nobody has been there for it"
    for late, pause in ((MINUTE, MINUTE), (40 * MINUTE, 5 * MINUTE), (20 * 60 * MINUTE, 15 * MINUTE)):
        runs = attempts("away", "away", at=at, begun=at + late - pause + timedelta(seconds=1))
        assert attempt_due(back, runs, at + late) is None
        assert attempt_due(back, runs, at + late + MINUTE) == at + 2 * MINUTE


def test_an_attempt_that_is_under_way_is_waited_for() -> None:
    at = NOW.replace(second=0)
    assert attempt_due(schedule(at=at, parent="s0"), attempts(None, at=at, begun=at), at + 10 * MINUTE) is None


def test_a_return_is_given_up_once() -> None:
    at = NOW.replace(second=0)
    back, end = schedule(at=at, parent="s0"), at + GIVEN_UP_AFTER
    tried = attempts("away", at=at, begun=at)
    assert attempt_due(back, tried, end + MINUTE) == attempt_due(back, [], at + TOO_LATE + MINUTE) == end
    given_up = [*tried, {"due": end, "begun_at": end, "message": "given up"}]
    assert attempt_due(back, given_up, end + 60 * MINUTE) is None
    assert [is_over(back, [run["due"] for run in runs], end + MINUTE) for runs in (tried, given_up)] == [False, True]


def test_the_cronjob_keeps_the_token_to_its_secret() -> None:
    options = CronJobOptions("kubedoor", "kubedoor:1", "http://api.kubedoor/", "login")
    made = cronjob.cronjob(options, "s1", title="nightly", cron="0 3 * * *", time_zone="Europe/Berlin", suspended=False)
    assert "s3cret" not in str(made)
    pod = made["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    assert pod["containers"][0]["command"][3] == "http://api.kubedoor/api/v1/schedules/s1/ping"
    assert pod["volumes"] == [{"name": "token", "secret": {"secretName": "kubedoor-schedule-s1", "optional": True}}]
    assert pod["imagePullSecrets"] == [{"name": "login"}]
    assert cronjob.secret(options, "s1", "s3cret")["data"] == {"token": "czNjcmV0"}


def test_the_ping_of_a_further_cluster_names_it() -> None:
    options = CronJobOptions("kubedoor", "kubedoor:1", "http://api.kubedoor", cluster="prod-2")
    made = cronjob.cronjob(options, "s1", title="nightly", cron="0 3 * * *", time_zone="UTC", suspended=False)
    pod = made["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    assert pod["containers"][0]["command"][3].endswith("/api/v1/schedules/s1/ping?cluster=prod-2")


def test_a_ping_that_nobody_hears_is_sent_again_and_fails(tmp_path: Any, capsys: pytest.CaptureFixture[str]) -> None:
    token = tmp_path / "token"
    token.write_text("s3cret\n")
    pauses: list[float] = []
    assert ping.main(["http://127.0.0.1:9/ping", str(token)], sleep=pauses.append) == 1
    assert pauses == [2, 4, 8, 16, 32]
    assert "s3cret" not in capsys.readouterr().err


def test_a_ping_of_a_schedule_that_is_gone_need_not_be_sent_again(tmp_path: Any) -> None:
    assert ping.main(["http://127.0.0.1:9/ping", str(tmp_path / "token")]) == 2


def test_a_return_is_asked_for_all_day_and_anything_else_for_minutes() -> None:
    options = CronJobOptions("kubedoor", "kubedoor:1", "http://api.kubedoor")
    plain, back = (
        cronjob.cronjob(
            options, "s1", title="t", cron="0 3 * * *", time_zone="UTC", suspended=False, must_come=must_come
        )["spec"]
        for must_come in (False, True)
    )
    assert (plain["startingDeadlineSeconds"], back["startingDeadlineSeconds"]) == (300, 86_400)
    jobs = [spec["jobTemplate"]["spec"] for spec in (plain, back)]
    assert [job["activeDeadlineSeconds"] for job in jobs] == [600, 86_400]
    assert [job["podFailurePolicy"]["rules"][0]["onExitCodes"]["values"] for job in jobs] == [[2], [2]]
