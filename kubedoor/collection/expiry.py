"""What was once learnt of workloads, and no longer holds or matters."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from kubedoor.model.usage import UsageDay
from kubedoor.model.values import WorkloadKey
from kubedoor.store.control import ControlStore

SEEN_BY = "collect"


def forget_owned_strangers(control: ControlStore, cluster: str, *, before: datetime) -> None:
    """Drop what is known of owned Deployments about which nothing new was learnt since `before`, if they have no values.

    Else every Knative revision there ever was would stay in the door's memory; its owner shows whenever it is changed.
    A label that says hands off is kept for good: it does not show in a Scale, and is not learnt anew as long as it
    stays the same.
    """
    old = [row for row in control.known_facts() if row["owned"] and not row["opted_out"] and row["seen_at"] < before]
    known = control.workloads() if old else set()
    gone = [
        (WorkloadKey(cluster, row["namespace"], row["deployment"]), fact, False)
        for row in old
        if (row["namespace"], row["deployment"]) not in known
        for fact in ("owned", "hpa")
        if row[fact]
    ]
    control.learn(gone, seen_by=SEEN_BY)


def forget_gone_hpas(control: ControlStore, cluster: str, newest: Iterable[UsageDay], *, seen_until: datetime) -> None:
    """An HPA that the newest window no longer has is gone, unless the door saw it after that window.

    `newest`: the rows of that window's day. Without any HPA among them nobody can say whether there are none or whether
    they are not exported.
    """
    has_hpa = {(row.namespace, row.deployment): row.hpa for row in newest}
    if not any(has_hpa.values()):
        return
    gone = [
        (WorkloadKey(cluster, row["namespace"], row["deployment"]), "hpa", False)
        for row in control.known_facts()
        if row["hpa"]
        and row["hpa_seen_at"] < seen_until
        and has_hpa.get((row["namespace"], row["deployment"])) is False
    ]
    control.learn(gone, seen_by=SEEN_BY)
