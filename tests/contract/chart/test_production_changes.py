"""Changes in production (certificates, upgrades, pods, the store) under load: the webhook handles every admission."""

from __future__ import annotations

import base64
import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from kubedoor.admission import webhook_configuration
from kubedoor.admission.certificates import in_cluster
from kubedoor.admission.snapshot import shards
from kubedoor.kube.client import Cluster
from kubedoor.model.values import ManualValues, WorkloadKey
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
SNAPSHOT_MAX_AGE_SECONDS = 1.0
"""The default of KUBEDOOR_SNAPSHOT_MAX_AGE_SECONDS."""
FIRST_PASSWORD = "only-until-it-is-changed"


@pytest.fixture(scope="module")
def plane() -> Iterator[ControlPlane]:
    try:
        with ControlPlane(unsimulated="kubedoor") as plane:
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
    """KubeDoor is installed, control is on, and shop/web has a manual value."""
    with production(plane, tmp_path) as found:
        found.plane.kubectl("create", "secret", "generic", "store", f"--from-literal=dsn={store.dsn}", "-n", NAMESPACE)
        values = values_of(
            found.door_port,
            "",
            clickhouse={"existingSecret": {"name": "store"}},
            cluster={"name": CLUSTER},
            door={"timeoutSeconds": 20},
            mutate={"drainSeconds": 3},
            settings={"KUBEDOOR_SNAPSHOT_WAIT_SECONDS": "8"},
            # Not random: every installation here uses the same store, whose users stay.
            admin={"password": FIRST_PASSWORD},
        )
        found.release.install(values)
        found.lead_to_the_door()
        found.run_service("collect")
        with closing(found.client()) as client:
            client.log_in(password=found.first_password())
            connection = Connection(store.dsn)
            control = ControlStore(connection, CLUSTER)
            key = WorkloadKey(CLUSTER, "shop", "web")
            control.edit(key, ManualValues(replicas=WANTED), based_on=control.manual(key).version, who="test")
            connection.close()
            found.wait_for_pods("mutate", 2)
            client.switch(enabled=True)
        # Two doors: each may take what it has read in the last second for the newest.
        time.sleep(SNAPSHOT_MAX_AGE_SECONDS)
        yield Running(found, values, store)


@dataclass
class Stream:
    """The results of consecutive creations of shop/web as dry runs."""

    replicas: list[int] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


@contextmanager
def admissions(plane: ControlPlane) -> Iterator[Stream]:
    """A context manager: inside, shop/web is created all the time."""
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
    """The serial number of the certificate that the webhook presents to a new connection."""
    (pod, *_) = found.kubelet.pods("mutate")
    pem = ssl.get_server_certificate((pod.address, 8443), timeout=10)
    return x509.load_pem_x509_certificate(pem.encode()).serial_number


def renew_leaf(found: Production) -> None:
    """The job of the CronJob when the leaf certificate is about to expire."""
    in_cluster.renew(
        Cluster(kubeconfig=str(found.kubeconfig_of("kubedoor-certificates"))),
        namespace=NAMESPACE,
        secret="kubedoor-mutate-tls",
        names=NAMES,
        now=datetime.now(UTC) + timedelta(days=75),
    )


def renew_authority(found: Production) -> None:
    """Deletes the CA's key, so that the CronJob creates a new CA, as it does when the CA expires."""
    found.api.patch(SECRET, {"data": {"ca.key": None}})
    assert found.run_cron_job("kubedoor-certificates").get("succeeded") == 1
    bundle = base64.b64decode(found.api.get(SECRET)["data"]["ca.crt"])
    assert len(x509.load_pem_x509_certificates(bundle)) == 2, "the old authority stays in the bundle"


@pytest.mark.parametrize("renew", [renew_leaf, renew_authority], ids=["leaf", "authority"])
def test_a_certificate_is_renewed_under_load(running: Running, renew: Callable[[Production], None]) -> None:
    found = running.production
    before = serving_certificate(found)
    with admissions(running.plane) as stream:
        renew(found)
        running.plane.wait_for(lambda: serving_certificate(found) != before, 40, what="the new certificate is served")
        count = len(stream.replicas)
        running.plane.wait_for(lambda: len(stream.replicas) > count + 20, what="releases go on with it")
    assert stream.errors == []
    assert set(stream.replicas) == {WANTED}


def test_an_upgrade_leaves_no_release_without_the_door(running: Running) -> None:
    found = running.production
    old = {pod.name for pod in found.kubelet.pods("mutate")}
    with admissions(running.plane) as stream:
        values = {**running.values, "podAnnotations": {"version": "next"}, "admin": {}}
        found.release.upgrade(values, "--wait", "--timeout=80s")
        running.plane.wait_for(
            lambda: not old & {pod.name for pod in found.kubelet.pods("mutate")}, 60, what="the old pods are gone"
        )
    assert stream.errors == []
    assert set(stream.replicas) == {WANTED}
    assert len(stream.replicas) > 50
    assert found.first_password() == FIRST_PASSWORD, "what is in the Secret stays, whatever made it"
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
    # At no time was there a webhook without a door: each release got the door's value, or none was asked for.
    assert set(stream.replicas) == {WANTED, 9}
    assert stream.replicas[-1] == 9
    left = running.plane.kubectl("get", "mutatingwebhookconfigurations", webhook_configuration.NAME, check=False)
    assert left.returncode != 0


def test_doors_that_start_while_clickhouse_is_away_enforce_what_was_published(running: Running) -> None:
    found = running.production
    with closing(found.client()) as client:
        client.log_in(password=found.first_password())
        one = client.call("GET", f"/workloads/{CLUSTER}/shop/web")
        client.call("PATCH", f"/workloads/{CLUSTER}/shop/web", {"version": one["version"], "replicas": 5})
        running.plane.wait_for(lambda: published(found, 5), what="the snapshot is published")
    old = {pod.name for pod in found.kubelet.pods("mutate")}
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


def published(found: Production, replicas: int) -> bool:
    """Whether the snapshot in the ConfigMaps has this manual value of shop/web."""
    maps = found.plane.get_all("configmaps", NAMESPACE, selector="app.kubernetes.io/component=snapshot")
    pieces = [base64.b64decode(piece) for one in maps for piece in one.get("binaryData", {}).values()]
    rows = [row for content in shards.contents(pieces) for row in content["rows"]]
    return any(row["deployment"] == "web" and row["manual_replicas"] == replicas for row in rows)
