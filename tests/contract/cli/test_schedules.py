"""Schedules from the command line, on the real control plane."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.contract.commands import Command
from tests.contract.lab import Lab, replicas_of

NIGHTLY = ("--cron", "30 3 * * *", "--time-zone", "Asia/Shanghai")


def made(kubedoor: Command, *words: str) -> dict[str, Any]:
    done = kubedoor("schedules", "create", *words, "--format", "json")
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_a_schedule_is_made_listed_paused_run_and_deleted(kubedoor_at_lab: Command, lab: Lab, two: str) -> None:
    name = f"nightly {two}"
    created = kubedoor_at_lab("schedules", "create", name, "restart", f"{two}/web", *NIGHTLY)
    schedule, _, words = created.stdout.partition(": ")
    assert words.startswith(f"{name}, next at 20"), created.stderr
    assert name in kubedoor_at_lab("schedules", "list").stdout
    assert "is paused" in kubedoor_at_lab("schedules", "pause", schedule).stdout
    shown = kubedoor_at_lab("schedules", "show", schedule).stdout
    assert f"{name}: restart {two}/web\npaused, 30 3 * * * Asia/Shanghai; next at no time (UTC)" in shown
    assert "is active, next at 20" in kubedoor_at_lab("schedules", "resume", schedule).stdout
    done = kubedoor_at_lab("schedules", "run", schedule)
    assert (done.returncode, ": finished" in done.stdout) == (0, True), done.stderr
    assert lab.replicaset_count(two) == 2
    (run,) = json.loads(kubedoor_at_lab("schedules", "show", schedule, "--format", "json").stdout)["runs"]
    assert run["action"] in kubedoor_at_lab("actions", "list", "--kind", "restart").stdout
    assert kubedoor_at_lab("schedules", "delete", schedule).returncode == 0
    assert kubedoor_at_lab("schedules", "pause", schedule).returncode == 1


def test_what_is_not_given_stays_when_a_schedule_is_changed(kubedoor_at_lab: Command, two: str) -> None:
    words = ("scale", f"{two}/web=4", f"{two}/api", "--replicas", "2", "--return-after", "90", "--keep-going")
    before = made(kubedoor_at_lab, f"sale {two}", *words, "--note", "sale", *NIGHTLY)
    same = json.loads(kubedoor_at_lab("schedules", "change", before["schedule"], "--format", "json").stdout)
    changing = ("version", "changed_at", "changed_by")
    assert {**same, **{name: before[name] for name in changing}} == before
    once = ("--at", "2027-06-01T18:30", "--order", "name", "--no-keep-going")
    after = json.loads(
        kubedoor_at_lab("schedules", "change", before["schedule"], f"{two}/api=7", *once, "--format", "json").stdout
    )
    assert (after["cron"], after["at"], after["return_after_minutes"]) == (None, "2027-06-01T10:30:00Z", 90)
    assert (after["order"], after["stop_on_failure"], after["note"]) == ("name", True, "sale")
    assert [(one["deployment"], one["replicas"]) for one in after["workloads"]] == [("api", 7)]
    again = json.loads(
        kubedoor_at_lab("schedules", "change", before["schedule"], "--name", f"x {two}", "--format", "json").stdout
    )
    assert (again["name"], again["at"]) == (f"x {two}", "2027-06-01T10:30:00Z")
    kubedoor_at_lab("schedules", "delete", before["schedule"])


def test_a_temporary_scale_is_made_and_runs(kubedoor_at_lab: Command, lab: Lab, two: str) -> None:
    schedule = made(kubedoor_at_lab, f"busy {two}", "scale", f"{two}/web=3", "--return-after", "600", *NIGHTLY)
    assert kubedoor_at_lab("schedules", "run", schedule["schedule"]).returncode == 0
    assert replicas_of(lab.stored(two, "web")) == 3
    lab.plane.wait_for(
        lambda: f"{two}/web" in json.dumps(_returns(kubedoor_at_lab, schedule["schedule"])), what="it will return"
    )
    (back,) = _returns(kubedoor_at_lab, schedule["schedule"])
    assert "3, then 1" in kubedoor_at_lab("schedules", "show", back["schedule"]).stdout
    assert kubedoor_at_lab("schedules", "end", back["schedule"]).returncode == 0
    assert replicas_of(lab.stored(two, "web")) == 1
    assert kubedoor_at_lab("schedules", "delete", schedule["schedule"]).returncode == 0


def test_a_scale_for_a_while_is_started_and_its_number_kept(kubedoor_at_lab: Command, lab: Lab, two: str) -> None:
    words = ("act", "scale", f"{two}/web", "--replicas", "2")
    assert kubedoor_at_lab(*words, "--back-after", "soon").returncode == 2
    started = kubedoor_at_lab(*words, "--back-after", "2h", "--format", "json")
    assert started.returncode == 0, started.stderr
    listed = kubedoor_at_lab("actions", "list", "--workload", f"{two}/we").stdout
    assert f"{two}/web" in listed
    assert kubedoor_at_lab("actions", "list", "--who", "nobody", "--format", "json").stdout.strip() == "[]"
    (back,) = _returns(kubedoor_at_lab, json.loads(started.stdout)["action"])
    kept = kubedoor_at_lab("schedules", "keep", back["schedule"])
    assert (kept.returncode, kept.stdout.strip()) == (0, f"{two}/web keeps 2")
    assert kubedoor_at_lab("schedules", "keep", back["schedule"]).returncode == 1
    assert replicas_of(lab.stored(two, "web")) == 2


def _returns(kubedoor: Command, parent: str) -> list[dict[str, Any]]:
    listed = json.loads(kubedoor("schedules", "list", "--format", "json").stdout)
    return [
        {**one, "workloads": [f"{target['namespace']}/{target['deployment']}" for target in one["workloads"]]}
        for one in listed
        if one["parent"] == parent
    ]


def test_a_run_that_does_nothing_says_why(kubedoor_at_lab: Command, two: str) -> None:
    schedule = made(kubedoor_at_lab, f"nobody {two}", "restart", f"{two}/nobody", *NIGHTLY)["schedule"]
    refused = kubedoor_at_lab("schedules", "run", schedule)
    assert (refused.returncode, f"{two}/nobody" in refused.stderr) == (1, True), refused.stderr
    kubedoor_at_lab("schedules", "delete", schedule)


def test_the_next_times_of_a_cron_expression_are_shown(kubedoor_at_lab: Command) -> None:
    done = kubedoor_at_lab("schedules", "next", "30 3 * * *", "--time-zone", "Asia/Shanghai", "--count", "3")
    times = done.stdout.split()
    assert (len(times), {time[10:] for time in times}) == (3, {"T19:30:00Z"})


WRONG = {
    "neither cron nor at": ((), "either cron"),
    "both": (("--cron", "0 0 * * *", "--at", "2027-06-01T18:30"), "either cron"),
    "no cron": (("--cron", "every day"), "cron"),
    "past": (("--at", "2020-01-01T00:00"), "past"),
    "no such zone": (("--cron", "0 0 * * *", "--time-zone", "Mars/Olympus"), "Mars/Olympus"),
    "a restart that returns": (("--cron", "0 0 * * *", "--return-after", "5"), "only a scale"),
}


@pytest.mark.parametrize(("words", "told"), WRONG.values(), ids=WRONG.keys())
def test_what_cannot_be_a_schedule_is_said(
    kubedoor_at_lab: Command, two: str, words: tuple[str, ...], told: str
) -> None:
    refused = kubedoor_at_lab("schedules", "create", "wrong", "restart", f"{two}/web", *words)
    assert (refused.returncode, told in refused.stderr) == (1, True), refused.stderr
    assert "wrong" not in kubedoor_at_lab("schedules", "list").stdout


def test_nobody_s_schedule_is_said(kubedoor_at_lab: Command) -> None:
    for word in ("show", "change", "pause", "run", "delete"):
        assert kubedoor_at_lab("schedules", word, "none").returncode == 1
