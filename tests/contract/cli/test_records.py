"""Notification channels and records from the command line, against a running KubeDoor."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator

import pytest

from tests.contract.commands import Command
from tests.contract.lab import Lab
from tests.support.receiver import Receiver, running_receiver


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with running_receiver() as running:
        yield running


def test_a_channel_is_made_told_changed_and_deleted(kubedoor: Command, receiver: Receiver) -> None:
    words = ("--event", "action_failed", "--event", "switch_used", "--min-minutes", "20")
    created = kubedoor("channels", "create", "ops", *words, stdin=f"{receiver.url}\n")
    channel, _, named = created.stdout.partition(": ")
    assert (created.returncode, named) == (0, "ops (JSON)\n"), created.stderr
    assert kubedoor("channels", "test", channel).returncode == 0
    assert "test" in receiver.wait()["title"]
    assert kubedoor("channels", "change", channel, "--language", "zh-CN", "--event", "clamped").returncode == 0
    assert kubedoor("channels", "disable", channel).stdout == "ops is disabled\n"
    (listed,) = json.loads(kubedoor("channels", "list", "--format", "json").stdout)
    assert (listed["events"], listed["language"], listed["min_minutes"]) == (["clamped"], "zh-CN", 20)
    assert listed["enabled"] is False
    shown = kubedoor("channels", "list").stdout
    assert "disabled" in shown
    assert "s3cret" not in shown + json.dumps(listed)
    assert kubedoor("channels", "enable", channel).stdout == "ops is enabled\n"
    assert kubedoor("channels", "delete", channel).returncode == 0
    assert kubedoor("channels", "test", channel).returncode == 1


def test_a_new_address_is_where_messages_go_from_then_on(kubedoor: Command, receiver: Receiver) -> None:
    gone = "json://127.0.0.1:9/hook/s3cret"
    channel = kubedoor("channels", "create", "moved", "--event", "clamped", stdin=gone).stdout.partition(":")[0]
    refused = kubedoor("channels", "test", channel)
    assert (refused.returncode, "did not take" in refused.stderr, "s3cret" in refused.stderr) == (1, True, False)
    assert kubedoor("channels", "change", channel, "--address", stdin=receiver.url).returncode == 0
    assert kubedoor("channels", "test", channel).returncode == 0
    assert receiver.wait()
    kubedoor("channels", "delete", channel)


def test_what_was_sent_is_listed(kubedoor_at_lab: Command, lab: Lab, two: str, receiver: Receiver) -> None:
    body = {"name": f"told {two}", "url": receiver.url, "events": ["door_overrode"], "min_minutes": 1}
    channel = lab.client.call("POST", "/notifications/channels", body)["channel"]
    lab.plane.kubectl("-n", two, "scale", "deployment", "web", "--replicas", "4")
    assert receiver.wait()["title"].startswith("KubeDoor lab")

    def sent() -> list[str]:
        lines = kubedoor_at_lab("channels", "messages", "--limit", "20").stdout.splitlines()
        return [line for line in lines if f"told {two}" in line and "delivered" in line]

    lab.plane.wait_for(lambda: sent() != [], what="the message is listed as delivered")
    assert "NOT delivered" not in sent()[0]
    lab.client.call("DELETE", f"/notifications/channels/{channel}")


WRONG = {
    "no address": (("--event", "clamped"), "", 2, "standard input"),
    "no channel's address": (("--event", "clamped"), "bogus", 1, "not the address"),
    "no event": ((), "json://127.0.0.1:9/s3cret", 2, "--event"),
    "an unknown event": (("--event", "bogus"), "json://127.0.0.1:9/s3cret", 2, "bogus"),
    "an unknown language": (("--event", "clamped", "--language", "tlh"), "json://127.0.0.1:9/s3cret", 1, "language"),
}


@pytest.mark.parametrize(("words", "address", "code", "told"), WRONG.values(), ids=WRONG.keys())
def test_what_cannot_be_a_channel_is_said(
    kubedoor: Command, words: tuple[str, ...], address: str, code: int, told: str
) -> None:
    refused = kubedoor("channels", "create", "wrong", *words, stdin=address)
    assert (refused.returncode, told in refused.stderr) == (code, True), refused.stderr
    assert "s3cret" not in refused.stderr
    assert "Traceback" not in refused.stderr


def test_changes_are_found_by_who_what_and_when(kubedoor: Command) -> None:
    for count in (4, 6):
        sheet = f"namespace,deployment,manual_replicas\nshop,cart,{count}\n"
        assert kubedoor("import", "-", "--apply", stdin=sheet).returncode == 0
    words = ("record", "changes", "--who", "cli", "--namespace", "shop", "--deployment", "cart", "--since", "1h")
    table = kubedoor(*words).stdout
    assert "replicas 4 -> 6" in table
    rows = json.loads(kubedoor(*words, "--format", "json").stdout)
    assert [row["after"]["replicas"] for row in rows] == [6, 4]
    text = kubedoor(*words, "--format", "csv").stdout
    assert [row["id"] for row in csv.DictReader(io.StringIO(text))] == [row["id"] for row in rows]
    (newest,) = json.loads(kubedoor(*words, "--limit", "1", "--format", "json").stdout)
    assert newest["id"] == rows[0]["id"]
    (line,) = csv.DictReader(io.StringIO(kubedoor(*words, "--limit", "1", "--format", "csv").stdout))
    assert line["id"] == rows[0]["id"]
    for nothing in (("--until", "1d"), ("--who", "nobody"), ("--outcome", "failed"), ("--action", "control.on")):
        assert json.loads(kubedoor(*words, *nothing, "--format", "json").stdout) == []


def test_admissions_are_found_by_workload_and_outcome(kubedoor_at_lab: Command, lab: Lab, two: str) -> None:
    lab.plane.kubectl("-n", two, "scale", "deployment", "web", "--replicas", "4")
    words = ("record", "admissions", "--namespace", two, "--deployment", "web", "--outcome", "patched")
    lab.plane.wait_for(lambda: "UPDATE/scale" in kubedoor_at_lab(*words).stdout, what="the admission is recorded")
    assert "replicas 4 -> 1" in kubedoor_at_lab(*words).stdout
    (row,) = json.loads(kubedoor_at_lab(*words, "--since", "30m", "--format", "json").stdout)
    assert (row["deployment"], row["subresource"]) == ("web", "scale")
    assert kubedoor_at_lab(*words, "--format", "csv").stdout.count("\n") == 2


def test_times_and_outcomes_that_there_are_not_are_said(kubedoor: Command) -> None:
    wrong = {"--since": "yesterday", "--until": "tomorrow", "--limit": "0", "--format": "xml"}
    for option, value in wrong.items():
        refused = kubedoor("record", "changes", option, value)
        assert (refused.returncode, option in refused.stderr) == (2, True), refused.stderr
    assert kubedoor("record", "admissions", "--outcome", "bogus").returncode == 2
