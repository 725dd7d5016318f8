"""Cluster facts from wherever they are to be had: first the API server, then Prometheus for what is missing."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kubedoor.collection.cluster_facts.from_metrics import EXPORTED_KINDS
from kubedoor.collection.cluster_facts.objects import FIELD_OF
from kubedoor.errors import KubeDoorError
from kubedoor.model.cluster_facts import ClusterFacts, FactKind

log = logging.getLogger(__name__)

Read = Callable[[], ClusterFacts]
NO_API = "KubeDoor has no access to the API server of this cluster"
NO_METRICS = "there is no Prometheus to ask"


def gather(api: Read | None, metrics: Read | None) -> ClusterFacts:
    """Each kind from `api`, or else from `metrics`, or else unknown with both reasons. None: it cannot be asked.

    Never raises: sizing goes without facts rather than a collection failing for want of them. `metrics` is only asked for
    what kube-state-metrics exports.
    """
    first = _asked(api, NO_API)
    if first.known >= EXPORTED_KINDS:
        return first
    return _merged(first, _asked(metrics, NO_METRICS))


def _asked(read: Read | None, reason: str) -> ClusterFacts:
    if read is None:
        return _unknown(reason)
    try:
        return read()
    except KubeDoorError as error:
        return _unknown(error.message)
    except Exception:
        log.exception("cluster facts could not be read")
        return _unknown("KubeDoor failed to read it: its log says where")


def _unknown(reason: str) -> ClusterFacts:
    return ClusterFacts(unknown=dict.fromkeys(FactKind, reason))


def _merged(first: ClusterFacts, second: ClusterFacts) -> ClusterFacts:
    """A kind that neither knows has what `second` saw of it, which may be a part."""
    fields: dict[str, Any] = {
        name: getattr(first if kind in first.known else second, name) for kind, name in FIELD_OF.items()
    }
    known = first.known | second.known
    reasons = {
        kind: "; and ".join(one.unknown[kind] for one in (first, second) if kind in one.unknown)
        for kind in FactKind
        if kind not in known
    }
    return ClusterFacts(known=known, unknown=reasons, **fields)


@dataclass(frozen=True)
class GatheredFacts:
    """A FactsSource that gathers anew at each reading."""

    api: Read | None
    metrics: Read | None

    def read_facts(self) -> ClusterFacts:
        return gather(self.api, self.metrics)


@dataclass(frozen=True)
class FixedFacts:
    """A FactsSource that always has the same facts. Without any it is that of sample data, where there is no cluster."""

    facts: ClusterFacts = ClusterFacts()

    def read_facts(self) -> ClusterFacts:
        return self.facts
