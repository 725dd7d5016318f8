"""The webhook's certificate without cert-manager: kept in a Secret, renewed by a later run if it expires soon.

Order matters. The API server gets a new CA before a certificate of that CA is served. The old CA stays in the bundle,
because pods serve the old certificate until the kubelet has mounted the new one.
"""

from __future__ import annotations

import base64
import tempfile
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from kubedoor.admission import webhook_configuration
from kubedoor.admission.certificates import self_signed
from kubedoor.errors import NotFound
from kubedoor.kube.client import Cluster, path_segment

FILES = ("ca.crt", "ca.key", "tls.crt", "tls.key")
_END = "-----END CERTIFICATE-----\n"


def renew(cluster: Cluster, *, namespace: str, secret: str, names: Sequence[str], now: datetime) -> bool:
    """Create the Secret, or renew it if a certificate expires soon; returns whether the Secret was written.

    Idempotent: every run also brings the CA bundle of the webhook configuration, if there is one, up to date. Raises
    ClusterError and Forbidden.
    """
    path = f"/api/v1/namespaces/{path_segment(namespace)}/secrets/{path_segment(secret)}"
    found = _read(cluster, path)
    wanted = renewed(found or {}, names, now)
    update_ca_bundle(cluster, wanted["ca.crt"])
    if wanted == found:
        return False
    data = {name: base64.b64encode(content).decode() for name, content in wanted.items()}
    if found is None:
        body = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": secret, "labels": {"app.kubernetes.io/part-of": "kubedoor"}},
            "type": "kubernetes.io/tls",
            "data": data,
        }
        # Applied, since that creation has a name, to which the role is restricted.
        cluster.apply_object(path, body)
    else:
        cluster.request("PATCH", path, body={"data": data}, content_type="application/merge-patch+json")
    return True


def _read(cluster: Cluster, path: str) -> dict[str, bytes] | None:
    try:
        data: Mapping[str, str] = cluster.request("GET", path).get("data") or {}
    except NotFound:
        return None
    return {name: base64.b64decode(content) for name, content in data.items() if name in FILES}


def renewed(found: Mapping[str, bytes], names: Sequence[str], now: datetime) -> dict[str, bytes]:
    """The contents of FILES: those `found`, or new ones in place of what expires soon. A new CA has the old one after it."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        for name, content in found.items():
            (folder / name).write_bytes(content)
        self_signed.ensure(folder, names, now=now)
        wanted = {name: (folder / name).read_bytes() for name in FILES}
    if (before := found.get("ca.crt", wanted["ca.crt"])) != wanted["ca.crt"]:
        wanted["ca.crt"] += newest_ca(before)
    return wanted


def newest_ca(bundle: bytes) -> bytes:
    """The newest CA of a bundle. The older ones are dropped, so that bundles do not grow."""
    head, end, _ = bundle.decode().partition(_END)
    return f"{head}{end}".encode()


def update_ca_bundle(cluster: Cluster, ca: bytes, *, after: bytes = b"") -> None:
    """Bring the webhook configuration, if there is one, up to date: only where its bundle has the CA `after`; empty: any."""
    configuration = cluster.webhook_configuration(webhook_configuration.NAME)
    if configuration is None:
        return
    wanted = base64.b64encode(ca).decode()
    patch: list[dict[str, Any]] = [
        {"op": "add", "path": f"/webhooks/{index}/clientConfig/caBundle", "value": wanted}
        for index, hook in enumerate(configuration.get("webhooks", ()))
        if (bundle := hook["clientConfig"].get("caBundle", "")) != wanted and after in base64.b64decode(bundle)
    ]
    if patch:
        cluster.patch_webhook_configuration(webhook_configuration.NAME, patch)
