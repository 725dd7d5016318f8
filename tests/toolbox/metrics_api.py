"""A metrics.k8s.io API with usage set by the test, registered with the API server's aggregator.

With it, the real HPA controller scales Deployments. Every running pod has the usage of its namespace.
"""

from __future__ import annotations

import json
import ssl
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from tests.toolbox.controlplane import ControlPlane

GROUP_VERSION = "metrics.k8s.io/v1beta1"
ROOT = f"/apis/{GROUP_VERSION}"
API_SERVICE = "v1beta1.metrics.k8s.io"
SERVICE, NAMESPACE = "metrics-server", "kube-system"
READ_TIMEOUT_SECONDS = 30
RESOURCES = {
    "kind": "APIResourceList",
    "apiVersion": "v1",
    "groupVersion": GROUP_VERSION,
    "resources": [
        {"name": "pods", "singularName": "", "namespaced": True, "kind": "PodMetrics", "verbs": ["get", "list"]}
    ],
}


class MetricsApi:
    """A context manager: inside, `kubectl top pods` shows the usage set by `use`."""

    def __init__(self, plane: ControlPlane) -> None:
        self.plane = plane
        self._millicores: dict[str, int] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._server.socket = self._tls().wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, name="metrics-api")

    def use(self, namespace: str, cpu_millicores: int) -> None:
        """Set the usage of every container in the namespace."""
        self._millicores[namespace] = cpu_millicores

    def __enter__(self) -> Self:
        self._thread.start()
        self.plane.expose(SERVICE, NAMESPACE)
        self.plane.apply(self._registration())
        self.plane.wait_for(self._is_available, what=f"{API_SERVICE} is available")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # An API that is registered but does not answer would keep every namespace from being deleted.
        self.plane.kubectl("delete", "apiservice", API_SERVICE, "--ignore-not-found")
        self._server.shutdown()
        self._thread.join(10)
        self._server.server_close()

    def _tls(self) -> ssl.SSLContext:
        paths = (self.plane.folder / "metrics-api.crt", self.plane.folder / "metrics-api.key")
        self.plane.layout.authority.issue(SERVICE, names=(f"{SERVICE}.{NAMESPACE}.svc",)).write(*paths)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*paths)
        return context

    def _registration(self) -> dict[str, Any]:
        group, version = GROUP_VERSION.split("/")
        return {
            "apiVersion": "apiregistration.k8s.io/v1",
            "kind": "APIService",
            "metadata": {"name": API_SERVICE},
            "spec": {
                "group": group,
                "version": version,
                "groupPriorityMinimum": 100,
                "versionPriority": 100,
                "caBundle": self.plane.ca_bundle,
                "service": {"name": SERVICE, "namespace": NAMESPACE, "port": self._server.server_port},
            },
        }

    def _is_available(self) -> bool:
        conditions = self.plane.get("apiservice", API_SERVICE).get("status", {}).get("conditions", ())
        return any(one["type"] == "Available" and one["status"] == "True" for one in conditions)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = READ_TIMEOUT_SECONDS

            def do_GET(self) -> None:
                status, document = api.answer(self.path)
                body = json.dumps(document).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *arguments: object) -> None:
                """Silent: the API server polls every few seconds."""

        return Handler

    def answer(self, url: str) -> tuple[int, dict[str, Any]]:
        """(status, body) for a request of the API server."""
        parts = urlsplit(url)
        if parts.path == ROOT:
            return 200, RESOURCES
        words = parts.path.removeprefix(ROOT).strip("/").split("/")
        if parts.path.startswith(f"{ROOT}/") and len(words) == 3 and words[0] == "namespaces" and words[2] == "pods":
            selector = parse_qs(parts.query).get("labelSelector", [""])[0]
            return 200, self._pods(words[1], selector)
        return 404, {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404}

    def _pods(self, namespace: str, selector: str) -> dict[str, Any]:
        running = [
            pod
            for pod in self.plane.get_all("pods", namespace, selector=selector)
            if pod.get("status", {}).get("phase") == "Running"
        ]
        items = [self._usage(pod, self._millicores.get(namespace, 0)) for pod in running]
        return {"kind": "PodMetricsList", "apiVersion": GROUP_VERSION, "metadata": {}, "items": items}

    def _usage(self, pod: dict[str, Any], millicores: int) -> dict[str, Any]:
        usage = {"cpu": f"{millicores}m", "memory": "64Mi"}
        return {
            "metadata": {name: pod["metadata"].get(name) for name in ("name", "namespace", "labels")},
            "timestamp": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "window": "15s",
            "containers": [{"name": one["name"], "usage": usage} for one in pod["spec"]["containers"]],
        }
