"""Another mutating webhook, which the API server calls after the door: it changes Deployments, or denies them."""

from __future__ import annotations

import base64
import json
import ssl
import threading
from collections.abc import Callable, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from tests.support.builders import make_container
from tests.toolbox.controlplane import ControlPlane

NAME = "zz-later"
"""The API server calls webhook configurations in the order of their names."""
SERVICE = "later"
Answer = Callable[[dict[str, Any]], dict[str, Any]]
"""What is answered to an admission request."""


class LaterWebhook:
    """A context manager: inside, it answers for every Deployment of the namespace, and for other `resources`."""

    def __init__(
        self, plane: ControlPlane, namespace: str, answer: Answer, *, resources: Sequence[str] = ("deployments",)
    ) -> None:
        self._plane = plane
        self._namespace = namespace
        self._answer = answer
        self._resources = resources
        self.is_called = False
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._server.socket = self._tls().wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, name=NAME, daemon=True)

    @property
    def port(self) -> int:
        return self._server.server_port

    def __enter__(self) -> Self:
        self._thread.start()
        self._plane.expose(SERVICE, self._namespace)
        self._plane.apply(self._registration())
        self._plane.wait_for(self._is_asked, what=f"the API server calls {NAME}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._plane.kubectl("delete", "mutatingwebhookconfiguration", NAME, "--ignore-not-found")
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _is_asked(self) -> bool:
        words = ("create", "deployment", "probe", "--image=registry.test/app:1", "--dry-run=server")
        self._plane.kubectl(*words, "-n", self._namespace)
        return self.is_called

    def _tls(self) -> ssl.SSLContext:
        certificate = self._plane.layout.authority.issue(SERVICE, names=(f"{SERVICE}.{self._namespace}.svc",))
        paths = self._plane.folder / f"{NAME}.crt", self._plane.folder / f"{NAME}.key"
        certificate.write(*paths)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*paths)
        return context

    def _registration(self) -> dict[str, Any]:
        service = {"name": SERVICE, "namespace": self._namespace, "path": "/", "port": self.port}
        webhook = {
            "name": "later.kubedoor.test",
            "admissionReviewVersions": ["v1"],
            "sideEffects": "None",
            "failurePolicy": "Fail",
            "clientConfig": {"service": service, "caBundle": self._plane.ca_bundle},
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": self._namespace}},
            "rules": [
                {
                    "apiGroups": ["apps"],
                    "apiVersions": ["v1"],
                    "operations": ["CREATE", "UPDATE"],
                    "resources": list(self._resources),
                }
            ],
        }
        return {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "MutatingWebhookConfiguration",
            "metadata": {"name": NAME},
            "webhooks": [webhook],
        }

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        webhook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                webhook.is_called = True
                review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                body = json.dumps({**review, "response": webhook._answer(review["request"])}).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *arguments: object) -> None:
                pass

        return Handler


def inject(request: dict[str, Any]) -> dict[str, Any]:
    """Every Deployment gets a container `injected`."""
    response = {"uid": request["uid"], "allowed": True}
    containers = request["object"]["spec"]["template"]["spec"]["containers"]
    if any(one["name"] == "injected" for one in containers):
        return response
    patch = [{"op": "add", "path": "/spec/template/spec/containers/-", "value": make_container("injected")}]
    return {**response, "patchType": "JSONPatch", "patch": base64.b64encode(json.dumps(patch).encode()).decode()}


def deny_updates(request: dict[str, Any]) -> dict[str, Any]:
    return {"uid": request["uid"], "allowed": request["operation"] != "UPDATE"}
