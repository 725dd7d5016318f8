"""KubeDoor as a process (`python -m kubedoor serve`) with a real control plane and a real Prometheus."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from tests.toolbox import processes
from tests.toolbox.controlplane import ControlPlane, Manifest
from tests.toolbox.processes import Child, PartFailed
from tests.toolbox.prometheus import Prometheus

ROOT = Path(__file__).parents[2]
NAMESPACE, SERVICE = "kubedoor", "kubedoor-mutate"
SERVICE_ACCOUNT = "kubedoor-api"
USER = f"system:serviceaccount:{NAMESPACE}:{SERVICE_ACCOUNT}"
REQUEST_TIMEOUT_SECONDS = 60
COLLECT_TIMEOUT_SECONDS = 600
Rule = tuple[str, tuple[str, ...], tuple[str, ...]]
RULES: tuple[Rule, ...] = (
    ("", ("services",), ("get",)),
    ("", ("namespaces",), ("list",)),
    ("apps", ("deployments",), ("get", "list", "watch", "patch")),
    ("apps", ("deployments/scale",), ("get", "patch", "update")),
    ("autoscaling", ("horizontalpodautoscalers",), ("get", "list")),
    (
        "admissionregistration.k8s.io",
        ("mutatingwebhookconfigurations",),
        ("get", "list", "create", "update", "patch", "delete"),
    ),
    (
        "admissionregistration.k8s.io",
        ("mutatingadmissionpolicies", "mutatingadmissionpolicybindings"),
        ("get", "create", "patch", "delete"),
    ),
    ("kubedoor.io", ("controlvalues",), ("get", "list", "create", "patch", "delete")),
)

PROBE_RULE: Manifest = {
    "apiGroups": ["apps"],
    "resources": ["deployments"],
    "resourceNames": ["kubedoor-door-probe"],
    "verbs": ["create", "patch"],
}
OWN_RULES: tuple[Rule, ...] = (
    # For the CronJobs of schedules and the Secrets with their tokens.
    ("batch", ("cronjobs",), ("create", "patch", "delete", "list")),
    ("", ("secrets",), ("create", "patch", "delete", "list")),
)
"""In KubeDoor's own namespace only."""


@dataclass(frozen=True)
class RunningKubeDoor:
    """A started KubeDoor; `child` is its process."""

    child: Child
    url: str
    port: int
    door_port: int
    data_folder: Path


def start_kubedoor(
    plane: ControlPlane,
    prometheus: Prometheus | None,
    *,
    folder: Path,
    port: int = 0,
    door_port: int = 0,
    settings: Mapping[str, str] | None = None,
) -> RunningKubeDoor:
    """Start it and wait until it is ready; `folder` holds its data and log, `settings` are further variables.

    Port 0: a free one. Without a Prometheus it has sample data. It acts in the cluster as its own service account, with the permissions of RULES.
    """
    port, door_port = port or processes.free_port(), door_port or processes.free_port()
    data = folder / "data"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("KUBEDOOR_")} | {
        "KUBEDOOR_PROMETHEUS_URL": prometheus.url if prometheus else "",
        "KUBEDOOR_SOURCE": "prometheus" if prometheus else "sample",
        "KUBEDOOR_KUBECONFIG": str(admit(plane)),
        "KUBEDOOR_DATA_DIR": str(data),
        "KUBEDOOR_NOTIFICATION_HOSTS": "127.0.0.1",
        "KUBEDOOR_PORT": str(port),
        "KUBEDOOR_DOOR_PORT": str(door_port),
        "KUBEDOOR_WEBHOOK_PORT": str(door_port),
        **(settings or {}),
    }
    command = [sys.executable, "-m", "kubedoor", "serve"]
    child = processes.start("kubedoor", command, log=folder / "kubedoor.log", environment=environment, folder=ROOT)
    url = f"http://127.0.0.1:{port}"
    try:
        processes.wait_until(
            lambda: processes.answers(f"{url}/readyz"), what="KubeDoor is ready", children=[child], timeout_seconds=60
        )
    except BaseException:
        child.kill()
        raise
    return RunningKubeDoor(child, url, port, door_port, data)


def admit(plane: ControlPlane) -> Path:
    """Namespace, Service, permissions and a kubeconfig for KubeDoor; the Service resolves to this machine."""
    plane.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}, *_permissions())
    plane.expose(SERVICE, NAMESPACE)
    return plane.credentials("kubedoor", user=USER, groups=("system:authenticated",))


def _permissions() -> list[Manifest]:
    own = {"name": "kubedoor", "namespace": NAMESPACE}
    return [*_granted("ClusterRole", {"name": "kubedoor"}, RULES), *_granted("Role", own, OWN_RULES)]


def _granted(kind: str, metadata: Manifest, granted: Sequence[Rule]) -> list[Manifest]:
    """A role and its binding to KubeDoor's user."""
    rules: list[Manifest] = [
        {"apiGroups": [group], "resources": list(kinds), "verbs": list(verbs)} for group, kinds, verbs in granted
    ]
    if kind == "ClusterRole":
        rules.append(PROBE_RULE)
    api = "rbac.authorization.k8s.io"
    return [
        {"apiVersion": f"{api}/v1", "kind": kind, "metadata": metadata, "rules": rules},
        {
            "apiVersion": f"{api}/v1",
            "kind": f"{kind}Binding",
            "metadata": metadata,
            "roleRef": {"apiGroup": api, "kind": kind, "name": "kubedoor"},
            "subjects": [{"apiGroup": api, "kind": "User", "name": USER}],
        },
    ]


class Client:
    """A client of KubeDoor's API with a session cookie, as the web UI has."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._session = requests.Session()

    def close(self) -> None:
        self._session.close()

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """The JSON response. Raises PartFailed with the error of the API."""
        answer = self._session.request(method, f"{self.url}/api/v1{path}", json=body, timeout=REQUEST_TIMEOUT_SECONDS)
        if not answer.ok:
            raise PartFailed(f"{method} {path} answered {answer.status_code}: {answer.text[:500]}")
        return answer.json() if answer.content else None

    def download(self, path: str) -> bytes:
        answer = self._session.get(f"{self.url}/api/v1{path}", timeout=REQUEST_TIMEOUT_SECONDS)
        answer.raise_for_status()
        return answer.content

    def log_in(self, username: str = "kubedoor", password: str = "kubedoor") -> None:
        self.call("POST", "/session", {"username": username, "password": password})

    def collect(self, days: int, *, on_progress: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
        """Collect `days` days and wait for the end; `on_progress` is called with the run after every day."""
        run = self.call("POST", "/collect", {"days": days})["collection"]
        record: dict[str, Any] = {"state": "running"}
        done = -1

        def is_over() -> bool:
            nonlocal record, done
            record = self.call("GET", f"/collect/runs/{run}")
            if record["days_done"] != done:
                done = record["days_done"]
                on_progress(record)
            return bool(record["state"] != "running")

        processes.wait_until(is_over, what="the collection is over", timeout_seconds=COLLECT_TIMEOUT_SECONDS)
        if record["state"] != "finished":
            raise PartFailed(f"the collection {record['state']}: {record['message']}")
        return record

    def switch(self, enabled: bool) -> dict[str, Any]:
        state: dict[str, Any] = self.call("PUT", "/control", {"enabled": enabled})
        return state
