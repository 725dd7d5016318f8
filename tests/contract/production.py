"""KubeDoor installed with helm: its pods run as processes, by exactly what the chart says."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kubedoor.errors import KubeDoorError
from tests.toolbox import processes
from tests.toolbox.build import need_files
from tests.toolbox.clusterip import ClusterIP
from tests.toolbox.controlplane import ControlPlane
from tests.toolbox.helm import NAMESPACE, Release, documents
from tests.toolbox.kubeapi import KubeApi
from tests.toolbox.kubelet import Kubelet, RunningPod, pod_of
from tests.toolbox.processes import PartFailed
from tests.toolbox.running import Client

PODS_TIMEOUT_SECONDS = 90
RIGHTS_ATTEMPTS = 10
RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}
CRD_FILES = (
    *("configuration", "route", "revision", "service", "podautoscaler", "metric", "domain-mapping"),
    *("certificate", "domain-claim", "ingress", "serverlessservice", "image"),
)


def install_definitions(plane: ControlPlane) -> None:
    """The CRDs of Knative Serving, of cert-manager and of Knative Eventing's PingSource."""
    knative = [path for path in need_files("knative") if path.stem in CRD_FILES]
    definitions = documents(*knative, *need_files("crds"))
    plane.kubectl(
        "apply",
        "--server-side",
        "-f",
        "-",
        input=json.dumps({"apiVersion": "v1", "kind": "List", "items": definitions}),
    )
    names = [f"crd/{one['metadata']['name']}" for one in definitions]
    plane.kubectl("wait", "--for=condition=Established", "--timeout=30s", *names)


@dataclass
class Production:
    """`door_port` is where the API server finds the door's Service."""

    plane: ControlPlane
    api: KubeApi
    kubelet: Kubelet
    release: Release
    folder: Path
    door_port: int
    number: int = 0

    def lead_to_the_door(self) -> None:
        """The one thing changed of what is installed: the Service's address is this machine's, for want of kube-proxy."""
        patch = {"spec": {"type": "ExternalName", "externalName": "localhost"}}
        self.plane.kubectl(
            "patch", "service", "kubedoor-mutate", "-n", NAMESPACE, "--type=merge", "-p", json.dumps(patch)
        )

    def run_service(self, name: str) -> RunningPod:
        """A pod of the Knative Service, as Knative makes one when somebody calls; ready when this returns."""
        service = self.plane.get("services.serving.knative.dev", name, NAMESPACE)
        self.number += 1
        self.plane.apply(pod_of(service, self.number))
        return self.wait_for_pods(name, 1)[0]

    def restart_service(self, name: str) -> RunningPod:
        """The pod goes, and another one comes, as when Knative scaled to zero in between."""
        for pod in self.kubelet.pods(name):
            self.plane.kubectl("delete", "pod", pod.name, "-n", NAMESPACE, "--wait=false")
        processes.wait_until(
            lambda: not self.kubelet.pods(name), what=f"{name} is gone", timeout_seconds=PODS_TIMEOUT_SECONDS
        )
        return self.run_service(name)

    def kubeconfig_of(self, account: str) -> Path:
        """With a token of a service account of the release, and no other rights."""
        path = self.folder / f"{account}.kubeconfig"
        if not path.exists():
            path.write_text(json.dumps(self.api.kubeconfig(self.api.token(NAMESPACE, account))))
        return path

    def until_it_fails(self, action: Callable[[], object]) -> None:
        """The API server notices a changed role a moment later: act again until it does, and raise what comes then."""
        for _ in range(RIGHTS_ATTEMPTS):
            action()
            time.sleep(0.2)

    def until_it_works(self, action: Callable[[], object]) -> None:
        for _ in range(RIGHTS_ATTEMPTS - 1):
            try:
                action()
                return
            except (PartFailed, KubeDoorError):
                time.sleep(0.2)
        action()

    def wait_for_pods(self, component: str, count: int) -> list[RunningPod]:
        """Wait until so many pods of one component are ready, and no others are there."""

        def is_so() -> bool:
            if self.kubelet.error is not None:
                raise self.kubelet.error
            pods = self.kubelet.pods(component)
            return len(pods) == count and all(pod.is_ready for pod in pods)

        what = f"{count} pods of {component} are ready"
        processes.wait_until(is_so, what=what, timeout_seconds=PODS_TIMEOUT_SECONDS)
        return self.kubelet.pods(component)

    def run_cron_job(self, name: str) -> dict[str, Any]:
        """A Job of the CronJob, now; its status when it is over."""
        job = f"{name}-{time.monotonic_ns() % 10**9}"
        self.plane.kubectl("create", "job", job, f"--from=cronjob/{name}", "-n", NAMESPACE)

        def status() -> dict[str, Any]:
            found: dict[str, Any] = self.plane.get("job", job, NAMESPACE).get("status", {})
            return found

        def is_over() -> bool:
            if self.kubelet.error is not None:
                raise self.kubelet.error
            return bool(status().get("succeeded") or status().get("failed"))

        processes.wait_until(is_over, what=f"the Job {job} is over", timeout_seconds=PODS_TIMEOUT_SECONDS)
        return status()

    def log_of(self, component: str) -> str:
        return "\n".join(pod.child.log_tail() for pod in self.kubelet.pods(component) if pod.child)

    def url_of(self, pod: RunningPod) -> str:
        return f"http://{pod.address}:8080"

    def first_password(self) -> str:
        """As the chart's notes say."""
        return base64.b64decode(self.plane.get("secret", "kubedoor", NAMESPACE)["data"]["admin-password"]).decode()

    def client(self) -> Client:
        """At a pod of `api`, which is started; not logged in."""
        pod = self.run_service("api")
        return Client(self.url_of(pod))


def _names(kubelet: Kubelet, door_port: int) -> dict[str, str]:
    """What a cluster's DNS would answer. A Knative Service without a pod has a port that nobody is at."""
    addresses = {name: [pod.address for pod in kubelet.pods(name)] for name in ("collect", "api")}
    urls = {name: f"http://{found[-1]}:8080" if found else "http://127.0.0.1:9" for name, found in addresses.items()}
    services = {f"http://{name}.{NAMESPACE}.svc.cluster.local": url for name, url in urls.items()}
    return {**services, f"kubedoor-mutate.{NAMESPACE}.svc:443": f"127.0.0.1:{door_port}"}


@contextmanager
def production(plane: ControlPlane, folder: Path) -> Iterator[Production]:
    """An empty namespace, and a kubelet for what will be in it. It is deleted in the end."""
    with ExitStack() as stack:
        api = stack.enter_context(KubeApi(plane))
        door_port = processes.free_port()
        kubelet = stack.enter_context(
            Kubelet(
                api,
                namespace=NAMESPACE,
                part_of="kubedoor",
                folder=folder / "pods",
                replacing=lambda: _names(kubelet, door_port),
            )
        )
        stack.enter_context(ClusterIP(door_port, lambda: kubelet.endpoints("mutate", 8443)))
        plane.kubectl("create", "namespace", NAMESPACE)
        plane.kubectl("label", "namespace", NAMESPACE, *(f"{name}={value}" for name, value in RESTRICTED.items()))
        plane.wait_for(
            lambda: plane.kubectl("get", "sa", "default", "-n", NAMESPACE, check=False).returncode == 0,
            what="the namespace has its service account",
        )
        yield Production(plane, api, kubelet, Release(plane, folder), folder, door_port)

        plane.kubectl("delete", "mutatingwebhookconfigurations", "--all", timeout_seconds=60)
        # Nobody needs an orderly end any more.
        plane.kubectl("delete", "pods", "--all", "-n", NAMESPACE, "--grace-period=1", "--wait=false")
        plane.kubectl("delete", "namespace", NAMESPACE, "--timeout=60s", timeout_seconds=90)


def values_of(door_port: int, dsn: str, **further: Mapping[str, Any]) -> dict[str, Any]:
    """The least that a user sets, and the address of the door's Service."""
    values: dict[str, Any] = {
        "clickhouse": {"dsn": dsn},
        "prometheus": {"sample": True},
        "tls": {"mode": "generated"},
        "mutate": {"mode": "deployment"},
        "settings": {"KUBEDOOR_WEBHOOK_PORT": str(door_port)},
    }
    for name, value in further.items():
        values[name] = {**values.get(name, {}), **value}
    return values
