"""Knative Serving's own webhook, controller and autoscaler as processes, on the toolbox's control plane.

The data path is missing: there is no ingress, no activator and no queue-proxy. So Routes wait for an ingress, whose
status a test may set, and traffic scales nothing.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.toolbox import processes
from tests.toolbox.build import need, need_files
from tests.toolbox.controlplane import ControlPlane
from tests.toolbox.helm import documents
from tests.toolbox.processes import Child

NAMESPACE = "knative-serving"
IMAGES = "registry.test"
NOWHERE = "10.64.250.1"
"""An unused address outside loopback: endpoints must not be loopback addresses."""
START_SECONDS = 90
WEBHOOKS = ("configmap-validation", "defaulting", "resource-validation")
DEFINITIONS = (
    *("configuration", "route", "revision", "service", "podautoscaler", "metric", "domain-mapping"),
    *("certificate", "domain-claim", "ingress", "serverlessservice", "image"),
)


class Knative:
    """A context manager: inside, Knative's objects are validated, defaulted and reconciled."""

    def __init__(self, plane: ControlPlane) -> None:
        self._plane = plane
        self._webhook_port = processes.free_port()
        self._children: list[Child] = []

    def __enter__(self) -> Self:
        try:
            self._install()
            for name in ("webhook", "controller", "autoscaler"):
                self._start(name)
            self._wait_for_webhook()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def _stop(self) -> None:
        for child in self._children:
            child.kill()
        hooks = ("mutatingwebhookconfigurations", "validatingwebhookconfigurations")
        for kind in hooks:
            # Without their server, these webhooks would refuse every Knative object.
            self._plane.kubectl("delete", kind, "-l", "app.kubernetes.io/name=knative-serving", check=False)

    def log_tails(self) -> str:
        return "\n".join(f"{child.name}:\n{child.log_tail()}" for child in self._children)

    def admit_routes(self, namespace: str) -> None:
        """Set every Ingress to ready, as net-kourier would."""
        for ingress in self._plane.get_all("ingresses.networking.internal.knative.dev", namespace):
            generation = ingress["metadata"]["generation"]
            if ingress.get("status", {}).get("observedGeneration") == generation:
                continue
            now = ingress["metadata"]["creationTimestamp"]
            kinds = ("LoadBalancerReady", "NetworkConfigured", "Ready")
            ready = [{"type": kind, "status": "True", "lastTransitionTime": now} for kind in kinds]
            inside = {"ingress": [{"domainInternal": "kourier-internal.kourier-system.svc.cluster.local"}]}
            status = {
                "observedGeneration": generation,
                "conditions": ready,
                "publicLoadBalancer": inside,
                "privateLoadBalancer": inside,
            }
            self._plane.kubectl(
                "patch",
                "ingresses.networking.internal.knative.dev",
                ingress["metadata"]["name"],
                "-n",
                namespace,
                "--subresource=status",
                "--type=merge",
                "-p",
                json.dumps({"status": status}),
            )

    def _install(self) -> None:
        files = {path.stem: path for path in need_files("knative")}
        settings = [path for name, path in files.items() if name not in (*WEBHOOKS, *DEFINITIONS)]
        metadata = {"name": NAMESPACE}
        self._plane.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
        self._plane.apply(*(_without_tag_resolution(one) for one in documents(*settings)))
        self._plane.apply(
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {**metadata, "name": "webhook-certs", "namespace": NAMESPACE},
            }
        )
        for name in ("webhook", "autoscaler", "controller"):
            self._plane.expose(name, NAMESPACE)
        activator = {"addresses": [{"ip": NOWHERE}], "ports": [{"name": "http", "port": 8012}]}
        metadata = {"name": "activator-service", "namespace": NAMESPACE}
        self._plane.apply({"apiVersion": "v1", "kind": "Endpoints", "metadata": metadata, "subsets": [activator]})
        self._plane.apply(*(self._reached(one) for one in documents(*(files[name] for name in WEBHOOKS))))

    def _reached(self, configuration: Any) -> Any:
        for hook in configuration["webhooks"]:
            hook["clientConfig"]["service"]["port"] = self._webhook_port
        return configuration

    def _start(self, name: str) -> None:
        environment = {
            **os.environ,
            "SYSTEM_NAMESPACE": NAMESPACE,
            "POD_NAME": name,
            "POD_IP": NOWHERE,
            "WEBHOOK_NAME": "webhook",
            "WEBHOOK_PORT": str(self._webhook_port),
            "CONFIG_LOGGING_NAME": "config-logging",
            "CONFIG_OBSERVABILITY_NAME": "config-observability",
            "METRICS_DOMAIN": "knative.dev/serving",
            "METRICS_PROMETHEUS_PORT": str(processes.free_port()),
            "PROFILING_PORT": str(processes.free_port()),
            "KUBERNETES_MIN_VERSION": "v1.28.0",
        }
        command: list[str | Path] = [need(f"knative-{name}"), f"--kubeconfig={self._plane.kubeconfig}"]
        log = self._plane.folder / f"knative-{name}.log"
        self._children.append(processes.start(f"knative-{name}", command, log=log, environment=environment))

    def _wait_for_webhook(self) -> None:
        def answers() -> bool:
            nonsense = {
                "apiVersion": "serving.knative.dev/v1",
                "kind": "Service",
                "metadata": {"name": "nonsense", "namespace": "default"},
                "spec": {"template": {"spec": {"containers": []}}},
            }
            said = self._plane.kubectl("create", "--dry-run=server", "-f", "-", input=json.dumps(nonsense), check=False)
            return "denied the request" in said.stderr or "must not be" in said.stderr

        processes.wait_until(
            answers, what="Knative's webhook answers", children=self._children, timeout_seconds=START_SECONDS
        )


def _without_tag_resolution(one: Any) -> Any:
    """Knative's settings, without the resolution of image tags: no registry has the images."""
    if one["metadata"]["name"] == "config-deployment":
        one["data"] = {"queue-sidecar-image": f"{IMAGES}/queue:1", "registries-skipping-tag-resolving": IMAGES}
    return one
