"""Tests of the toolbox itself: its processes behave as the other contract tests assume."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import urllib.error
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from kubedoor.model.values import Resources
from tests.contract.conftest import PrometheusOf
from tests.toolbox import build, processes
from tests.toolbox.build import ToolMissing, need
from tests.toolbox.controlplane import ControlPlane
from tests.toolbox.exposition import series_of
from tests.toolbox.gate import HeaderGate
from tests.toolbox.metrics_api import MetricsApi
from tests.toolbox.processes import PartFailed
from tests.toolbox.prometheus import Access
from tests.toolbox.running import ROOT
from tests.toolbox.series import App, Container, Fleet, Shape

SLEEP = [sys.executable, "-c", "import time; print('asleep', flush=True); time.sleep(600)"]
FLEET = Fleet(
    (App("pay", "shop", (Container("app", Shape(0.2, noise=0.4), Shape(3e8), Resources(500)),), 2),),
    date(2026, 3, 2),
    2,
)


def test_a_part_that_ends_early_shows_the_end_of_its_log(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "raise SystemExit('the disk is full')"]
    child = processes.start("broken", command, log=tmp_path / "log")
    with pytest.raises(PartFailed, match=r"broken ended with status 1(?s:.*)the disk is full"):
        processes.wait_until(lambda: False, what="never", children=[child])


def test_a_part_that_is_not_ready_in_time_shows_the_end_of_its_log(tmp_path: Path) -> None:
    child = processes.start("slow", SLEEP, log=tmp_path / "log")
    processes.wait_until(lambda: "asleep" in child.log_tail(), what="it sleeps", children=[child])
    with pytest.raises(PartFailed, match=r"it wakes: not so(?s:.*)asleep"):
        processes.wait_until(lambda: False, what="it wakes", children=[child], timeout_seconds=0.1)
    child.stop()
    assert not child.is_running


def test_a_part_that_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    deaf = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"
    )
    child = processes.start("deaf", [sys.executable, "-c", deaf], log=tmp_path / "log")
    processes.wait_until(lambda: "deaf" in child.log_tail(), what="it is deaf", children=[child])
    child.stop(timeout_seconds=0.2)
    assert child.process.returncode == -signal.SIGKILL


def test_children_end_with_a_parent_that_was_killed(tmp_path: Path) -> None:
    program = (
        "import time; from pathlib import Path; from tests.toolbox import processes\n"
        f"child = processes.start('child', {SLEEP!r}, log=Path({str(tmp_path / 'log')!r}))\n"
        "print(child.pid, flush=True); time.sleep(600)"
    )
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    parent.kill()
    parent.communicate(timeout=10)
    processes.wait_until(lambda: not _runs(pid), what="the child is gone")


def _runs(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rsplit(")", 1)[1].split()[0] != "Z"


def test_a_missing_tool_says_what_to_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KUBEDOOR_TOOLBOX", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("KUBEBUILDER_ASSETS", raising=False)
    with pytest.raises(ToolMissing, match="make toolbox"):
        need("etcd")
    with pytest.raises(ToolMissing, match="make toolbox"):
        build.need_files("kwok")


def test_prometheus_has_the_samples_that_the_fleet_says(prometheus_of: PrometheusOf) -> None:
    prometheus = prometheus_of(FLEET)
    for series in series_of(FLEET):
        at, value = series.samples()[-1]
        [(labels, found)] = prometheus.query(str(series), datetime.fromtimestamp(at, UTC))
        assert {name: text for name, text in labels.items() if name != "__name__"} == series.labels
        assert found == value


def test_a_prometheus_with_a_password_and_tls_lets_nobody_else_in(prometheus_of: PrometheusOf) -> None:
    prometheus = prometheus_of(FLEET, access=Access(password=True, tls=True))
    assert prometheus.query("count(kube_pod_container_info)", FLEET.moment(1, "10:30")) == [({}, 2)]
    assert not processes.answers(f"{prometheus.url}/-/ready", context=prometheus.tls())


def test_a_prometheus_with_a_limit_refuses_large_questions(prometheus_of: PrometheusOf) -> None:
    prometheus = prometheus_of(FLEET, max_samples=50)
    with pytest.raises(urllib.error.HTTPError) as refusal:
        prometheus.query("sum(container_memory_working_set_bytes[1h])", FLEET.moment(1, "10:30"))
    refusal.value.close()


def test_two_clusters_in_one_prometheus_differ_by_their_label(prometheus_of: PrometheusOf) -> None:
    fleets = [replace(FLEET, external_labels=(("env", name),)) for name in ("prod", "staging")]
    found = prometheus_of(*fleets).query("count by (env) (kube_pod_container_info)", FLEET.moment(1, "10:30"))
    assert sorted((labels["env"], value) for labels, value in found) == [("prod", 2), ("staging", 2)]


def test_the_gate_wants_its_header(prometheus_of: PrometheusOf) -> None:
    with HeaderGate(prometheus_of(FLEET).url, {"Authorization": "Bearer let-me-in"}) as gate:
        ready = f"{gate.url}/-/ready"
        assert not processes.answers(ready)
        assert processes.answers(ready, headers={"Authorization": "Bearer let-me-in"})
    assert (gate.refused, gate.passed) == (1, 1)


def test_a_deployment_becomes_available_on_simulated_nodes(control_plane: ControlPlane, namespace: str) -> None:
    control_plane.kubectl("create", "deployment", "web", "--image=web:1", "--replicas=3", "-n", namespace)
    control_plane.kubectl("rollout", "status", "deployment/web", "-n", namespace, "--timeout=30s")
    assert control_plane.get("deployment", "web", namespace)["status"]["availableReplicas"] == 3


def test_only_who_is_allowed_may(control_plane: ControlPlane) -> None:
    stranger = control_plane.credentials("stranger", user="system:serviceaccount:default:stranger")
    done = control_plane.kubectl("get", "deployments", check=False, kubeconfig=stranger)
    assert done.returncode == 1
    assert "system:serviceaccount:default:stranger" in done.stderr


def test_the_real_hpa_controller_scales_by_what_the_test_says(
    control_plane: ControlPlane, metrics_api: MetricsApi, namespace: str
) -> None:
    control_plane.kubectl("create", "deployment", "web", "--image=web:1", "-n", namespace)
    control_plane.kubectl("set", "resources", "deployment/web", "--requests=cpu=100m", "-n", namespace)
    control_plane.kubectl("autoscale", "deployment/web", "--min=1", "--max=4", "--cpu=50%", "-n", namespace)
    metrics_api.use(namespace, cpu_millicores=200)
    control_plane.wait_for(
        lambda: control_plane.get("deployment", "web", namespace)["spec"]["replicas"] == 4,
        what="the HPA has scaled to its maximum",
    )
    users = {
        event["user"]["username"]
        for event in control_plane.audit_events()
        if event["objectRef"].get("subresource") == "scale" and event["objectRef"].get("namespace") == namespace
    }
    assert "system:serviceaccount:kube-system:horizontal-pod-autoscaler" in users


@pytest.mark.parametrize("how", ["stopped", "killed"])
def test_an_api_server_that_was_away_comes_back_with_what_it_had(
    control_plane: ControlPlane, namespace: str, how: str
) -> None:
    control_plane.kubectl("create", "configmap", "kept", "-n", namespace)
    control_plane.stop_apiserver() if how == "stopped" else control_plane.kill_apiserver()
    assert not control_plane.is_ready()
    control_plane.start_apiserver()
    assert control_plane.get("configmap", "kept", namespace)["metadata"]["name"] == "kept"


def test_the_sandbox_comes_up_whole_and_leaves_nothing_behind(tmp_path: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-m", "tests.toolbox.sandbox", "--once"]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stderr
    assert "The door is on. 41 Deployments run" in done.stdout
    assert list(tmp_path.iterdir()) == []
    assert [pid for pid in Path("/proc").glob("[0-9]*") if str(tmp_path) in _command_line(pid)] == []


def _command_line(process: Path) -> str:
    try:
        return (process / "cmdline").read_text()
    except OSError:  # Gone meanwhile.
        return ""
