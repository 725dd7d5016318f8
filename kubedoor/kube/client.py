"""What KubeDoor asks of the API server of a cluster."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from kubedoor.errors import InvalidInput, NotFound
from kubedoor.kube.answers import DryRun, error_of, warnings_in
from kubedoor.kube.connection import ClusterConnection
from kubedoor.kube.ownership import FIELD_MANAGER
from kubedoor.sentences import sentence

_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
"""Object names are DNS subdomains (RFC 1123)."""
_APPLY = "application/apply-patch+yaml"
_METADATA = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"
_WEBHOOKS = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"


def path_segment(name: str) -> str:
    """`name`, safe as one segment of a URL path. Raises InvalidInput for an invalid name such as `../secrets`."""
    if not _NAME.fullmatch(name):
        raise InvalidInput(sentence("cluster.bad_name", name=repr(name[:100])), field="name")
    return name


class Cluster(ClusterConnection):
    """One cluster, by way of its API server. Methods raise as `request` does."""

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
        response, data = self.send("PATCH", path, body=manifest, query=query, content_type=_APPLY)
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
