"""Certificates that KubeDoor made itself never expire while it runs."""

from __future__ import annotations

import asyncio
import base64
import ssl
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from kubedoor.admission import webhook_configuration
from kubedoor.admission.certificates import in_folder, self_signed
from kubedoor.admission.certificates.self_signed import CertificateFiles
from kubedoor.kube.client import Cluster
from kubedoor.kube.kubeconfig import NO_CLUSTER
from kubedoor.runtime.certificate_reload import CertificateReload
from kubedoor.runtime.serving import build_door_server
from tests.toolbox import processes
from tests.toolbox.controlplane import ControlPlane

LIFETIME = timedelta(seconds=6)


async def application(_scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})


async def certificate_of(port: int, ca: Path) -> bytes:
    """The served certificate, verified by the client: an expired one raises SSLError."""
    context = ssl.create_default_context(cafile=str(ca))
    _, writer = await asyncio.open_connection("localhost", port, ssl=context)
    content: bytes = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
    return content


async def served_certificates(folder: Path, *, seconds: float) -> set[bytes]:
    def renew() -> CertificateFiles:
        return self_signed.ensure(folder, ["localhost"], now=datetime.now(UTC), lifetime=LIFETIME)

    files = renew()
    certificates = CertificateReload(files.certificate, files.key, renew, reload_seconds=0.2, renew_seconds=0.5)
    port = processes.free_port()
    server = build_door_server(application, host="127.0.0.1", port=port, certificates=certificates)
    serving = asyncio.create_task(server._serve())
    loop = asyncio.get_running_loop()
    while not server.started:
        await asyncio.sleep(0.05)
    seen = set()
    end = loop.time() + seconds
    while loop.time() < end:
        seen.add(await certificate_of(port, files.ca))
        await asyncio.sleep(0.1)
    server.should_exit = True
    await serving
    return seen


def test_a_short_lived_certificate_is_renewed_before_it_expires(tmp_path: Path) -> None:
    assert len(asyncio.run(served_certificates(tmp_path, seconds=15))) >= 3


async def renewed_once(certificates: CertificateReload, seconds: float) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(certificates.watch(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)), seconds)


def test_a_renewal_that_fails_is_tried_again(tmp_path: Path) -> None:
    calls = []

    def renew() -> None:
        calls.append(1)
        raise OSError("the disk is full")

    files = self_signed.ensure(tmp_path, ["localhost"], now=datetime.now(UTC))
    certificates = CertificateReload(files.certificate, files.key, renew, reload_seconds=0.05, renew_seconds=0.1)
    asyncio.run(renewed_once(certificates, 1))
    assert len(calls) > 2


NAMES = ["kubedoor-mutate.kubedoor.svc"]
NOW = datetime.now(UTC)
CA_ENDS = NOW + timedelta(days=self_signed.CA_DAYS)
SOON = CA_ENDS - timedelta(days=20)


def configuration_with(ca: Path) -> dict[str, Any]:
    options = webhook_configuration.WebhookOptions(
        "kubedoor", "kubedoor-mutate", 443, 2, "Ignore", ["kube-system"], ca.read_text()
    )
    made = webhook_configuration.configuration(options)
    # Nobody is asked: other tests have the API server for themselves.
    made["webhooks"][0]["objectSelector"] = {"matchLabels": {"no-such": "label"}}
    return made


@pytest.fixture
def administrator(control_plane: ControlPlane) -> Any:
    """Puts back the configuration that was there."""
    cluster = Cluster(kubeconfig=str(control_plane.kubeconfig))
    before = cluster.webhook_configuration(webhook_configuration.NAME)
    cluster.delete_webhook_configuration(webhook_configuration.NAME)
    yield cluster
    cluster.delete_webhook_configuration(webhook_configuration.NAME)
    if before is not None:
        for name in ("managedFields", "resourceVersion", "uid"):
            del before["metadata"][name]
        cluster.apply_webhook_configuration(before)


def bundle_of(cluster: Cluster) -> bytes:
    found = cluster.webhook_configuration(webhook_configuration.NAME)
    assert found
    return base64.b64decode(found["webhooks"][0]["clientConfig"]["caBundle"])


def test_a_new_ca_of_serve_is_in_the_webhook_configuration_before_it_is_used(
    administrator: Cluster, tmp_path: Path
) -> None:
    files = in_folder.ensure(tmp_path, NAMES, cluster=administrator, now=NOW)
    old = files.ca.read_bytes()
    administrator.apply_webhook_configuration(configuration_with(files.ca))
    away = Cluster(kubeconfig=NO_CLUSTER)
    in_folder.ensure(tmp_path, NAMES, cluster=away, now=SOON)
    assert files.ca.read_bytes() == old, (
        "a CA that the API server cannot be told of is not used while the old one is valid"
    )
    in_folder.ensure(tmp_path, NAMES, cluster=administrator, now=SOON)
    new = files.ca.read_bytes()
    assert bundle_of(administrator) == new
    assert new.endswith(old), "the old CA stays, for the certificate that is still served"
    assert len(x509.load_pem_x509_certificates(new)) == 2
    leaf = x509.load_pem_x509_certificate(files.certificate.read_bytes())
    leaf.verify_directly_issued_by(x509.load_pem_x509_certificates(new)[0])
    in_folder.ensure(tmp_path, NAMES, cluster=administrator, now=SOON)
    assert files.ca.read_bytes() == new, "and it is done once"


def test_the_bundle_of_another_door_is_left_alone(administrator: Cluster, tmp_path: Path) -> None:
    other = self_signed.ensure(tmp_path / "other", NAMES, now=NOW)
    administrator.apply_webhook_configuration(configuration_with(other.ca))
    in_folder.ensure(tmp_path / "own", NAMES, cluster=administrator, now=NOW)
    files = in_folder.ensure(tmp_path / "own", NAMES, cluster=administrator, now=SOON)
    assert len(x509.load_pem_x509_certificates(files.ca.read_bytes())) == 2
    assert bundle_of(administrator) == other.ca.read_bytes()


def test_a_ca_that_has_expired_is_replaced_in_any_case(tmp_path: Path) -> None:
    away = Cluster(kubeconfig=NO_CLUSTER)
    old = in_folder.ensure(tmp_path, NAMES, cluster=away, now=NOW).ca.read_bytes()
    assert in_folder.ensure(tmp_path, NAMES, cluster=away, now=CA_ENDS + timedelta(days=1)).ca.read_bytes() != old
