"""What failures a writer of parameters goes on after, and what it says of them."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from kubedoor.admission.native.parameters import COUNT, counted
from kubedoor.admission.native.writer import Key, ParameterWriter, WriteState, losses, tried
from kubedoor.admission.resources import Floors
from kubedoor.admission.snapshot.snapshot import Snapshot
from kubedoor.errors import ClusterError, Conflict, Forbidden, KubeDoorError
from kubedoor.kube.client import Cluster
from kubedoor.kube.kubeconfig import NO_CLUSTER
from kubedoor.model.values import ManualValues, WorkloadKey
from kubedoor.sentences import as_sentence
from kubedoor.store.connection import Connection
from kubedoor.store.control import ControlStore

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def failing(error: KubeDoorError) -> bool:
    raise error


def test_a_refusal_in_one_namespace_does_not_keep_the_others_from_theirs() -> None:
    refused: dict[Key, KubeDoorError] = {}
    refusals = [Forbidden("quota"), Conflict("field"), ClusterError("invalid", status=422)]
    for one in refusals:
        assert tried(partial(failing, one), (str(one), "control"), refused) is False
    assert list(refused.values()) == refusals
    assert tried(lambda: True, ("shop", "control"), refused) is True


def test_without_an_answer_no_further_namespace_is_waited_for() -> None:
    with pytest.raises(ClusterError):
        tried(partial(failing, ClusterError("no answer")), ("shop", "control"), {})


class Namespaces(Cluster):
    """A fake cluster, some of whose namespaces refuse their control values."""

    def __init__(self, *names: str) -> None:
        super().__init__()
        self.names = names
        self.refusing: set[str] = set()
        self.written: set[str] = set()

    def list_metadata(self, path: str, **selectors: str) -> Iterator[dict[str, Any]]:
        if path == "/api/v1/namespaces":
            yield from ({"name": name} for name in self.names)
        else:
            yield from ({"namespace": name, "name": "control", "resourceVersion": "1"} for name in self.written)

    def apply_large_object(self, path: str, manifest: dict[str, Any]) -> dict[str, Any]:
        if manifest["metadata"]["namespace"] in self.refusing:
            raise Forbidden("exceeded quota")
        self.written.add(manifest["metadata"]["namespace"])
        return {"resourceVersion": "1"}


@pytest.fixture
def snapshot(embedded: Connection, cluster: str, tmp_path: Path) -> Snapshot:
    return Snapshot(
        ControlStore(embedded, cluster),
        cluster=cluster,
        path=tmp_path / "snapshot.json",
        monotonic=time.monotonic,
        now=lambda: datetime.now(UTC),
    )


def test_a_namespace_that_refuses_is_named_and_no_error(
    snapshot: Snapshot, embedded: Connection, cluster: str, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("pay", "shop"):
        key = WorkloadKey(cluster, name, "web")
        ControlStore(embedded, cluster).edit(key, ManualValues(replicas=3), based_on=0, who="test")
    namespaces = Namespaces("pay", "shop")
    writer = ParameterWriter(snapshot, namespaces, Floors(10, 2**20), now=lambda: NOW)
    namespaces.refusing = {"pay"}
    assert writer.write() == 1
    assert writer.state().whole_at is None
    writer.write_or_warn(may_lose=True)
    said = "1 namespace has refused its control values; pay: exceeded quota"
    assert (writer.state().refusing, writer.state().trouble) == (("pay",), said)
    assert caplog.messages == [said]
    namespaces.refusing.clear()
    writer.write()
    assert writer.state() == WriteState(NOW)


@pytest.mark.parametrize(
    ("before", "after", "is_told"),
    [
        ({"shop": 4}, {"shop": 4}, False),
        ({"shop": 4}, {"shop": 2}, False),
        ({"shop": 4}, {"shop": 1}, True),
        ({"shop": 4}, {}, True),
        ({"shop": 1}, {}, True),
        ({"shop": 2, "pay": 2}, {"pay": 2}, False),
        # Another cluster's store has as many Deployments.
        ({"shop": 2, "pay": 2}, {"test": 4}, True),
        ({}, {"shop": 1}, False),
        ({}, {}, False),
    ],
)
def test_what_is_lost_is_told_if_it_is_more_than_half(
    before: dict[str, int], after: dict[str, int], is_told: bool
) -> None:
    found = {(namespace, "control"): {"annotations": {COUNT: str(count)}} for namespace, count in before.items()}
    wanted: dict[Key, dict[str, Any]] = {
        (namespace, "control"): {"spec": {"deployments": {str(number): {} for number in range(count)}}}
        for namespace, count in after.items()
    }
    assert bool(losses(found, wanted)) is is_told


@pytest.mark.parametrize("annotations", [None, {}, {COUNT: ""}, {COUNT: "-3"}, {COUNT: "9" * 12}])
def test_an_object_that_does_not_say_how_many_it_has_counts_as_one(annotations: dict[str, str] | None) -> None:
    assert counted({"annotations": annotations}) == 1


def test_where_no_namespace_takes_any_it_is_an_error(snapshot: Snapshot, embedded: Connection, cluster: str) -> None:
    key = WorkloadKey(cluster, "shop", "web")
    ControlStore(embedded, cluster).edit(key, ManualValues(replicas=3), based_on=0, who="test")
    namespaces = Namespaces("shop")
    namespaces.refusing = {"shop"}
    writer = ParameterWriter(snapshot, namespaces, Floors(10, 2**20))
    with pytest.raises(Forbidden):
        writer.write()
    assert writer.state() == WriteState(None, as_sentence("exceeded quota"))


def test_the_same_trouble_is_logged_once(snapshot: Snapshot, caplog: pytest.LogCaptureFixture) -> None:
    writer = ParameterWriter(snapshot, Cluster(kubeconfig=NO_CLUSTER), Floors(10, 2**20))
    with caplog.at_level(logging.INFO, "kubedoor.admission.native"):
        for _ in range(3):
            writer.write_or_warn(may_lose=True)
    (said,) = caplog.messages
    assert said.startswith("control values are not written into a cluster: no cluster is configured")
    assert caplog.records[0].levelno == logging.INFO, "a first start on sample data warns of nothing"
