"""The only importer of `kubernetes`: a few requests to one API server, JSON in and JSON out.

Typed models drop fields they do not know, so objects stay the JSON they came as. Nothing is loaded or connected before
the first request; the client is imported by it too, since that takes half a second and 40 MB which a start without a
cluster need not pay.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import urllib3.exceptions

from kubedoor.errors import ClusterError, Conflict, Forbidden, InvalidInput, KubeDoorError, NoClusterAccess, NotFound

if TYPE_CHECKING:
    from kubernetes.client import ApiClient, Configuration

NO_CLUSTER = "none"
PAGE_SIZE = 500
_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
"""A DNS subdomain (RFC 1123), as object names are."""
MAX_PAGES = 1000
_WEBHOOKS = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"


def segment(name: str) -> str:
    """`name` as one segment of a path. Raises InvalidInput for what is no name in Kubernetes, such as `../secrets`."""
    if not _NAME.fullmatch(name):
        raise InvalidInput(f"{name[:100]!r} is not a name that Kubernetes knows", field="name")
    return name


class Cluster:
    """One cluster, by kubeconfig file and context, or by the pod's service account. Safe to share between threads."""

    def __init__(
        self, *, kubeconfig: str = "", context: str = "", timeout_seconds: float = 10.0, no_access: str = ""
    ) -> None:
        """`no_access`: why nothing is to be asked of this cluster at all, where that is so."""
        self._no_access = no_access
        self._kubeconfig = kubeconfig
        self._context = context
        self._timeout_seconds = timeout_seconds
        self._lock = threading.Lock()
        self._client: ApiClient | None = None
        self._read_at = 0.0

    def check_access(self) -> None:
        """Raises NoClusterAccess where every request would; asks nobody."""
        if self._no_access:
            raise NoClusterAccess(self._no_access)

    def request(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        query: dict[str, str] | None = None,
        content_type: str = "application/json",
    ) -> Any:
        """Send one request.

        Raises NotFound, Conflict and Forbidden for what the API server says, ClusterError when there is no cluster or
        it does not answer, NoClusterAccess when nobody gave us a way to it.
        """
        self.check_access()
        api = self._api()
        from kubernetes.client.exceptions import ApiException

        headers = {"Accept": "application/json", "Content-Type": content_type}
        prepared = api.param_serialize(
            method,
            path,
            query_params=list((query or {}).items()),
            header_params=headers,
            body=body,
            auth_settings=["BearerToken"],
        )
        try:
            response = api.call_api(*prepared, _request_timeout=(self._timeout_seconds, self._timeout_seconds))
            data = response.read()
        except (ApiException, urllib3.exceptions.HTTPError, OSError) as error:
            raise ClusterError("the API server does not answer") from error
        if response.status >= 400:
            raise _refusal(response.status, data)
        return json.loads(data) if data else {}

    def version(self) -> str:
        return str(self.request("GET", "/version")["gitVersion"])

    def webhook_configuration(self, name: str) -> dict[str, Any] | None:
        """None when it is not there."""
        return self._get(f"{_WEBHOOKS}/{segment(name)}")

    def apply_webhook_configuration(self, manifest: dict[str, Any]) -> None:
        """Create it, or make the existing one like `manifest`, by server-side apply."""
        path = f"{_WEBHOOKS}/{segment(manifest['metadata']['name'])}"
        query = {"fieldManager": "kubedoor", "force": "true"}
        self.request("PATCH", path, body=manifest, query=query, content_type="application/apply-patch+yaml")

    def patch_webhook_configuration(self, name: str, patch: list[dict[str, Any]]) -> None:
        """Change what is there, by JSON patch."""
        self.request("PATCH", f"{_WEBHOOKS}/{segment(name)}", body=patch, content_type="application/json-patch+json")

    def delete_webhook_configuration(self, name: str) -> None:
        """What is already gone is no error."""
        try:
            self.request("DELETE", f"{_WEBHOOKS}/{segment(name)}")
        except NotFound:
            return

    def service_exists(self, namespace: str, name: str) -> bool:
        return self._get(f"/api/v1/namespaces/{segment(namespace)}/services/{segment(name)}") is not None

    def deployment(self, namespace: str, name: str) -> dict[str, Any] | None:
        """None when it is not there."""
        return self._get(f"/apis/apps/v1/namespaces/{segment(namespace)}/deployments/{segment(name)}")

    def deployments(self) -> Iterator[dict[str, Any]]:
        """Every Deployment of the cluster, page by page."""
        yield from self._list("/apis/apps/v1/deployments")

    def patch_deployment(
        self, namespace: str, name: str, patch: dict[str, Any], *, dry_run: bool = False
    ) -> dict[str, Any]:
        """Apply a merge patch; the Deployment as it is then, or as it would be."""
        path = f"/apis/apps/v1/namespaces/{segment(namespace)}/deployments/{segment(name)}"
        return self._merge(path, patch, dry_run=dry_run)

    def scale_deployment(self, namespace: str, name: str, replicas: int, *, dry_run: bool = False) -> int:
        """Ask for replicas through the scale subresource; how many were stored, which admission may have changed."""
        path = f"/apis/apps/v1/namespaces/{segment(namespace)}/deployments/{segment(name)}/scale"
        # NB: a Scale leaves `replicas` out when it is zero.
        return int(self._merge(path, {"spec": {"replicas": replicas}}, dry_run=dry_run)["spec"].get("replicas", 0))

    def _merge(self, path: str, patch: dict[str, Any], *, dry_run: bool) -> dict[str, Any]:
        query = {"fieldManager": "kubedoor", **({"dryRun": "All"} if dry_run else {})}
        changed: dict[str, Any] = self.request(
            "PATCH", path, body=patch, query=query, content_type="application/merge-patch+json"
        )
        return changed

    def apply_object(self, path: str, manifest: dict[str, Any]) -> None:
        """Create the object at `path`, or make the existing one like `manifest`, by server-side apply."""
        query = {"fieldManager": "kubedoor", "force": "true"}
        self.request("PATCH", path, body=manifest, query=query, content_type="application/apply-patch+yaml")

    def delete_object(self, path: str) -> None:
        """Delete an object and leave what it made to itself; what is already gone is no error."""
        try:
            self.request("DELETE", path, query={"propagationPolicy": "Orphan"})
        except NotFound:
            return

    def autoscaled_deployments(self) -> set[tuple[str, str]]:
        """(namespace, name) of every Deployment that a HorizontalPodAutoscaler targets."""
        targets = set()
        for autoscaler in self._list("/apis/autoscaling/v2/horizontalpodautoscalers"):
            target = autoscaler["spec"]["scaleTargetRef"]
            if target["kind"] == "Deployment":
                targets.add((autoscaler["metadata"]["namespace"], target["name"]))
        return targets

    def namespaces_labelled(self, label: str) -> set[str]:
        """The names of the namespaces that have this label, whatever its value."""
        found = self._list("/api/v1/namespaces", labelSelector=label)
        return {str(namespace["metadata"]["name"]) for namespace in found}

    def may(self, verb: str, group: str, resource: str, *, name: str = "", namespace: str = "") -> bool:
        """Whether KubeDoor's own user is allowed this, as the API server says; without a namespace, everywhere."""
        attributes = {"verb": verb, "group": group, "resource": resource, "name": name, "namespace": namespace}
        body = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": attributes},
        }
        answer = self.request("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", body=body)
        return bool(answer["status"]["allowed"])

    def _get(self, path: str) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = self.request("GET", path)
        except NotFound:
            return None
        return found

    def _list(self, path: str, **selected: str) -> Iterator[dict[str, Any]]:
        query = {"limit": str(PAGE_SIZE), **selected}
        for _ in range(MAX_PAGES):
            page = self.request("GET", path, query=query)
            yield from page.get("items") or ()
            if not (following := page.get("metadata", {}).get("continue")):
                return
            query["continue"] = following

    def _api(self) -> ApiClient:
        with self._lock:
            written_at = self._written_at()
            if self._client is None or written_at != self._read_at:
                from kubernetes import client

                self._client, self._read_at = client.ApiClient(self._configuration()), written_at
            return self._client

    def _written_at(self) -> float:
        """Of the kubeconfig, which is replaced when its token or certificate is; 0 where there is none to look at."""
        try:
            return Path(self._kubeconfig).expanduser().stat().st_mtime if self._kubeconfig else 0.0
        except OSError:
            return 0.0

    def _configuration(self) -> Configuration:
        if self._kubeconfig == NO_CLUSTER:
            raise ClusterError("no cluster is configured (KUBEDOOR_KUBECONFIG is none)")
        from kubernetes import client, config
        from kubernetes.config import ConfigException

        loaded = client.Configuration()
        try:
            if not self._kubeconfig and not self._context:
                try:
                    config.load_incluster_config(client_configuration=loaded)
                except ConfigException:
                    config.load_kube_config(client_configuration=loaded)
            else:
                config.load_kube_config(
                    config_file=self._kubeconfig or None, context=self._context or None, client_configuration=loaded
                )
        except (ConfigException, OSError, ValueError) as error:
            raise ClusterError("no cluster is configured: set KUBEDOOR_KUBECONFIG to a kubeconfig file") from error
        loaded.retries = False
        return loaded


def _refusal(status: int, data: bytes) -> KubeDoorError:
    """The API server's own words; anything that is not a Status is not shown."""
    try:
        parsed = json.loads(data)
        words = str(parsed["message"]) if parsed.get("kind") == "Status" else ""
    except (ValueError, KeyError, AttributeError):
        words = ""
    message = words[:500] or f"the API server answered {status}"
    if status == 404:
        return NotFound(message)
    if status == 409:
        return Conflict(message)
    if status in (401, 403):
        return Forbidden(f"the cluster does not allow this to KubeDoor: {message}")
    return ClusterError(message, status=status)
