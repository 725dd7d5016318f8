"""Cluster facts from the API server: five lists, each of which may fail on its own."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from kubedoor.collection.cluster_facts import objects
from kubedoor.collection.cluster_facts.objects import FIELD_OF, Manifest
from kubedoor.errors import Forbidden, KubeDoorError, NotFound
from kubedoor.kube.client import Cluster
from kubedoor.model.cluster_facts import ClusterFacts, FactKind

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Listing:
    """One list, and what makes facts of it."""

    kind: FactKind
    resource: str
    read: Callable[[Iterable[Manifest]], Any]
    group: str = ""
    version: str = "v1"
    is_optional: bool = False
    """A CRD: without it there are no objects."""

    @property
    def path(self) -> str:
        return f"{f'/apis/{self.group}' if self.group else '/api'}/{self.version}/{self.resource}"

    @property
    def rule(self) -> str:
        """The RBAC rule that allows it."""
        return f'apiGroups ["{self.group}"], resources [{self.resource}], verbs [list]'


_LISTINGS = (
    _Listing(FactKind.NODES, "nodes", objects.largest_node),
    _Listing(FactKind.LIMIT_RANGES, "limitranges", objects.limit_ranges),
    _Listing(FactKind.QUOTAS, "resourcequotas", objects.quotas),
    _Listing(FactKind.HPAS, "horizontalpodautoscalers", objects.hpas, group="autoscaling", version="v2"),
    _Listing(
        FactKind.VPAS,
        "verticalpodautoscalers",
        objects.vpas,
        group="autoscaling.k8s.io",
        version="v1",
        is_optional=True,
    ),
)


def facts_from_api(
    cluster: Cluster, *, namespaces: Collection[str] = (), excluded_namespaces: Collection[str] = ()
) -> ClusterFacts:
    """Every kind of fact, of `namespaces` (empty: all) without `excluded_namespaces`. Never raises.

    The lists run at the same time, so an API server that does not answer costs one timeout. A kind whose list fails is
    not in `known`; `unknown` has the reason and what to do.
    """

    def is_wanted(manifest: Manifest) -> bool:
        namespace = manifest["metadata"].get("namespace", "")
        # Nodes have none.
        return not namespace or (namespace not in excluded_namespaces and (not namespaces or namespace in namespaces))

    with ThreadPoolExecutor(max_workers=len(_LISTINGS), thread_name_prefix="cluster-facts") as pool:
        answers = list(pool.map(lambda listing: _read(cluster, listing, is_wanted), _LISTINGS))
    fields: dict[str, Any] = {FIELD_OF[one.kind]: one.facts for one in answers if not one.reason}
    return ClusterFacts(
        known=frozenset(one.kind for one in answers if not one.reason),
        unknown={one.kind: one.reason for one in answers if one.reason},
        **fields,
    )


@dataclass(frozen=True)
class _Answer:
    """The facts of one kind, or the reason why there are none."""

    kind: FactKind
    facts: Any = None
    reason: str = ""


def _read(cluster: Cluster, listing: _Listing, is_wanted: Callable[[Manifest], bool]) -> _Answer:
    try:
        return _Answer(listing.kind, listing.read(filter(is_wanted, _listed(cluster, listing))))
    except Forbidden as error:
        reason = f"{error.message}: add the rule {listing.rule} to its ClusterRole"
    except (KubeDoorError, OSError) as error:
        reason = f"{listing.resource} could not be listed ({error}): check the kubeconfig, and whether the API server can be reached from here"
    except (LookupError, TypeError, ValueError, AttributeError):
        log.exception("the list of %s cannot be read", listing.resource)
        reason = f"the list of {listing.resource} is not as Kubernetes describes it: KubeDoor's log says where"
    return _Answer(listing.kind, reason=reason)


def _listed(cluster: Cluster, listing: _Listing) -> Iterator[Manifest]:
    try:
        yield from cluster.list_objects(listing.path)
    except NotFound:
        if not listing.is_optional:
            raise
