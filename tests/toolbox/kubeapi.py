"""A minimal client of the toolbox's API server, for polling: a kubectl process per request would be too slow."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import requests

from tests.toolbox.controlplane import ControlPlane
from tests.toolbox.processes import PartFailed

TIMEOUT_SECONDS = 30
TOKEN_SECONDS = 3600


class KubeApi:
    """A context manager; sends requests as the administrator."""

    def __init__(self, plane: ControlPlane) -> None:
        self._url = plane.url
        self._ca = plane.ca_file
        self._session = requests.Session()
        self._session.trust_env = False  # REQUESTS_CA_BUNDLE would win over `verify`.
        self._session.cert = (str(plane.folder / "admin.crt"), str(plane.folder / "admin.key"))
        self._session.verify = str(plane.ca_file)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._session.close()

    def find(self, path: str, query: Mapping[str, str] | None = None) -> dict[str, Any] | None:
        """None: no such object."""
        answer = self._session.get(self._url + path, params=query, timeout=TIMEOUT_SECONDS)
        return None if answer.status_code == 404 else self._checked(answer)

    def get(self, path: str, query: Mapping[str, str] | None = None) -> dict[str, Any]:
        return self._checked(self._session.get(self._url + path, params=query, timeout=TIMEOUT_SECONDS))

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        return self._checked(self._session.post(self._url + path, json=body, timeout=TIMEOUT_SECONDS))

    def put(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        return self._checked(self._session.put(self._url + path, json=body, timeout=TIMEOUT_SECONDS))

    def apply(self, path: str, body: Mapping[str, Any], *, manager: str, dry_run: bool = False) -> dict[str, Any]:
        """A server-side apply that takes fields from other managers."""
        query = {"fieldManager": manager, "force": "true", **({"dryRun": "All"} if dry_run else {})}
        headers = {"Content-Type": "application/apply-patch+yaml"}
        content = json.dumps(body)
        return self._checked(
            self._session.patch(self._url + path, data=content, params=query, headers=headers, timeout=TIMEOUT_SECONDS)
        )

    def patch(self, path: str, body: Mapping[str, Any]) -> None:
        """A merge patch. A missing object is no error."""
        headers = {"Content-Type": "application/merge-patch+json"}
        answer = self._session.patch(self._url + path, json=body, headers=headers, timeout=TIMEOUT_SECONDS)
        if answer.status_code != 404:
            self._checked(answer)

    def delete(self, path: str, options: Mapping[str, Any]) -> None:
        """A missing object is no error."""
        answer = self._session.delete(self._url + path, json=options, timeout=TIMEOUT_SECONDS)
        if answer.status_code != 404:
            self._checked(answer)

    def token(self, namespace: str, account: str) -> str:
        """A token of a service account, as mounted into its pods."""
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token"
        found = self.post(path, {"spec": {"expirationSeconds": TOKEN_SECONDS}})
        return str(found["status"]["token"])

    def kubeconfig(self, token: str) -> dict[str, Any]:
        """A kubeconfig with `token`."""
        ca = base64.b64encode(self._ca.read_bytes()).decode()
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "toolbox", "cluster": {"server": self._url, "certificate-authority-data": ca}}],
            "users": [{"name": "pod", "user": {"token": token}}],
            "contexts": [{"name": "toolbox", "context": {"cluster": "toolbox", "user": "pod"}}],
            "current-context": "toolbox",
        }

    @staticmethod
    def _checked(answer: requests.Response) -> dict[str, Any]:
        if not answer.ok:
            raise PartFailed(f"{answer.request.method} {answer.url}: {answer.status_code} {answer.text[:500]}")
        found: dict[str, Any] = answer.json()
        return found
