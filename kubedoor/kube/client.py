"""A small client for one API server; the only importer of `kubernetes`.

Objects are plain JSON: the typed models of `kubernetes` would drop fields that they do not know. The first request
connects and imports `kubernetes` (half a second, 40 MB): a process without a cluster starts without that cost.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kubedoor.errors import ClusterError, InvalidInput, NoClusterAccess, NoClusterConfigured, NotFound
from kubedoor.kube.answers import DryRun, error_of, lines_of, warnings_in
from kubedoor.kube.kubeconfig import NO_CLUSTER
from kubedoor.kube.ownership import FIELD_MANAGER
from kubedoor.sentences import NOTHING, Sentence, sentence

if TYPE_CHECKING:
    from kubernetes.client import ApiClient, Configuration
    from kubernetes.client.rest import RESTResponse

PAGE_SIZE = 500
_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
"""Object names are DNS subdomains (RFC 1123)."""
MAX_PAGES = 1000
WATCH_GRACE = 10
"""Seconds after the end of a watch until a connection counts as broken on which nothing has come."""
_APPLY = "application/apply-patch+yaml"
_METADATA = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"
_METADATA_LIST = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"
_WEBHOOKS = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"


def path_segment(name: str) -> str:
    """`name`, safe as one segment of a URL path. Raises InvalidInput for an invalid name such as `../secrets`."""
    if not _NAME.fullmatch(name):
        raise InvalidInput(sentence("cluster.bad_name", name=repr(name[:100])), field="name")
    return name


class Cluster:
    """The API server of a kubeconfig context, or of the pod's service account. Thread-safe."""

    def __init__(
        self, *, kubeconfig: str = "", context: str = "", timeout_seconds: float = 10.0, no_access: Sentence = NOTHING
    ) -> None:
        """`no_access`: if not empty, every request fails with NoClusterAccess and this reason."""
        self._no_access = no_access
        self._kubeconfig = kubeconfig
        self._context = context
        self._timeout_seconds = timeout_seconds
        self._lock = threading.Lock()
        self._client: ApiClient | None = None
        self._loaded_mtime = 0.0

    def check_access(self) -> None:
        """Raises NoClusterAccess if this cluster was configured without access. Sends nothing."""
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
        accept: str = "application/json",
    ) -> Any:
        """Send one request; returns the JSON response, `{}` if it is empty.

        Raises NotFound, Conflict, Forbidden or ClusterError for an error status, ClusterError if no cluster is
        configured or it does not answer, NoClusterAccess if this cluster was configured without access.
        """
        response, data = self._send(method, path, body=body, query=query, content_type=content_type, accept=accept)
        if response.status >= 400:
            raise error_of(response.status, data)
        return json.loads(data) if data else {}

    def _send(
        self,
        method: str,
        path: str,
        *,
        body: Any,
        query: dict[str, str] | None,
        content_type: str,
        accept: str = "application/json",
    ) -> tuple[RESTResponse, bytes]:
        """The response, whatever its status, and its body. Raises ClusterError and NoClusterAccess."""
        with _translated():
            response = self._open(method, path, body=body, query=query, content_type=content_type, accept=accept)
            return response, response.read()

    def _open(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        query: dict[str, str] | None,
        content_type: str = "application/json",
        accept: str = "application/json",
        silence_seconds: float | None = None,
    ) -> RESTResponse:
        """The response, of which only the headers have been read. `silence_seconds`: the longest wait for more of it."""
        self.check_access()
        api = self._api()
        headers = {"Accept": accept, "Content-Type": content_type}
        prepared = api.param_serialize(
            method,
            path,
            query_params=list((query or {}).items()),
            header_params=headers,
            body=body,
            auth_settings=["BearerToken"],
        )
        timeouts = self._timeout_seconds, silence_seconds or self._timeout_seconds
        return api.call_api(*prepared, _request_timeout=timeouts)

    def version(self) -> str:
        return str(self.request("GET", "/version")["gitVersion"])

    def webhook_configuration(self, name: str) -> dict[str, Any] | None:
        """None if it does not exist."""
        return self._get(f"{_WEBHOOKS}/{path_segment(name)}")

    def apply_webhook_configuration(self, manifest: dict[str, Any]) -> None:
        """Create or update it by server-side apply."""
        path = f"{_WEBHOOKS}/{path_segment(manifest['metadata']['name'])}"
        query = {"fieldManager": FIELD_MANAGER, "force": "true"}
        self.request("PATCH", path, body=manifest, query=query, content_type=_APPLY)

    def patch_webhook_configuration(self, name: str, patch: list[dict[str, Any]]) -> None:
        """Apply a JSON patch (RFC 6902). Raises NotFound."""
        self.request(
            "PATCH", f"{_WEBHOOKS}/{path_segment(name)}", body=patch, content_type="application/json-patch+json"
        )

    def delete_webhook_configuration(self, name: str) -> None:
        """Idempotent: no error if it does not exist."""
        try:
            self.request("DELETE", f"{_WEBHOOKS}/{path_segment(name)}")
        except NotFound:
            return

    def service_exists(self, namespace: str, name: str) -> bool:
        return self._get(f"/api/v1/namespaces/{path_segment(namespace)}/services/{path_segment(name)}") is not None

    def deployment(self, namespace: str, name: str) -> dict[str, Any] | None:
        """None if it does not exist."""
        return self._get(f"/apis/apps/v1/namespaces/{path_segment(namespace)}/deployments/{path_segment(name)}")

    def deployments(self) -> Iterator[dict[str, Any]]:
        """All Deployments of the cluster, requested in pages."""
        yield from self.list_objects("/apis/apps/v1/deployments")

    def patch_deployment(
        self, namespace: str, name: str, patch: dict[str, Any], *, dry_run: bool = False
    ) -> dict[str, Any]:
        """Apply a merge patch (RFC 7396); returns the resulting Deployment, of a dry run the one that would result."""
        path = f"/apis/apps/v1/namespaces/{path_segment(namespace)}/deployments/{path_segment(name)}"
        return self._patch_object(path, patch, "application/merge-patch+json", dry_run=dry_run)

    def json_patch_deployment(
        self, namespace: str, name: str, patch: list[dict[str, Any]], *, dry_run: bool = False
    ) -> dict[str, Any]:
        """Apply a JSON patch (RFC 6902); otherwise as `patch_deployment`. Raises Conflict if a lock in it is stale."""
        path = f"/apis/apps/v1/namespaces/{path_segment(namespace)}/deployments/{path_segment(name)}"
        return self._patch_object(path, patch, "application/json-patch+json", dry_run=dry_run)

    def scale_deployment(self, namespace: str, name: str, replicas: int, *, dry_run: bool = False) -> int:
        """Set replicas through the scale subresource; returns the stored number, which admission may have changed."""
        path = f"/apis/apps/v1/namespaces/{path_segment(namespace)}/deployments/{path_segment(name)}/scale"
        patch = {"spec": {"replicas": replicas}}
        changed = self._patch_object(path, patch, "application/merge-patch+json", dry_run=dry_run)
        # NB: a Scale omits `replicas` if it is zero.
        return int(changed["spec"].get("replicas", 0))

    def _patch_object(self, path: str, patch: Any, content_type: str, *, dry_run: bool) -> dict[str, Any]:
        query = {"fieldManager": FIELD_MANAGER, **({"dryRun": "All"} if dry_run else {})}
        changed: dict[str, Any] = self.request("PATCH", path, body=patch, query=query, content_type=content_type)
        return changed

    def apply_object(self, path: str, manifest: dict[str, Any]) -> None:
        """Create or update the object at `path` by server-side apply."""
        query = {"fieldManager": FIELD_MANAGER, "force": "true"}
        self.request("PATCH", path, body=manifest, query=query, content_type=_APPLY)

    def apply_large_object(self, path: str, manifest: dict[str, Any]) -> dict[str, Any]:
        """As `apply_object`; returns the `metadata` of what is stored, which is not sent back as a whole."""
        query = {"fieldManager": FIELD_MANAGER, "force": "true"}
        applied = self.request("PATCH", path, body=manifest, query=query, content_type=_APPLY, accept=_METADATA)
        metadata: dict[str, Any] = applied["metadata"]
        return metadata

    def dry_run_apply(self, path: str, manifest: dict[str, Any]) -> DryRun:
        """Server-side apply without storing anything. Raises ClusterError if there is no answer, NoClusterAccess."""
        query = {"fieldManager": FIELD_MANAGER, "force": "true", "dryRun": "All"}
        response, data = self._send("PATCH", path, body=manifest, query=query, content_type=_APPLY)
        warnings = warnings_in(response.headers.getlist("Warning"))
        return DryRun(warnings, error_of(response.status, data) if response.status >= 400 else None)

    def delete_object(self, path: str) -> None:
        """Delete an object but not its dependents. Idempotent: no error if it does not exist."""
        try:
            self.request("DELETE", path, query={"propagationPolicy": "Orphan"})
        except NotFound:
            return

    def autoscaled_deployments(self) -> set[tuple[str, str]]:
        """(namespace, name) of every Deployment that a HorizontalPodAutoscaler targets."""
        targets = set()
        for autoscaler in self.list_objects("/apis/autoscaling/v2/horizontalpodautoscalers"):
            target = autoscaler["spec"]["scaleTargetRef"]
            if target["kind"] == "Deployment":
                targets.add((autoscaler["metadata"]["namespace"], target["name"]))
        return targets

    def namespaces_labelled(self, label: str) -> set[str]:
        """Names of the namespaces that have this label, with any value."""
        labelled = self.list_objects("/api/v1/namespaces", labelSelector=label)
        return {str(namespace["metadata"]["name"]) for namespace in labelled}

    def may(self, verb: str, group: str, resource: str, *, name: str = "", namespace: str = "") -> bool:
        """Whether the API server allows this to KubeDoor's own user; without a namespace: in all namespaces.

        `resource`: as a role has it, such as `deployments/scale`.
        """
        resource, _, part = resource.partition("/")
        attributes = {"verb": verb, "group": group, "resource": resource, "name": name, "namespace": namespace}
        attributes["subresource"] = part
        body = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": attributes},
        }
        answer = self.request("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", body=body)
        return bool(answer["status"]["allowed"])

    def _get(self, path: str) -> dict[str, Any] | None:
        try:
            answer: dict[str, Any] = self.request("GET", path)
        except NotFound:
            return None
        return answer

    def list_metadata(self, path: str, **selectors: str) -> Iterator[dict[str, Any]]:
        """The `metadata` of each object of the collection at `path`; otherwise as `list_objects`."""
        for one in self._pages(path, selectors, accept=_METADATA_LIST):
            yield one["metadata"]

    def list_objects(self, path: str, **selectors: str) -> Iterator[dict[str, Any]]:
        """The objects of the collection at `path`, e.g. `/api/v1/nodes`, requested in pages.

        The timeout is that of each page. Raises as `request` does: NotFound if the API server has no such collection.
        """
        return self._pages(path, selectors)

    def _pages(self, path: str, selectors: dict[str, str], **options: str) -> Iterator[dict[str, Any]]:
        query = {"limit": str(PAGE_SIZE), **selectors}
        for _ in range(MAX_PAGES):
            page = self.request("GET", path, query=query, **options)
            yield from page.get("items") or ()
            if not (following := page.get("metadata", {}).get("continue")):
                return
            query["continue"] = following

    def watch(self, path: str, *, resource_version: str, seconds: int) -> Iterator[bytes]:
        """Changes of the collection at `path` since `resource_version`: each a JSON event. Ends after `seconds`.

        An empty line comes first, once the watch is open: until something changes, nothing else may come.
        Raises as `request` does; ClusterError, too, where the connection breaks off.
        """
        query = {"watch": "1", "allowWatchBookmarks": "true", "resourceVersion": resource_version}
        with _translated():
            response = self._open(
                "GET", path, query={**query, "timeoutSeconds": str(seconds)}, silence_seconds=seconds + WATCH_GRACE
            )
            if response.status >= 400:
                raise error_of(response.status, response.read())
            raw = response.response
            try:
                yield b""
                yield from lines_of(raw.stream(65_536))
            finally:
                # Not back to the pool: the rest of a body that nobody reads would stand before the next answer.
                raw.close()

    def _api(self) -> ApiClient:
        with self._lock:
            mtime = self._kubeconfig_mtime()
            if self._client is None or mtime != self._loaded_mtime:
                from kubernetes import client

                self._client, self._loaded_mtime = client.ApiClient(self._configuration()), mtime
            return self._client

    def _kubeconfig_mtime(self) -> float:
        """0 if there is no file. A change means a new token or certificate, so the file is loaded again."""
        try:
            return Path(self._kubeconfig).expanduser().stat().st_mtime if self._kubeconfig else 0.0
        except OSError:
            return 0.0

    def _configuration(self) -> Configuration:
        if self._kubeconfig == NO_CLUSTER:
            raise NoClusterConfigured(sentence("cluster.none"))
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
            raise NoClusterConfigured(sentence("cluster.not_configured")) from error
        loaded.retries = False
        return loaded


@contextmanager
def _translated() -> Iterator[None]:
    """Raises ClusterError for what the client raises where there is no answer."""
    from kubernetes.client.exceptions import ApiException
    from urllib3.exceptions import HTTPError

    try:
        yield
    except (ApiException, HTTPError, OSError) as error:
        raise ClusterError(sentence("cluster.no_answer")) from error
