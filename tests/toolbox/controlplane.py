"""A real Kubernetes control plane on loopback: etcd, kube-apiserver, kube-controller-manager, kube-scheduler.

kwok replaces the kubelets: pods become ready without running containers.
"""

from __future__ import annotations

import base64
import json
import os
import ssl
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.toolbox import processes
from tests.toolbox.build import need
from tests.toolbox.commands import Command, Layout
from tests.toolbox.processes import Child, PartFailed

Manifest = Mapping[str, Any]

KUBECTL_TIMEOUT_SECONDS = 60
NODE_CAPACITY = {"cpu": "64", "memory": "256Gi", "pods": "500"}


class ControlPlane:
    """A context manager: inside, the cluster is up and its nodes are ready."""

    def __init__(self, *, nodes: int = 3, unsimulated: str = "") -> None:
        """Pods with the label app.kubernetes.io/part-of=`unsimulated` are not simulated (see kubelet.py)."""
        self.nodes = nodes
        self.unsimulated = unsimulated
        self._temporary = tempfile.TemporaryDirectory(prefix="kubedoor-cluster-")
        self.folder = Path(self._temporary.name)
        self.layout = Layout.create(self.folder)
        self.url = self.layout.url
        self.ca_file = self.layout.ca_file
        self.kubeconfig = self.folder / "admin.kubeconfig"
        self._children: dict[str, Child] = {}

    def __enter__(self) -> Self:
        try:
            self._start("etcd", self.layout.etcd())
            self.start_apiserver()
            self._start("kube-controller-manager", self.layout.controller_manager())
            self._start("kube-scheduler", self.layout.scheduler())
            self._start("kwok", self.layout.kwok(self.unsimulated))
            self._join_nodes()
            self._wait_for_controllers()
        except BaseException:
            self._stop_all()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop_all()

    def _stop_all(self) -> None:
        # Clients of the API server end first. Killed, because there is no state to save.
        for child in reversed(self._children.values()):
            child.kill()
        self._temporary.cleanup()

    def _start(self, name: str, command: Command) -> None:
        environment = {**os.environ, "HOME": str(self.folder)}
        log = self.folder / f"{name}.log"
        self._children[name] = processes.start(name, command, log=log, environment=environment, folder=self.folder)

    # The API server

    def start_apiserver(self, *options: str) -> None:
        """Start or restart it on the same port, and wait until it is ready. `options`: further ones of its command line."""
        self._start("kube-apiserver", [*self.layout.apiserver(), *options])
        children = [self._children[name] for name in ("etcd", "kube-apiserver")]
        processes.wait_until(self.is_ready, what="the API server is ready", children=children, timeout_seconds=60)

    def stop_apiserver(self) -> None:
        """SIGTERM, then SIGKILL: open watches would delay its exit for a minute."""
        self._children["kube-apiserver"].stop(timeout_seconds=3)

    def stop_controllers(self) -> None:
        """End all that works on what is stored: it then stays as it was sent."""
        for name in ("kube-controller-manager", "kube-scheduler", "kwok"):
            self._children[name].kill()

    def kill_apiserver(self) -> None:
        self._children["kube-apiserver"].kill()

    def is_ready(self) -> bool:
        return processes.answers(f"{self.url}/readyz", context=self._tls())

    def _tls(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=str(self.ca_file))
        context.load_cert_chain(self.folder / "admin.crt", self.folder / "admin.key")
        return context

    def _join_nodes(self) -> None:
        self.apply(*(_node(f"node-{number + 1}") for number in range(self.nodes)))

    def _wait_for_controllers(self) -> None:
        """Wait until the nodes are ready and the service accounts of pods exist."""
        children = list(self._children.values())
        processes.wait_until(self._is_ready, what="the control plane is ready", children=children, timeout_seconds=60)

    def _is_ready(self) -> bool:
        nodes = self.kubectl("get", "nodes", "-o", "json").stdout
        conditions = [one for node in json.loads(nodes)["items"] for one in node["status"].get("conditions", ())]
        ready = [one for one in conditions if one["type"] == "Ready" and one["status"] == "True"]
        account = self.kubectl("get", "serviceaccount", "default", "-n", "default", check=False)
        return len(ready) == self.nodes and account.returncode == 0

    # Methods for tests

    def kubectl(
        self,
        *arguments: str | Path,
        input: str | None = None,  # noqa: A002
        check: bool = True,
        kubeconfig: Path | None = None,
        timeout_seconds: float = KUBECTL_TIMEOUT_SECONDS,
    ) -> subprocess.CompletedProcess[str]:
        """Run kubectl, as an administrator unless `kubeconfig` is given.

        With `check` a failure raises PartFailed with its output.
        """
        environment = {
            **os.environ,
            "KUBECONFIG": str(kubeconfig or self.kubeconfig),
            "KUBECACHEDIR": str(self.folder / "kubectl-cache"),
        }
        command = [str(need("kubectl")), *(str(one) for one in arguments)]
        done = subprocess.run(
            command, input=input, env=environment, capture_output=True, text=True, timeout=timeout_seconds, check=False
        )
        if check and done.returncode:
            raise PartFailed(f"kubectl {' '.join(command[1:])}: {done.stderr.strip()}")
        return done

    def apply(self, *manifests: Manifest) -> subprocess.CompletedProcess[str]:
        """`kubectl apply` of all manifests in one call."""
        document = {"apiVersion": "v1", "kind": "List", "items": list(manifests)}
        return self.kubectl("apply", "-f", "-", input=json.dumps(document))

    def get(self, kind: str, name: str, namespace: str = "default") -> dict[str, Any]:
        """The stored object. Raises PartFailed if there is none."""
        found: dict[str, Any] = json.loads(self.kubectl("get", kind, name, "-n", namespace, "-o", "json").stdout)
        return found

    def get_all(self, kind: str, namespace: str = "default", *, selector: str = "") -> list[dict[str, Any]]:
        found = self.kubectl("get", kind, "-n", namespace, "-l", selector, "-o", "json").stdout
        items: list[dict[str, Any]] = json.loads(found)["items"]
        return items

    def wait_for(
        self, predicate: Callable[[], bool], timeout_seconds: float = 30, *, what: str = "it came true"
    ) -> None:
        """Poll until `predicate()`. Raises PartFailed at the deadline."""
        processes.wait_until(predicate, what=what, timeout_seconds=timeout_seconds)

    def credentials(self, name: str, *, user: str, groups: tuple[str, ...] = ()) -> Path:
        """A kubeconfig for another user, whose permissions RBAC decides."""
        return self.layout.write_kubeconfig(name, user=user, groups=groups)

    @property
    def ca_bundle(self) -> str:
        """The CA of all certificates here, encoded for `caBundle`."""
        return base64.b64encode(self.ca_file.read_bytes()).decode()

    def expose(self, name: str, namespace: str) -> None:
        """Create a Service that resolves to loopback of this machine, with any port.

        A webhook or an aggregated API behind it needs a certificate for `NAME.NAMESPACE.svc`.
        """
        metadata = {"name": name, "namespace": namespace}
        spec = {"type": "ExternalName", "externalName": "localhost"}
        self.apply({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec})

    def audit_events(self) -> list[dict[str, Any]]:
        """Audit events of the API group `apps`, with webhook annotations, and of KubeDoor's service accounts."""
        if not self.layout.audit_log.exists():
            return []
        return [json.loads(line) for line in self.layout.audit_log.read_text().splitlines()]


def _node(name: str) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux"}},
        "status": {"allocatable": NODE_CAPACITY, "capacity": NODE_CAPACITY},
    }
