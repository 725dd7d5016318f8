"""The watch of Deployments against a real API server."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from kubedoor.kube.client import Cluster
from kubedoor.live import reader as reading
from kubedoor.live.deployments import LiveDeployment
from kubedoor.live.reader import LiveReader
from tests.support.builders import make_deployment
from tests.toolbox import processes
from tests.toolbox.controlplane import ControlPlane
from tests.toolbox.running import admit

PROMPT_SECONDS = 5.0


class Journal(Cluster):
    """Notes what is asked of the API server. `first_version`: the first watch begins there."""

    def __init__(self, kubeconfig: Path, first_version: str = "") -> None:
        super().__init__(kubeconfig=str(kubeconfig), timeout_seconds=10)
        self.pages = 0
        self.versions: list[str] = []
        self._first_version = first_version

    def request(self, method: str, path: str, **fields: Any) -> Any:
        self.pages += 1
        return super().request(method, path, **fields)

    def watch(self, path: str, *, resource_version: str, seconds: int) -> Iterator[bytes]:
        if not self.versions and self._first_version:
            resource_version = self._first_version
        self.versions.append(resource_version)
        return super().watch(path, resource_version=resource_version, seconds=seconds)


def reader_of(cluster: Cluster, *, namespace: str = "", idle_seconds: float = 60) -> LiveReader:
    return LiveReader(
        cluster,
        controls=lambda one: one == namespace or not namespace,
        idle_seconds=idle_seconds,
        now=lambda: datetime.now(UTC),
        monotonic=time.monotonic,
    )


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A first question waits for the list, however slow the machine is."""
    monkeypatch.setattr(reading, "FIRST_WAIT_SECONDS", 30)


@pytest.fixture
def kubeconfig(control_plane: ControlPlane) -> Path:
    return admit(control_plane)


def wait_until(is_so: Callable[[], bool], what: str) -> None:
    processes.wait_until(is_so, what=what, timeout_seconds=PROMPT_SECONDS)


def found(reader: LiveReader, namespace: str, name: str = "web") -> LiveDeployment | None:
    view = reader.view()
    assert view is not None
    return view.deployments.get((namespace, name))


def test_what_kubectl_changes_is_known_at_once(control_plane: ControlPlane, kubeconfig: Path, namespace: str) -> None:
    control_plane.apply(make_deployment(namespace=namespace, replicas=0))
    with closing(reader_of(Cluster(kubeconfig=str(kubeconfig)), namespace=namespace)) as reader:
        first = found(reader, namespace)
        assert first is not None
        assert first.replicas == 0
        control_plane.kubectl("-n", namespace, "scale", "deployment/web", "--replicas=2")
        wait_until(lambda: getattr(found(reader, namespace), "replicas", 0) == 2, "the scale is seen")
        control_plane.kubectl("-n", namespace, "set", "resources", "deployment/web", "--requests=cpu=123m")
        wait_until(lambda: b"123m" in (found(reader, namespace) or first).outline, "the request is seen")
        control_plane.apply(make_deployment("api", namespace=namespace, replicas=0))
        wait_until(lambda: found(reader, namespace, "api") is not None, "the new one is seen")
        control_plane.kubectl("-n", namespace, "delete", "deployment", "web", "--wait=false")
        wait_until(lambda: found(reader, namespace) is None, "its end is seen")
        view = reader.view()
        assert view is not None
        assert view.is_current
        assert {key[0] for key in view.deployments} == {namespace}, "other namespaces are not kept"


def test_all_is_listed_in_pages(
    control_plane: ControlPlane, kubeconfig: Path, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "PAGE_SIZE", 2)
    names = [f"web-{number}" for number in range(5)]
    control_plane.apply(*(make_deployment(name, namespace=namespace, replicas=0) for name in names))
    cluster = Journal(kubeconfig)
    with closing(reader_of(cluster, namespace=namespace)) as reader:
        view = reader.view()
        assert view is not None
        assert sorted(name for _, name in view.deployments) == names
        assert cluster.pages >= 3


def test_what_was_known_stays_while_the_api_server_is_away_and_a_version_that_it_forgot_is_listed_anew(
    control_plane: ControlPlane, kubeconfig: Path, namespace: str
) -> None:
    control_plane.apply(make_deployment(namespace=namespace, replicas=0))
    with closing(reader_of(Cluster(kubeconfig=str(kubeconfig)), namespace=namespace)) as reader:
        assert found(reader, namespace) is not None
        control_plane.stop_apiserver()
        try:
            wait_until(lambda: (view := reader.view()) is not None and not view.is_current, "it notices")
            assert found(reader, namespace) is not None
        finally:
            control_plane.start_apiserver()
    # Started anew, it knows no change from before.
    cluster = Journal(kubeconfig, first_version="1")
    with closing(reader_of(cluster, namespace=namespace)) as reader:
        reader.view()
        wait_until(lambda: len(cluster.versions) >= 2, "it watches again")
        assert cluster.pages >= 2, "after a list"
        control_plane.kubectl("-n", namespace, "scale", "deployment/web", "--replicas=4")
        wait_until(lambda: getattr(found(reader, namespace), "replicas", 0) == 4, "the scale is seen")


def test_a_watch_goes_on_where_the_one_before_it_ended(
    control_plane: ControlPlane, kubeconfig: Path, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "WATCH_SECONDS", 1)
    cluster = Journal(kubeconfig)
    with closing(reader_of(cluster, namespace=namespace)) as reader:
        reader.view()
        pages = cluster.pages
        wait_until(lambda: len(cluster.versions) >= 3, "it has watched three times")
        control_plane.apply(make_deployment(namespace=namespace, replicas=0))
        wait_until(lambda: found(reader, namespace) is not None, "the new one is seen")
        assert cluster.pages == pages, "and listed once"


def test_nobody_watches_when_nobody_asks(
    kubeconfig: Path, control_plane: ControlPlane, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "WATCH_SECONDS", 1)
    cluster = Journal(kubeconfig)
    with closing(reader_of(cluster, namespace=namespace, idle_seconds=0.5)) as reader:
        reader.view()
        wait_until(lambda: bool(cluster.versions), "it watches")
        asked_before, pages = len(cluster.versions), cluster.pages
        time.sleep(2.5)
        assert len(cluster.versions) - asked_before <= 1
        control_plane.apply(make_deployment(namespace=namespace, replicas=0))
        assert found(reader, namespace) is not None, "a question begins anew"
        assert cluster.pages > pages


def test_who_may_list_but_not_watch_is_told_by_lists(
    control_plane: ControlPlane, kubeconfig: Path, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "LIST_AGAIN_SECONDS", 0.5)
    name = f"lists-{namespace}"
    rules = [{"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["list"]}]
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "metadata": {"name": name}}
    subject = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": name}
    ref = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name}
    binding = {**role, "kind": "ClusterRoleBinding", "roleRef": ref, "subjects": [subject]}
    control_plane.apply({**role, "kind": "ClusterRole", "rules": rules}, binding)
    cluster = Cluster(kubeconfig=str(control_plane.credentials(name, user=name)))
    with closing(reader_of(cluster, namespace=namespace)) as reader:
        control_plane.wait_for(lambda: reader.view() is not None, what="it may list")
        control_plane.apply(make_deployment(namespace=namespace, replicas=0))
        wait_until(lambda: found(reader, namespace) is not None, "the new one is seen")
    control_plane.kubectl("delete", "clusterrole,clusterrolebinding", name)


def test_an_api_server_that_does_not_answer_is_not_waited_for_twice() -> None:
    """Nothing listens there, and nothing is known of its Deployments."""
    cluster = Cluster(kubeconfig="/does/not/exist")
    with closing(reader_of(cluster)) as reader:
        assert reader.view() is None
        started = time.monotonic()
        assert reader.view() is None
        assert time.monotonic() - started < 0.5
