"""The rules of schedules: validation, due times, missed runs, attempts of a return; the CronJob; the ping."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from time import process_time
from typing import Any

import pytest

from kubedoor.errors import InvalidInput
from kubedoor.model.schedules import Schedule
from kubedoor.operations.request import ActionRequest, Kind, Target
from kubedoor.schedules import cronjob, ping
from kubedoor.schedules.cronjob import CronJobOptions
from kubedoor.schedules.rules import (
    EARLY_TOLERANCE,
    GIVEN_UP_AFTER,
    LATE_TOLERANCE,
    MISSED_AFTER,
    RETURN_EXPIRES_AFTER,
    ScheduleRequest,
    cron_expression,
    due_now,
    is_over,
    missed,
    next_attempt,
    next_due,
    validate,
)
from kubedoor.schedules.views import schedule_view

NOW = datetime(2026, 11, 24, 10, 0, 20, tzinfo=UTC)
RESTART = ActionRequest(Kind.RESTART, (Target("shop", "web"),))
SCALE = ActionRequest(Kind.SCALE, (Target("shop", "web"),), replicas=5)
MINUTE = timedelta(minutes=1)


def make_request(**fields: Any) -> ScheduleRequest:
    return ScheduleRequest(**{"name": "nightly", "action": RESTART, "time_zone": "Europe/Berlin", **fields})


def schedule(**fields: Any) -> Schedule:
    plain = {"schedule": "s1", "name": "nightly", "wish": RESTART.as_json(), "time_zone": "UTC", "made_by": "kubedoor"}
    return Schedule(**{**plain, "changed_at": NOW - timedelta(hours=1), **fields})


BATCH = ActionRequest(
    Kind.SCALE, tuple(Target("shop", f"web-{number}") for number in range(100)), replicas=5, interval_seconds=60
)


BAD = {
    "a return before the last is scaled": (
        make_request(action=BATCH, cron="* * * * *", return_after_minutes=98),
        "return_after_minutes",
    ),
    "no name": (make_request(name=" ", cron="* * * * *"), "name"),
    "neither": (make_request(), "cron"),
    "both": (make_request(cron="* * * * *", at="2026-11-25T10:00"), "cron"),
    "no cron": (make_request(cron="every day"), "cron"),
    "never": (make_request(cron="0 0 30 2 *"), "cron"),
    "an unknown zone": (make_request(cron="* * * * *", time_zone="Mars/Olympus"), "time_zone"),
    "a path as zone": (make_request(cron="* * * * *", time_zone="../../etc/passwd"), "time_zone"),
    "no time": (make_request(at="tomorrow"), "at"),
    "the past": (make_request(at="2026-11-24T10:59"), "at"),
    "this very minute": (make_request(at="2026-11-24T10:00:50+00:00"), "at"),
    "too far ahead": (make_request(at="2027-11-25T10:00"), "at"),
    "the end of time": (make_request(at="9999-12-31T23:59:59-23:00"), "at"),
    "skipped by daylight saving": (make_request(at="2027-03-28T02:30"), "at"),
    "a restart that returns": (make_request(cron="* * * * *", return_after_minutes=5), "return_after_minutes"),
    "control values that return": (
        make_request(cron="* * * * *", action=ActionRequest(Kind.SCALE, SCALE.targets), return_after_minutes=5),
        "return_after_minutes",
    ),
    "a long return": (
        make_request(cron="* * * * *", action=SCALE, return_after_minutes=43_201),
        "return_after_minutes",
    ),
}


@pytest.mark.parametrize(("schedule_request", "field"), BAD.values(), ids=BAD.keys())
def test_an_invalid_request_names_its_field(schedule_request: ScheduleRequest, field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        validate(schedule_request, now=NOW)
    assert refused.value.details["field"] == field


def test_a_time_without_an_offset_is_local() -> None:
    assert validate(make_request(at="2026-11-25T10:00"), now=NOW) == ("", datetime(2026, 11, 25, 9, tzinfo=UTC))
    assert validate(make_request(at="2026-11-25T10:00Z"), now=NOW) == ("", datetime(2026, 11, 25, 10, tzinfo=UTC))


def test_a_single_run_becomes_a_yearly_expression() -> None:
    at = datetime(2026, 11, 25, 23, 30, tzinfo=UTC)
    assert cron_expression(schedule(at=at, time_zone="Asia/Shanghai")) == "30 7 26 11 *"


def test_a_run_is_due_within_the_tolerances() -> None:
    at = datetime(2026, 11, 24, 12, tzinfo=UTC)
    for kind in (schedule(at=at), schedule(cron="0 12 * * *")):
        assert due_now(kind, at - EARLY_TOLERANCE) == at
        assert due_now(kind, at - EARLY_TOLERANCE - MINUTE) is None
        assert due_now(kind, at + LATE_TOLERANCE - MINUTE) == at
        assert due_now(kind, at + LATE_TOLERANCE) is None


def test_only_the_newest_of_several_runs_is_due() -> None:
    assert due_now(schedule(cron="* * * * *"), NOW) == NOW.replace(second=0)


def test_due_runs_without_a_start_are_missed() -> None:
    due = [NOW.replace(minute=minute, second=0, hour=9) for minute in (10, 20, 30, 40, 50)]
    found = schedule(cron="*/10 * * * *")
    assert missed(found, due[:2], NOW, limit=20) == ([due[4], due[3], due[2]], 3)
    assert missed(found, due[:2], NOW, limit=1) == ([due[4]], 3)
    assert missed(found, due, NOW, limit=20) == ([], 0)


def test_a_run_is_missed_only_some_minutes_after_it_was_due() -> None:
    at = NOW.replace(second=0)
    assert missed(schedule(at=at), [], at + MISSED_AFTER - MINUTE, limit=20) == ([], 0)
    assert missed(schedule(at=at), [], at + MISSED_AFTER, limit=20) == ([at], 1)


def test_the_views_of_500_schedules_that_run_every_minute_are_fast() -> None:
    often = schedule(cron="* * * * *", changed_at=NOW - timedelta(days=9))
    began = process_time()
    for _ in range(500):
        assert schedule_view(often, [], set(), NOW, {}, {})["missed_count"] > 4000
    assert process_time() - began < 5, "each took 50 ms"


def test_a_paused_schedule_has_neither_next_nor_missed_runs() -> None:
    assert missed(schedule(cron="* * * * *", paused=True), [], NOW, limit=20) == ([], 0)
    assert next_due(schedule(cron="* * * * *", paused=True), NOW) is None
    assert next_due(schedule(cron="* * * * *"), NOW) == NOW.replace(minute=1, second=0)


def attempts(*messages: str | None, at: datetime, begun: datetime) -> list[dict[str, Any]]:
    return [
        {"due": at + number * MINUTE, "begun_at": begun, "message": message} for number, message in enumerate(messages)
    ]


def test_the_attempts_of_a_return_are_due_a_minute_apart_and_back_off() -> None:
    at = NOW.replace(second=0)
    back = schedule(at=at, parent="s0")
    assert [
        next_attempt(back, [], at - EARLY_TOLERANCE),
        next_attempt(back, [], at - EARLY_TOLERANCE, early=EARLY_TOLERANCE),
    ] == [None, at]
    assert next_attempt(back, [], at + 3 * RETURN_EXPIRES_AFTER / 4) == at, "the first attempt, although late"
    for late, pause in ((MINUTE, MINUTE), (40 * MINUTE, 5 * MINUTE), (20 * 60 * MINUTE, 15 * MINUTE)):
        runs = attempts("away", "away", at=at, begun=at + late - pause + timedelta(seconds=1))
        assert next_attempt(back, runs, at + late) is None
        assert next_attempt(back, runs, at + late + MINUTE) == at + 2 * MINUTE


def test_there_is_no_next_attempt_while_one_has_no_result() -> None:
    at = NOW.replace(second=0)
    assert next_attempt(schedule(at=at, parent="s0"), attempts(None, at=at, begun=at), at + 10 * MINUTE) is None


def test_a_return_is_given_up_once() -> None:
    at = NOW.replace(second=0)
    back, end = schedule(at=at, parent="s0"), at + GIVEN_UP_AFTER
    tried = attempts("away", at=at, begun=at)
    assert next_attempt(back, tried, end + MINUTE) == next_attempt(back, [], at + RETURN_EXPIRES_AFTER + MINUTE) == end
    given_up = [*tried, {"due": end, "begun_at": end, "message": "given up"}]
    assert next_attempt(back, given_up, end + 60 * MINUTE) is None
    assert [is_over(back, [run["due"] for run in runs], end + MINUTE) for runs in (tried, given_up)] == [False, True]


def test_the_token_is_in_the_secret_only() -> None:
    options = CronJobOptions("kubedoor", "kubedoor:1", "http://api.kubedoor/", ("login", "mirror"))
    made = cronjob.cronjob(options, "s1", title="nightly", cron="0 3 * * *", time_zone="Europe/Berlin", suspended=False)
    assert "s3cret" not in str(made)
    pod = made["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    assert pod["containers"][0]["command"][3] == "http://api.kubedoor/api/v1/schedules/s1/ping"
    assert pod["volumes"] == [{"name": "token", "secret": {"secretName": "kubedoor-schedule-s1", "optional": True}}]
    assert pod["imagePullSecrets"] == [{"name": "login"}, {"name": "mirror"}]
    assert cronjob.secret(options, "s1", "s3cret")["data"] == {"token": "czNjcmV0"}


def test_pods_of_schedules_go_where_the_settings_say() -> None:
    wanted = {
        "labels": {"team": "platform", "app.kubernetes.io/component": "other"},
        "annotations": {"sidecar.istio.io/inject": "false"},
        "nodeSelector": {"pool": "tools"},
        "tolerations": [{"key": "tools", "operator": "Exists"}],
    }
    options = CronJobOptions("kubedoor", "kubedoor:1", "http://api.kubedoor", pod=wanted)
    made = cronjob.cronjob(options, "s1", title="nightly", cron="0 3 * * *", time_zone="UTC", suspended=False)
    template = made["spec"]["jobTemplate"]["spec"]["template"]
    labels = template["metadata"]["labels"]
    assert (labels["team"], labels["app.kubernetes.io/component"]) == ("platform", "schedule")
    assert template["metadata"]["annotations"] == wanted["annotations"]
    assert {name: template["spec"][name] for name in ("nodeSelector", "tolerations")} == {
        name: wanted[name] for name in ("nodeSelector", "tolerations")
    }


def test_the_ping_url_of_a_further_cluster_names_the_cluster() -> None:
    options = CronJobOptions("kubedoor", "kubedoor:1", "http://api.kubedoor", cluster="prod-2")
    made = cronjob.cronjob(options, "s1", title="nightly", cron="0 3 * * *", time_zone="UTC", suspended=False)
    pod = made["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    assert pod["containers"][0]["command"][3].endswith("/api/v1/schedules/s1/ping?cluster=prod-2")


def test_a_ping_without_a_response_is_retried_with_backoff_and_fails(
    tmp_path: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    token = tmp_path / "token"
    token.write_text("s3cret\n")
    pauses: list[float] = []
    assert ping.main(["http://127.0.0.1:9/ping", str(token)], sleep=pauses.append) == 1
    assert pauses == [2, 4, 8, 16, 32]
    assert "s3cret" not in capsys.readouterr().err


def test_the_ping_of_a_deleted_schedule_is_not_retried(tmp_path: Any) -> None:
    assert ping.main(["http://127.0.0.1:9/ping", str(tmp_path / "token")]) == 2


def test_the_job_of_a_return_retries_for_a_day_and_others_for_minutes() -> None:
    options = CronJobOptions("kubedoor", "kubedoor:1", "http://api.kubedoor")
    plain, back = (
        cronjob.cronjob(
            options, "s1", title="t", cron="0 3 * * *", time_zone="UTC", suspended=False, is_return=is_return
        )["spec"]
        for is_return in (False, True)
    )
    assert (plain["startingDeadlineSeconds"], back["startingDeadlineSeconds"]) == (300, 86_400)
    jobs = [spec["jobTemplate"]["spec"] for spec in (plain, back)]
    assert [job["activeDeadlineSeconds"] for job in jobs] == [600, 86_400]
    assert [job["podFailurePolicy"]["rules"][0]["onExitCodes"]["values"] for job in jobs] == [[2], [2]]
