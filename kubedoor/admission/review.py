"""Parses AdmissionReviews (admission.k8s.io/v1) and builds the answers. Pure."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import orjson

from kubedoor.errors import BadRequest
from kubedoor.sentences import sentence


class AdmissionRequest(NamedTuple):
    """The fields of an AdmissionReview's request that decisions need."""

    uid: str
    operation: str
    group: str
    resource: str
    subresource: str
    namespace: str
    name: str
    username: str
    dry_run: bool
    object: dict[str, Any]
    old_object: dict[str, Any]

    @property
    def is_scale(self) -> bool:
        return self.subresource == "scale"

    @property
    def shown_name(self) -> str:
        """The name to display: `web-*` if the API server will generate it from `generateName`, after the admission."""
        prefix = (self.object.get("metadata") or {}).get("generateName")
        return self.name or (f"{prefix}*" if prefix else "")


def parse_review(body: Any) -> AdmissionRequest:
    """Read an AdmissionReview v1.

    Raises BadRequest, naming the field, if the body is not one. The object may be of any kind.
    """
    if not isinstance(body, dict) or body.get("kind") != "AdmissionReview":
        raise BadRequest(sentence("requests.not_a_review"), field="kind")
    if body.get("apiVersion") != "admission.k8s.io/v1":
        version = repr(body.get("apiVersion"))
        raise BadRequest(sentence("requests.review_version", version=version), field="apiVersion")
    request = _mapping(body, "request")
    uid = request.get("uid")
    if not isinstance(uid, str) or not uid:
        raise BadRequest(sentence("requests.missing", field="request.uid"), field="request.uid")
    resource, user = _mapping(request, "resource"), _mapping(request, "userInfo")
    if not isinstance(request.get("operation"), str):
        raise BadRequest(sentence("requests.missing", field="request.operation"), field="request.operation")
    changed = _mapping(request, "object")
    metadata = _mapping(changed, "metadata")
    name = str(request.get("name") or metadata.get("name") or "")
    username, namespace = str(user.get("username") or ""), str(request.get("namespace") or "")
    texts = (uid, request["operation"], name, username, namespace, str(metadata.get("generateName") or ""))
    if not is_valid_unicode("".join(texts) + "".join(map(str, resource.values()))):
        raise BadRequest(sentence("requests.review_not_unicode"), field="request")
    return AdmissionRequest(
        uid=uid,
        operation=request["operation"],
        group=str(resource.get("group") or ""),
        resource=str(resource.get("resource") or ""),
        subresource=str(request.get("subResource") or ""),
        namespace=namespace,
        name=name,
        username=username,
        dry_run=request.get("dryRun") is True,
        object=changed,
        old_object=_mapping(request, "oldObject"),
    )


def is_valid_unicode(text: str) -> bool:
    """False for a lone surrogate, which JSON can encode but no database can store."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _mapping(parent: Mapping[str, Any], key: str) -> dict[str, Any]:
    value = parent.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise BadRequest(sentence("requests.not_an_object", field=key), field=key)
    return value


def review_response(
    request: AdmissionRequest,
    *,
    allowed: bool,
    reason: str,
    patch: Sequence[Mapping[str, Any]] = (),
    warnings: Sequence[str] = (),
    annotations: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """The AdmissionReview to answer with. `reason` is the message to a user whose request is denied."""
    response: dict[str, Any] = {"uid": request.uid, "allowed": allowed}
    if patch:
        # The API server rejects patchType without patch, and patch without patchType.
        response["patchType"] = "JSONPatch"
        response["patch"] = base64.b64encode(orjson.dumps(patch)).decode()
    if warnings:
        response["warnings"] = list(warnings)
    if not allowed:
        response["status"] = {"code": 403, "reason": "Forbidden", "message": reason}
    if annotations:
        response["auditAnnotations"] = dict(annotations)
    return {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response}
