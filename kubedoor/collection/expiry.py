"""Expires facts about workloads (owned, HPA) that no longer hold or no longer matter."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

from kubedoor.control_values import facts_of
from kubedoor.model.facts import Facts
from kubedoor.model.usage import UsageDay
from kubedoor.model.values import WorkloadKey
from kubedoor.store.control import ControlStore

SEEN_BY = "collect"


def expire_stale_owned(control: ControlStore, cluster: str, *, before: datetime, at: datetime) -> None:
    """Expire the facts of owned Deployments not seen since `before` that have no control values.

    Otherwise the snapshot would keep every Knative revision forever. This is safe: the admission request of any later
    change shows the owner again. An opt-out label never expires: a Scale request does not show labels, and the fact is
    not recorded again as long as the label is unchanged.
    """
    old = [(row, facts) for row, facts in _known(control, cluster) if _is_owned(facts) and row["seen_at"] < before]
    known = control.workloads() if old else set()
    expired = [
        one for row, facts in old if (row["namespace"], row["deployment"]) not in known for one in facts.cleared(at)
    ]
    control.record_facts(expired, seen_by=SEEN_BY)


def expire_removed_hpas(
    control: ControlStore, cluster: str, newest: Iterable[UsageDay], *, seen_until: datetime, at: datetime
) -> None:
    """Expire HPA facts that the newest usage day disproves, unless admission saw the HPA at or after `seen_until`.

    `newest` holds the rows of the newest day, whose window ended at `seen_until`. If no row has an HPA, nothing
    expires: the HPA metric may be missing.
    """
    has_hpa = {(row.namespace, row.deployment): row.hpa for row in newest}
    if not any(has_hpa.values()):
        return
    expired = [
        replace(facts.hpa, hpa=False, seen_at=facts.moment(at))
        for row, facts in _known(control, cluster)
        if facts.hpa
        and facts.hpa.hpa
        and facts.hpa.seen_at < seen_until
        and has_hpa.get((row["namespace"], row["deployment"])) is False
    ]
    control.record_facts(expired, seen_by=SEEN_BY)


def _known(control: ControlStore, cluster: str) -> Iterator[tuple[dict[str, Any], Facts]]:
    for row in control.known_facts():
        yield row, facts_of(WorkloadKey(cluster, row["namespace"], row["deployment"]), row)


def _is_owned(facts: Facts) -> bool:
    """Whether an owner is all that is known to exempt it."""
    found = [one.exemptions for one in facts.exempting]
    return any(owned for _, owned in found) and not any(opted_out for opted_out, _ in found)
