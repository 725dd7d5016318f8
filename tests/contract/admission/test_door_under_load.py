"""Many admissions at once, and a large control table that changes while releases go on."""

from __future__ import annotations

import time
from pathlib import Path

from kubedoor.admission.rules import CONTROL_LABEL
from kubedoor.model.values import ManualValues, WorkloadKey
from kubedoor.store.connection import Connection
from kubedoor.store.control import ControlStore
from kubedoor.store.records import RecordStore
from tests.bench.filling import fill_control
from tests.contract.admission.crowds import clients, create_at_once, ignored_namespace
from tests.contract.doors import door_instead
from tests.contract.lab import Lab, amounts, new_image, replicas_of
from tests.support.builders import make_container, make_deployment
from tests.support.clickhouse import ClickHouse
from tests.support.store_relay import StoreRelay
from tests.toolbox.kubeapi import KubeApi

APP = amounts("120m", "256Mi")
EDITS = 3


def test_a_hundred_unknown_deployments_at_once_wait_for_nobody(
    lab: Lab, namespace: str, tmp_path: Path, clickhouse: ClickHouse
) -> None:
    with (
        StoreRelay(clickhouse) as relay,
        door_instead(lab, tmp_path, relay.dsn, KUBEDOOR_SNAPSHOT_MAX_AGE_SECONDS="1"),
        ignored_namespace(lab.plane) as alone,
        clients(lab.plane, 100) as apis,
    ):

        def is_door_quick() -> bool:
            without_door = max(create_at_once(apis, alone))
            # On a machine that has much else to do, all takes longer.
            return max(create_at_once(apis, namespace)) < without_door + max(0.2, without_door)

        assert any(is_door_quick() for _ in range(4))
        assert relay.reads().through <= 3, "what a fresh snapshot does not have is unknown"
    rows = lab.wait_for_admissions(namespace, 100)
    assert {row["outcome"] for row in rows} == {"unknown"}
    assert {words for row in rows for words in row["warnings"] if "the store is" in words} == set()


def test_an_edit_among_20_000_workloads_is_enforced_at_once_and_costs_its_own_rows(
    lab: Lab, namespace: str, cluster: str, tmp_path: Path, clickhouse: ClickHouse, served: Connection
) -> None:
    control, key = ControlStore(served, cluster), WorkloadKey(cluster, namespace, "web")
    fill_control(control, 20_000)
    folder = f"/apis/apps/v1/namespaces/{namespace}/deployments"
    settings = {"KUBEDOOR_CLUSTER": cluster, "KUBEDOOR_SNAPSHOT_MAX_AGE_SECONDS": "1"}
    with StoreRelay(clickhouse) as relay, door_instead(lab, tmp_path, relay.dsn, **settings), KubeApi(lab.plane) as api:
        for name in ("web", "cart"):
            api.post(folder, make_deployment(name, namespace=namespace, replicas=1))
        relay.forget()
        for number in range(EDITS):
            edited = ManualValues(replicas=3 + number, containers={"app": APP})
            control.edit(key, edited, based_on=number, who="test")
            # Once older than this, what the door knows does not count any more.
            time.sleep(1)
            template = {"spec": {"containers": [make_container(image=new_image())]}}
            api.patch(f"{folder}/web", {"spec": {"replicas": 9, "template": template}})
            assert replicas_of(lab.stored(namespace)) == 3 + number
            # Which is a fact, and the next release shows that it was stored.
            api.patch(f"{folder}/cart", {"metadata": {"labels": {CONTROL_LABEL: "off" if number % 2 else None}}})
        reads = relay.reads()
    assert reads.whole == 0
    assert EDITS <= reads.parts <= 4 * EDITS, "one for each edit, perhaps others for facts"
    assert reads.most_buckets <= 3
    records = RecordStore(served, cluster).admissions(namespace=namespace, limit=100)
    assert not [words for row in records for words in row["warnings"] if "the store is" in words]
    facts = "SELECT DISTINCT deployment FROM workload_observations WHERE namespace = {namespace:String}"
    assert served.rows(facts, namespace=namespace) == [{"deployment": "cart"}], "a release that teaches nothing"
