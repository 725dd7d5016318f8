"""One-off jobs of the chart: output, and errors for missing settings."""

from __future__ import annotations

import json

import pytest

from kubedoor.config import settings
from kubedoor.errors import ClusterError, SettingsError
from kubedoor.runtime import jobs
from tests.support.objects import ALL_OF_POLICIES, Objects
from tests.support.promserver import PromServer, Reply

NO_CLUSTER = {"KUBEDOOR_KUBECONFIG": "none"}


def test_ping_prints_every_step(capsys: pytest.CaptureFixture[str]) -> None:
    steps = [{"event": "started", "days": []}, {"event": "finished", "complete": True}]
    body = b"".join(json.dumps(step).encode() + b"\n" for step in steps)
    with PromServer(lambda _asked: Reply(body, content_type="application/x-ndjson")).running() as server:
        jobs.ping(
            settings.load({"KUBEDOOR_COLLECT_URL": server.url, "KUBEDOOR_COLLECT_TOKEN": "collect-from-the-test"})
        )
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == steps


def test_ping_requires_a_url() -> None:
    with pytest.raises(SettingsError, match="KUBEDOOR_COLLECT_URL is not set"):
        jobs.ping(settings.load({}))


def test_jobs_that_need_a_cluster_fail_without_one() -> None:
    for job in (jobs.renew_certificates, jobs.remove_webhook):
        with pytest.raises(ClusterError, match="no cluster"):
            job(settings.load(NO_CLUSTER))


@pytest.mark.parametrize("knows_values", [True, False])
def test_what_may_not_be_removed_is_named(
    knows_values: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Policies do nothing where the kind of their parameters is not known."""
    objects = Objects(knows_values=knows_values)
    objects.forbidden = ALL_OF_POLICIES
    monkeypatch.setattr(jobs, "build_cluster", lambda _settings: objects)
    jobs.remove_webhook(settings.load({}))
    said = capsys.readouterr().out
    assert ("enforcement is off" in said) is not knows_values
    assert ("native policies were not removed, and may go on enforcing: not allowed" in said) is knows_values
    assert ("kubectl delete --ignore-not-found mutatingadmissionpolicybindings kubedoor-" in said) is knows_values
