"""Expires facts about workloads (owned, HPA) that no longer hold or no longer matter."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from kubedoor.model.usage import UsageDay
from kubedoor.model.values import WorkloadKey
from kubedoor.store.control import ControlStore

SEEN_BY = "collect"


def expire_stale_owned(control: ControlStore, cluster: str, *, before: datetime) -> None:
    """Expire the facts of owned Deployments not seen since `before` that have no control values.

    Otherwise the snapshot would keep every Knative revision forever. This is safe: the admission request of any later
    change shows the owner again. An opt-out label never expires: a Scale request does not show labels, and the fact is
    not recorded again as long as the label is unchanged.
    """
    old = [row for row in control.known_facts() if row["owned"] and not row["opted_out"] and row["seen_at"] < before]
    known = control.workloads() if old else set()
    expired = [
        (WorkloadKey(cluster, row["namespace"], row["deployment"]), fact, False)
        for row in old
        if (row["namespace"], row["deployment"]) not in known
        for fact in ("owned", "hpa")
        if row[fact]
    ]
    control.record_facts(expired, seen_by=SEEN_BY)


def expire_removed_hpas(
    control: ControlStore, cluster: str, newest: Iterable[UsageDay], *, seen_until: datetime
) -> None:
    """Expire HPA facts that the newest usage day disproves, unless admission saw the HPA at or after `seen_until`.

    `newest` holds the rows of the newest day, whose window ended at `seen_until`. If no row has an HPA, nothing
    expires: the HPA metric may be missing.
    """
    has_hpa = {(row.namespace, row.deployment): row.hpa for row in newest}
    if not any(has_hpa.values()):
        return
    expired = [
        (WorkloadKey(cluster, row["namespace"], row["deployment"]), "hpa", False)
        for row in control.known_facts()
        if row["hpa"]
        and row["hpa_seen_at"] < seen_until
        and has_hpa.get((row["namespace"], row["deployment"])) is False
    ]
    control.record_facts(expired, seen_by=SEEN_BY)
