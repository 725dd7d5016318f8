"""What changes in production: certificates, versions, pods, the store. Releases go on, and the door stands all the time."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from kubedoor import cluster_certificates, webhook
from kubedoor.cluster import Cluster
from kubedoor.model import ManualValues, WorkloadKey
from kubedoor.store.connection import Connection
from kubedoor.store.control import ControlStore
from tests.contract.production import Production, install_definitions, production, values_of
from tests.support.builders import make_deployment
from tests.support.clickhouse import ClickHouse, running_clickhouse
from tests.toolbox.build import ToolMissing
from tests.toolbox.controlplane import ControlPlane
from tests.toolbox.helm import NAMESPACE
from tests.toolbox.kubeapi import KubeApi

CLUSTER = "changing"
SECRET = f"/api/v1/namespaces/{NAMESPACE}/secrets/kubedoor-mutate-tls"
NAMES = [f"kubedoor-mutate.{NAMESPACE}.svc", f"kubedoor-mutate.{NAMESPACE}.svc.cluster.local"]
WANTED = 3


@pytest.fixture(scope="module")
def plane() -> Iterator[ControlPlane]:
    try:
        with ControlPlane(leaves="kubedoor") as plane:
            install_definitions(plane)
            plane.kubectl("create", "namespace", "shop")
            yield plane
    except ToolMissing as missing:
        pytest.fail(str(missing))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouse]:
    with running_clickhouse(tmp_path_factory.mktemp("store")) as server:
        if server.child is None:
            pytest.fail("these tests kill ClickHouse: unset KUBEDOOR_TEST_CLICKHOUSE_URL for them")
        yield server


@dataclass
class Running:
    production: Production
    values: dict[str, Any]
    store: ClickHouse

    @property
    def plane(self) -> ControlPlane:
        return self.production.plane


@pytest.fixture
def running(plane: ControlPlane, store: ClickHouse, tmp_path: Path) -> Iterator[Running]:
    """Installed, with a value for shop/web, and control on."""
    with production(plane, tmp_path) as found:
        values = values_of(
            found.door_port,
            store.dsn,
            cluster={"name": CLUSTER},
            door={"timeoutSeconds": 20},
            mutate={"drainSeconds": 3},
            settings={"KUBEDOOR_SNAPSHOT_WAIT_SECONDS": "8"},
        )
        found.release.install(values)
        found.lead_to_the_door()
        found.run_service("collect")
        with closing(found.client()) as client:
            client.log_in()
            connection = Connection(store.dsn)
            control = ControlStore(connection, CLUSTER)
            key = WorkloadKey(CLUSTER, "shop", "web")
            control.edit(key, ManualValues(replicas=WANTED), based_on=control.manual(key).version, who="test")
            connection.close()
            found.wait_for_pods("mutate", 2)
            client.switch(enabled=True)
        yield Running(found, values, store)


@dataclass
class Stream:
    """Creations of shop/web as dry runs, one after the other: what each of them became."""

    replicas: list[int] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


@contextmanager
def admissions(plane: ControlPlane) -> Iterator[Stream]:
    """Inside, somebody releases all the time."""
    stream, stop = Stream(), threading.Event()
    path = "/apis/apps/v1/namespaces/shop/deployments?dryRun=All"
    body = make_deployment("web", namespace="shop", replicas=9)

    def release() -> None:
        with KubeApi(plane) as api:
            while not stop.is_set():
                try:
                    stream.replicas.append(api.post(path, body)["spec"]["replicas"])
                except Exception as error:
                    stream.errors.append(str(error))
                stop.wait(0.02)

    threads = [threading.Thread(target=release) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        yield stream
    finally:
        stop.set()
        for thread in threads:
            thread.join(60)


def serving_certificate(found: Production) -> int:
    """The serial number of what a door shows to a new connection."""
    import ssl  # The test's own look, beside the API server's.

    (pod, *_) = found.kubelet.pods("mutate")
    pem = ssl.get_server_certificate((pod.address, 8443), timeout=10)
    return x509.load_pem_x509_certificate(pem.encode()).serial_number


@pytest.mark.parametrize("what", ["leaf", "authority"])
def test_a_certificate_is_renewed_under_load(running: Running, what: str) -> None:
    found = running.production
    before = serving_certificate(found)
    # The authority is renewed too when its end is near.
    later = datetime.now(UTC) + timedelta(days=75 if what == "leaf" else 3640)
    with admissions(running.plane) as stream:
        cluster_certificates.renew(
            Cluster(kubeconfig=str(found.kubeconfig_of("kubedoor-certificates"))),
            namespace=NAMESPACE,
            secret="kubedoor-mutate-tls",
            names=NAMES,
            now=later if what == "leaf" else datetime.now(UTC),
        ) if what == "leaf" else renew_authority(found)
        running.plane.wait_for(lambda: serving_certificate(found) != before, 40, what="the new certificate is served")
        count = len(stream.replicas)
        running.plane.wait_for(lambda: len(stream.replicas) > count + 20, what="releases go on with it")
    assert stream.errors == []
    assert set(stream.replicas) == {WANTED}


def renew_authority(found: Production) -> None:
    """Without its key an authority cannot go on, so a new one is made, as when the old one ends."""
    found.api.patch(SECRET, {"data": {"ca.key": None}})
    cluster_certificates.renew(
        Cluster(kubeconfig=str(found.kubeconfig_of("kubedoor-certificates"))),
        namespace=NAMESPACE,
        secret="kubedoor-mutate-tls",
        names=NAMES,
        now=datetime.now(UTC),
    )
    bundle = base64.b64decode(found.api.get(SECRET)["data"]["ca.crt"])
    assert len(x509.load_pem_x509_certificates(bundle)) == 2, "the old authority stays in the bundle"


def test_an_upgrade_leaves_no_release_without_the_door(running: Running) -> None:
    found = running.production
    old = {pod.name for pod in found.kubelet.pods("mutate")}
    with admissions(running.plane) as stream:
        found.release.upgrade({**running.values, "podAnnotations": {"version": "next"}}, "--wait", "--timeout=80s")
        running.plane.wait_for(
            lambda: not old & {pod.name for pod in found.kubelet.pods("mutate")}, 60, what="the old pods are gone"
        )
    assert stream.errors == []
    assert set(stream.replicas) == {WANTED}
    assert len(stream.replicas) > 50
    jobs = running.plane.get_all("jobs", NAMESPACE)
    assert [job for job in jobs if job["metadata"]["name"] == "kubedoor-migrate"] == [], "the hook is done and gone"


def test_removal_switches_off_first(running: Running) -> None:
    found = running.production
    with admissions(running.plane) as stream:
        running.plane.wait_for(lambda: len(stream.replicas) > 5, what="releases are under way")
        found.release.uninstall()
        count = len(stream.replicas)
        running.plane.wait_for(lambda: len(stream.replicas) > count + 20, what="releases go on without KubeDoor")
    assert stream.errors == []
    # First all are the door's, then none is: at no time was there a webhook without a door.
    changes = [
        one
        for one, following in zip(sorted(stream.replicas), sorted(stream.replicas)[1:], strict=False)
        if one != following
    ]
    assert changes == [WANTED]
    assert set(stream.replicas) == {WANTED, 9}
    left = running.plane.kubectl("get", "mutatingwebhookconfigurations", webhook.NAME, check=False)
    assert left.returncode != 0


def test_doors_that_start_while_clickhouse_is_away_enforce_what_was_published(running: Running) -> None:
    found = running.production
    with closing(found.client()) as client:
        client.log_in()
        one = client.call("GET", f"/workloads/{CLUSTER}/shop/web")
        client.call("PATCH", f"/workloads/{CLUSTER}/shop/web", {"version": one["version"], "replicas": 5})
        running.plane.wait_for(lambda: b"published" != _published(found), what="the snapshot is there")
    old = {pod.name for pod in found.kubelet.pods("mutate")}
    time.sleep(1)
    running.store.kill()
    try:
        running.plane.kubectl(
            "delete", "pods", "-l", "app.kubernetes.io/component=mutate", "-n", NAMESPACE, "--wait=false"
        )
        running.plane.wait_for(
            lambda: not old & {pod.name for pod in found.kubelet.pods("mutate")}, 60, what="the old doors are gone"
        )
        found.wait_for_pods("mutate", 2)
        said = running.plane.kubectl(
            "create",
            "-f",
            "-",
            "--dry-run=server",
            "-o",
            "json",
            input=json.dumps(make_deployment("web", namespace="shop", replicas=9)),
        )
        assert json.loads(said.stdout)["spec"]["replicas"] == 5
        assert "the store is away" in said.stderr
    finally:
        running.store.start()


def _published(found: Production) -> bytes:
    maps = found.plane.get_all("configmaps", NAMESPACE, selector="app.kubernetes.io/component=snapshot")
    return (
        b"published"
        if not all(one.get("binaryData") for one in maps)
        else b"".join(base64.b64decode(value) for one in maps for value in one["binaryData"].values())
    )
