"""What failures a writer of parameters goes on after, and what it says of them."""

from __future__ import annotations

import logging
import time
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from kubedoor.admission.native.writer import ParameterWriter, tried
from kubedoor.admission.resources import Floors
from kubedoor.admission.snapshot.snapshot import Snapshot
from kubedoor.errors import ClusterError, Conflict, Forbidden, KubeDoorError
from kubedoor.kube.client import Cluster
from kubedoor.kube.kubeconfig import NO_CLUSTER
from kubedoor.store.connection import Connection
from kubedoor.store.control import ControlStore


def failing(error: KubeDoorError) -> bool:
    raise error


def test_a_refusal_in_one_namespace_does_not_keep_the_others_from_theirs() -> None:
    failures: list[KubeDoorError] = []
    refusals = [Forbidden("quota"), Conflict("field"), ClusterError("invalid", status=422)]
    for one in refusals:
        assert tried(partial(failing, one), failures) is False
    assert failures == refusals
    assert tried(lambda: True, failures) is True


def test_without_an_answer_no_further_namespace_is_waited_for() -> None:
    with pytest.raises(ClusterError):
        tried(partial(failing, ClusterError("no answer")), [])


def test_the_same_trouble_is_logged_once(
    embedded: Connection, cluster: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    snapshot = Snapshot(
        ControlStore(embedded, cluster),
        cluster=cluster,
        path=tmp_path / "snapshot.json",
        monotonic=time.monotonic,
        now=lambda: datetime.now(UTC),
    )
    writer = ParameterWriter(snapshot, Cluster(kubeconfig=NO_CLUSTER), Floors(10, 2**20))
    with caplog.at_level(logging.INFO, "kubedoor.admission.native"):
        for _ in range(3):
            writer.write_or_warn()
    (said,) = caplog.messages
    assert said.startswith("control values could not be written into the cluster: ")
