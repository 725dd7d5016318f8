from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509

from kubedoor.admission import webhook_configuration
from kubedoor.admission.certificates import in_cluster
from kubedoor.errors import NotFound
from kubedoor.kube.client import Cluster

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
NAMES = ["kubedoor-mutate.kubedoor.svc"]
SECRET = "/api/v1/namespaces/kubedoor/secrets/tls"
HOOK = f"/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/{webhook_configuration.NAME}"


class Objects(Cluster):
    """A cluster with a Secret and a webhook configuration; `written` has the order of the writes."""

    def __init__(self, *, switched_on: bool = False) -> None:
        super().__init__()
        self.objects: dict[str, Any] = {}
        self.written: list[str] = []
        if switched_on:
            self.objects[HOOK] = {"webhooks": [{"clientConfig": {}}]}

    def request(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        query: Any = None,
        content_type: str = "application/json",
        accept: str = "application/json",
    ) -> Any:
        if method == "GET":
            if path not in self.objects:
                raise NotFound(path)
            return self.objects[path]
        self.written.append(path)
        if content_type.startswith("application/apply-patch"):
            self.objects[path] = body
        elif content_type.startswith("application/json-patch"):
            self.objects[path]["webhooks"][0]["clientConfig"]["caBundle"] = body[0]["value"]
        else:
            self.objects[path]["data"].update(body["data"])
        return {}

    def pem(self, name: str) -> bytes:
        return base64.b64decode(self.objects[SECRET]["data"][name])

    @property
    def bundle(self) -> bytes:
        return base64.b64decode(self.objects[HOOK]["webhooks"][0]["clientConfig"]["caBundle"])


def renew(cluster: Objects, *, days: float = 0) -> bool:
    return in_cluster.renew(cluster, namespace="kubedoor", secret="tls", names=NAMES, now=NOW + timedelta(days=days))


def test_the_first_time_a_secret_is_made() -> None:
    cluster = Objects()
    assert renew(cluster)
    assert set(cluster.objects[SECRET]["data"]) == {"ca.crt", "ca.key", "tls.crt", "tls.key"}
    leaf, ca = (x509.load_pem_x509_certificate(cluster.pem(name)) for name in ("tls.crt", "ca.crt"))
    leaf.verify_directly_issued_by(ca)


@pytest.mark.parametrize(("days", "written"), [(0, False), (59, False), (61, True)])
def test_the_secret_is_renewed_only_before_expiry(days: int, written: bool) -> None:
    cluster = Objects()
    renew(cluster)
    assert renew(cluster, days=days) is written


def test_a_new_leaf_keeps_the_ca() -> None:
    cluster = Objects(switched_on=True)
    renew(cluster)
    bundle = cluster.bundle
    cluster.written.clear()
    assert renew(cluster, days=80)
    assert cluster.bundle == bundle
    assert cluster.written == [SECRET]


def test_the_api_server_gets_a_new_ca_before_it_is_served() -> None:
    cluster = Objects(switched_on=True)
    renew(cluster)
    old = cluster.pem("ca.crt")
    cluster.written.clear()
    assert renew(cluster, days=3640)
    assert cluster.written == [HOOK, SECRET]
    assert cluster.bundle == cluster.pem("ca.crt")
    new, kept = x509.load_pem_x509_certificates(cluster.bundle)
    assert kept == x509.load_pem_x509_certificate(old)
    x509.load_pem_x509_certificate(cluster.pem("tls.crt")).verify_directly_issued_by(new)


def test_a_bundle_keeps_one_old_ca() -> None:
    cluster = Objects()
    for years in range(4):
        renew(cluster, days=years * 3640)
    assert len(x509.load_pem_x509_certificates(cluster.pem("ca.crt"))) == 2


def test_the_ca_bundle_is_updated_when_control_is_switched_on_later() -> None:
    cluster = Objects()
    renew(cluster)
    cluster.objects[HOOK] = {"webhooks": [{"clientConfig": {"caBundle": "b2xk"}}]}
    assert renew(cluster) is False
    assert cluster.bundle == cluster.pem("ca.crt")
