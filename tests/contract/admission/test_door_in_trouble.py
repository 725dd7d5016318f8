"""The door during failures of itself, of the store or of the switch: releases go on."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kubedoor.admission import webhook_configuration
from kubedoor.admission.certificates import self_signed
from kubedoor.admission.door_probe import DoorProbe
from kubedoor.admission.switch import Switch
from kubedoor.errors import Conflict
from kubedoor.kube.client import Cluster
from kubedoor.store.connection import Connection
from tests.contract.conftest import PATIENCE
from tests.contract.doors import make_door, no_door
from tests.contract.lab import CLUSTER, Lab, amounts, replicas_of, resources_of
from tests.support.builders import make_container, make_deployment, make_request, make_review
from tests.support.clickhouse import ClickHouse, running_clickhouse
from tests.toolbox import processes
from tests.toolbox.controlplane import ControlPlane
from tests.toolbox.running import Client, admit, start_kubedoor

APP = amounts("120m", "256Mi")
SIZED = {"requests": {"cpu": "120m", "memory": "256Mi"}}


def creation(namespace: str, name: str = "web", *, replicas: int = 10) -> dict[str, object]:
    return make_review(make_request(make_deployment(name, namespace=namespace, replicas=replicas)))


def test_two_doors_at_once_agree(lab: Lab, namespace: str, tmp_path: Path, clickhouse: ClickHouse) -> None:
    lab.set_values(namespace, app=APP)
    child, port, ca = make_door(tmp_path, clickhouse.dsn)
    try:
        first = lab.review(lab.kubedoor.door_port, creation(namespace), ca=lab.kubedoor.data_folder / "tls" / "ca.crt")
        assert first["response"]["patch"]
        assert lab.review(port, creation(namespace), ca=ca) == first
        lab.set_values(namespace, replicas=8, app=APP)

        def both_see_it() -> bool:
            answers = [
                lab.review(lab.kubedoor.door_port, creation(namespace), ca=lab.kubedoor.data_folder / "tls" / "ca.crt"),
                lab.review(port, creation(namespace), ca=ca),
            ]
            return all("10 -> 8" in answer["response"]["warnings"][0] for answer in answers)

        lab.plane.wait_for(both_see_it, 10, what="both doors see the edit")
    finally:
        child.stop()


@pytest.fixture
def elsewhere(lab: Lab, namespace: str) -> Iterator[str]:
    """A namespace that is not controlled by the door of the test."""
    name = f"{namespace}-elsewhere"
    lab.plane.kubectl("create", "namespace", name)
    yield name
    lab.plane.kubectl("delete", "namespace", name, "--wait=false")


def add_like_web(lab: Lab, namespace: str, name: str) -> None:
    """Put a Deployment that does not exist into the control table."""
    template = {"namespace": namespace, "deployment": "web"}
    # `kubectl create deployment` names the container after the image.
    app = {"cpu_request": "120m", "memory_request": "256Mi"}
    body = {"namespace": namespace, "deployment": name, "containers": {"app": app}, "template": template}
    assert lab.client.call("POST", "/workloads", body)["replicas"] == 4, "as the template has it"


def test_an_unknown_deployment_may_be_denied_in_the_namespaces_that_are_controlled(
    lab: Lab, namespace: str, elsewhere: str, tmp_path: Path, clickhouse: ClickHouse
) -> None:
    child, port, ca = make_door(
        tmp_path, clickhouse.dsn, KUBEDOOR_UNKNOWN_WORKLOADS="deny", KUBEDOOR_NAMESPACES=f"default,{namespace}"
    )
    configuration = lab.plane.get("mutatingwebhookconfiguration", webhook_configuration.NAME)
    try:
        denying = webhook_configuration.configuration(
            webhook_configuration.WebhookOptions(
                "kubedoor", "kubedoor-mutate", port, 20, "Ignore", ["kube-system"], ca.read_text()
            )
        )
        lab.plane.apply(denying)
        refused = lab.plane.kubectl(
            "create", "deployment", "web", "--image=registry.test/app:1", "-n", namespace, check=False
        )
        assert refused.returncode == 1
        assert f"KubeDoor: {namespace}/web is not in the control table: add it there first" in refused.stderr
        assert reach_check(lab)["ok"], "a door that denies is reached"
        lab.plane.kubectl("create", "deployment", "web", "--image=registry.test/app:1", "-n", elsewhere)
        said = lab.kubectl(elsewhere, "scale", "deployment/web", "--replicas=2")
        assert "KubeDoor" not in said, "what is not controlled is neither refused nor spoken of"
        assert replicas_of(lab.stored(elsewhere)) == 2
        lab.set_values(namespace, replicas=4)
        lab.plane.kubectl("create", "deployment", "web", "--image=registry.test/app:1", "-n", namespace)
        assert replicas_of(lab.stored(namespace)) == 4
        add_like_web(lab, namespace, "checkout")
        lab.plane.kubectl("create", "deployment", "checkout", "--image=registry.test/app:1", "-n", namespace)
        added = lab.stored(namespace, "checkout")
        assert (replicas_of(added), resources_of(added)) == (4, SIZED), "from its creation on"
    finally:
        lab.client.switch(enabled=True)
        child.stop()
    restored = lab.plane.get("mutatingwebhookconfiguration", webhook_configuration.NAME)
    assert restored["webhooks"][0]["clientConfig"] == configuration["webhooks"][0]["clientConfig"]


def test_the_door_off_leaves_everything_alone(lab: Lab, namespace: str) -> None:
    lab.set_values(namespace, app=APP)
    try:
        assert lab.client.switch(enabled=False)["enabled"] is False
        said = lab.apply(namespace, replicas=10, containers=[make_container()])
        assert "KubeDoor" not in said
        stored = lab.stored(namespace)
        assert (replicas_of(stored), resources_of(stored)) == (10, {})
        assert lab.client.switch(enabled=False)["enabled"] is False, "off twice is off"
    finally:
        assert lab.client.switch(enabled=True)["enabled"] is True
    lab.kubectl(namespace, "scale", "deployment/web", "--replicas=9")
    assert replicas_of(lab.stored(namespace)) == 3


def test_kubectl_is_the_switch_as_well(lab: Lab) -> None:
    lab.plane.kubectl("delete", "mutatingwebhookconfigurations", webhook_configuration.NAME)
    try:
        state = lab.client.call("GET", "/control")
        assert (state["enabled"], state["switched"]) == (False, None), "nobody has switched it off in KubeDoor"
    finally:
        lab.client.switch(enabled=True)
    state = lab.client.call("GET", "/control")
    assert (state["enabled"], state["is_current"], state["failure_policy"]) == (True, True, "Ignore")


def test_who_has_switched_control_off_and_why_is_told_as_long_as_it_is_off(lab: Lab) -> None:
    try:
        told = lab.client.call("PUT", "/control", {"enabled": False, "note": " release night "})
        assert (told["switched"]["who"], told["switched"]["note"]) == ("kubedoor", "release night")
        assert lab.client.call("GET", "/control")["switched"] == told["switched"]
    finally:
        assert lab.client.switch(enabled=True)["switched"] is None
    (record, *_) = lab.client.call("GET", "/audit?action=control.off&limit=1")
    assert (record["at"], record["after"]["note"]) == (told["switched"]["at"], "release night")


def test_opting_out_while_control_is_off_is_known_when_it_is_on(lab: Lab, namespace: str) -> None:
    lab.client.switch(enabled=False)
    try:
        lab.set_values(namespace, app=APP)
        lab.create(namespace, replicas=2, labels={"kubedoor.io/control": "off"})
    finally:
        lab.client.switch(enabled=True)
    lab.kubectl(namespace, "scale", "deployment/web", "--replicas=6")
    assert replicas_of(lab.stored(namespace)) == 6


@pytest.fixture
def own_clickhouse(tmp_path: Path) -> Iterator[ClickHouse]:
    with running_clickhouse(tmp_path / "store") as server:
        if server.child is None:
            pytest.fail("this test kills ClickHouse: unset KUBEDOOR_TEST_CLICKHOUSE_URL for it")
        yield server


def test_the_last_good_snapshot_serves_while_the_store_is_away(
    lab: Lab, tmp_path: Path, own_clickhouse: ClickHouse
) -> None:
    folder = tmp_path / "door"
    folder.mkdir()
    settings = {"KUBEDOOR_STORE_DSN": own_clickhouse.dsn, "KUBEDOOR_CLUSTER": CLUSTER}
    kubedoor = start_kubedoor(lab.plane, None, folder=folder, settings={**settings, **PATIENCE})
    ca = kubedoor.data_folder / "tls" / "ca.crt"
    store = Lab(lab.plane, kubedoor, lab.client, Connection(own_clickhouse.dsn), folder)
    try:
        store.set_values("shop", app=APP)
        assert store.review(kubedoor.door_port, creation("shop"), ca=ca)["response"]["patch"]
        saved = kubedoor.data_folder / "snapshot.json"

        def is_remembered() -> bool:
            # An answer that was read through is not in memory yet: that is filled a second later, by the next one.
            store.review(kubedoor.door_port, creation("shop"), ca=ca)
            return saved.exists() and "shop" in saved.read_text()

        processes.wait_until(is_remembered, what="the snapshot with the workload is saved")
        own_clickhouse.kill()

        def says_so() -> bool:
            answer = store.review(kubedoor.door_port, creation("shop"), ca=ca)["response"]
            assert answer["patch"], "what was known is enforced all the time"
            return any("the store is away, decided from values" in words for words in answer["warnings"])

        processes.wait_until(says_so, what="the door says that the store is away")
        kubedoor.child.stop()
        # A restarted door starts from the file.
        child, port, _ = make_door(kubedoor.data_folder, own_clickhouse.dsn)
        try:
            answer = store.review(port, creation("shop"), ca=ca)["response"]
            assert answer["patch"]
            unknown = store.review(port, creation("shop", "stranger"), ca=ca)["response"]
            assert unknown["allowed"] is True
            assert unknown["warnings"] == ["KubeDoor: the store is away, nothing was set"]
            own_clickhouse.start()

            def is_back() -> bool:
                words = store.review(port, creation("shop"), ca=ca)["response"]["warnings"]
                return not any("the store is " in word for word in words)

            processes.wait_until(is_back, what="the door has the store back", timeout_seconds=30)
            processes.wait_until(
                lambda: len(store.records.admissions(namespace="shop", limit=10)) >= 3,
                what="rows were written after all",
            )
        finally:
            child.stop()
    finally:
        kubedoor.child.stop()
        store.connection.close()


def test_without_store_and_snapshot_releases_go_on(lab: Lab, namespace: str, tmp_path: Path) -> None:
    port = processes.free_port()
    dsn = f"http://kubedoor:x@127.0.0.1:{port}/kubedoor"
    child, door_port, ca = make_door(tmp_path, dsn)
    try:
        answer = lab.review(door_port, creation(namespace), ca=ca)["response"]
        assert answer == {
            "uid": "0b5d",
            "allowed": True,
            "warnings": ["KubeDoor: the store is away, nothing was set"],
            "auditAnnotations": {
                "decision": "failed",
                "reason": "KubeDoor: the store is away, nothing was set",
            },
        }
    finally:
        child.stop()


def test_a_door_that_is_gone_does_not_stop_a_release(lab: Lab, control_plane: ControlPlane, namespace: str) -> None:
    lab.set_values(namespace, app=APP)
    gone = webhook_configuration.configuration(
        webhook_configuration.WebhookOptions(
            "kubedoor",
            "kubedoor-mutate",
            processes.free_port(),
            2,
            "Ignore",
            ["kube-system"],
            control_plane.ca_file.read_text(),
        )
    )
    try:
        control_plane.apply(gone)
        lab.create(namespace, replicas=5)
        assert replicas_of(lab.stored(namespace)) == 5
    finally:
        lab.client.switch(enabled=True)


@pytest.fixture
def silent_port() -> Iterator[int]:
    """Connections are accepted and never answered, as where a firewall or an overlay network drops packets."""
    with socket.create_server(("127.0.0.1", 0), backlog=50) as listener:
        yield int(listener.getsockname()[1])


def leading_to(plane: ControlPlane, port: int, **fields: str) -> webhook_configuration.WebhookOptions:
    given = {"failure_policy": "Ignore", **fields}
    ca = plane.ca_file.read_text()
    return webhook_configuration.WebhookOptions(
        "kubedoor", "kubedoor-mutate", port, 1, given["failure_policy"], ["kube-system"], ca
    )


def reach_check(lab: Lab) -> dict[str, str]:
    checks: list[dict[str, str]] = lab.client.call("GET", "/checkup")["checks"]
    (found,) = [check for check in checks if check["name"] == "API server reaches the door"]
    return found


@pytest.mark.parametrize("policy", ["Ignore", "Fail"])
def test_the_checkup_finds_a_door_that_the_api_server_does_not_reach(lab: Lab, silent_port: int, policy: str) -> None:
    assert reach_check(lab)["ok"]
    assert "was answered by the door" in reach_check(lab)["detail"]
    options = leading_to(lab.plane, silent_port, failure_policy=policy)
    try:
        lab.plane.apply(webhook_configuration.configuration(options))
        lab.plane.wait_for(lambda: not reach_check(lab)["ok"], what="the API server has the new configuration")
        found = reach_check(lab)
        words = {"Ignore": "passed without the door's answer", "Fail": "failed calling webhook"}
        assert words[policy] in found["detail"]
        assert "mutate.hostNetwork" in found["remedy"]
    finally:
        lab.client.switch(enabled=True)
    lab.plane.wait_for(lambda: bool(reach_check(lab)["ok"]), what="the door is reached again")


def test_the_switch_stays_off_where_the_door_is_not_reached(
    lab: Lab, silent_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kubedoor.admission.door_probe.SETTLE_SECONDS", 2.0)
    own = Cluster(kubeconfig=str(admit(lab.plane)))
    probe = DoorProbe(own, lambda: ["default"])
    options = leading_to(lab.plane, silent_port)
    switch = Switch(cluster=own, look=lambda: None, options=lambda: options, reach=probe.ask_until_reached)
    with no_door(lab):
        with pytest.raises(Conflict, match=r"enforcement is off again, because the API server does not reach the door"):
            switch.turn_on()
        assert switch.state().enabled is False


def test_what_cannot_be_tried_out_does_not_keep_control_off(lab: Lab) -> None:
    """Roles of an earlier chart do not allow the dry run."""
    stranger = Cluster(kubeconfig=str(lab.plane.credentials("stranger", user="stranger")))
    found = DoorProbe(stranger, lambda: ["default"]).ask_until_reached()
    assert found.is_reached is None
    assert "cannot patch resource" in found.detail
    assert DoorProbe(stranger, list).ask().is_reached is None


def test_the_switch_needs_a_service_to_reach_the_door_by(lab: Lab, tmp_path: Path, clickhouse: ClickHouse) -> None:
    settings = {
        "KUBEDOOR_STORE_DSN": clickhouse.dsn,
        "KUBEDOOR_CLUSTER": CLUSTER,
        "KUBEDOOR_WEBHOOK_SERVICE": "nowhere",
    }
    kubedoor = start_kubedoor(lab.plane, None, folder=tmp_path, settings=settings)
    try:
        with closing(Client(kubedoor.url)) as client:
            client.log_in()
            with pytest.raises(processes.PartFailed, match=r"409.*there is no Service kubedoor/nowhere"):
                client.switch(enabled=True)
    finally:
        kubedoor.child.stop()


def test_a_renewed_certificate_is_used_without_a_restart(lab: Lab, tmp_path: Path, clickhouse: ClickHouse) -> None:
    child, port, ca = make_door(tmp_path, clickhouse.dsn)
    try:
        before = certificate_of(port, ca)
        for name in ("tls.crt", "tls.key"):
            (tmp_path / "tls" / name).unlink()
        renew(tmp_path / "tls")
        processes.wait_until(lambda: certificate_of(port, ca) != before, what="the new certificate", timeout_seconds=30)
    finally:
        child.stop()


def certificate_of(port: int, ca: Path) -> bytes:
    context = ssl.create_default_context(cafile=str(ca))
    with (
        socket.create_connection(("127.0.0.1", port), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as secured,
    ):
        return secured.getpeercert(binary_form=True) or b""


def renew(folder: Path) -> None:
    self_signed.ensure(folder, ["kubedoor-mutate.kubedoor.svc", "localhost", "127.0.0.1"], now=datetime.now(UTC))


def test_the_permissions_are_all_that_is_needed(lab: Lab) -> None:
    admit(lab.plane)
    checks = lab.client.call("GET", "/checkup")["checks"]
    assert {check["name"] for check in checks if not check["ok"]} <= {"usage days of the look-back"}
