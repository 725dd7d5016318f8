"""Keeps the parameters of the policies in the cluster equal to the control values. The store is the source of truth."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, NamedTuple

from kubedoor.admission.native.parameters import (
    GROUP,
    LABELS,
    PLURAL,
    VERSION,
    counted,
    fits,
    namespace_objects,
    workload_entry,
)
from kubedoor.admission.resources import Floors
from kubedoor.admission.snapshot.entry import unpack, values_of
from kubedoor.admission.snapshot.snapshot import Snapshot
from kubedoor.errors import ClusterError, Forbidden, KubeDoorError, NoClusterAccess, NoClusterConfigured, NotFound
from kubedoor.kube.client import Cluster, path_segment
from kubedoor.sentences import NOTHING, Sentence, sentence

log = logging.getLogger(__name__)

MAX_PASSES = 3
_BEING_DELETED = "because it is being terminated"
"""So says the API server of a namespace that takes nothing new."""
_API = f"/apis/{GROUP}/{VERSION}"
_SELECTOR = ",".join(f"{label}={value}" for label, value in LABELS.items())
Key = tuple[str, str]
"""The namespace and the name of an object."""


class _Written(NamedTuple):
    manifest: Mapping[str, Any]
    version: str
    """The resource version that the API server gave it."""


@dataclass(frozen=True)
class WriteState:
    """How the last attempt went."""

    whole_at: datetime | None = None
    """When every namespace had its control values last; None: not since this process started."""
    trouble: Sentence = NOTHING
    refusing: tuple[str, ...] = ()
    """Namespaces that have not taken theirs; `trouble` names one of them with its reason."""
    is_kept: bool = False
    """Nothing was written, because most values would be gone without anybody's doing: see `trouble`."""


class ParameterWriter:
    """Applies objects that differ from the control values, or that somebody else has changed, and deletes what is gone.

    Thread-safe. Several processes may write: each sees by the version of an object that another has written it.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        cluster: Cluster,
        floors: Floors,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._snapshot = snapshot
        self._cluster = cluster
        self._floors = floors
        self._lock = threading.Lock()
        self._entries: dict[str, tuple[bytes, dict[str, Any]]] = {}
        """`namespace/deployment` -> the packed workload, and the entry made of it."""
        self._written: dict[Key, _Written] = {}
        self._now = now
        self._state = WriteState()
        self._trouble = ""

    def state(self) -> WriteState:
        return self._state

    def write(self, *, may_lose: bool = True) -> int:
        """How many objects had to be written or deleted.

        `may_lose` False: nobody has just edited, collected or switched. Where more than half of the Deployments would lose
        their values, nothing is written then: the store is emptied, restored, or another one.

        Reads the store again after writing, until nothing has changed: of two processes that write at once, the one
        that writes last then sees the other's edit. Raises StoreError when the store is away, ClusterError, Forbidden,
        and NotFound where the cluster does not know ControlValues. A namespace that refuses its own is no error, unless
        no other has taken any: see `state`.
        """
        with self._lock:
            try:
                count, self._state = self._write(may_lose=may_lose)
            except KubeDoorError as error:
                self._state = WriteState(self._state.whole_at, error.message)
                raise
            return count

    def _write(self, *, may_lose: bool) -> tuple[int, WriteState]:
        count = 0
        refused: dict[Key, KubeDoorError] = {}
        for _ in range(MAX_PASSES):
            found, wanted = self._compared()
            if not may_lose and (kept := losses(found, wanted)):
                return count, WriteState(self._state.whole_at, kept, is_kept=True)
            changed, refused = self._write_changed(found, wanted)
            count += changed
            if not changed:
                break
        return count, self._after(refused)

    def _after(self, refused: Mapping[Key, KubeDoorError]) -> WriteState:
        if not refused:
            return WriteState(self._now())
        (namespace, _), error = min(refused.items(), key=lambda one: one[0])
        names = tuple(sorted({key[0] for key in refused}))
        trouble = sentence("cluster.values_refused_by", count=len(names), namespace=namespace, reason=error.message)
        return WriteState(self._state.whole_at, trouble, names)

    def write_or_warn(self, *, may_lose: bool) -> None:
        """As `write`. A failure is only logged: the next change writes again.

        Once, as long as it is the same: this is called twice a minute, also where a cluster lacks the rights or the kind.
        """
        trouble, level = "", logging.WARNING
        try:
            self.write(may_lose=may_lose)
        except NotFound:
            trouble, level = "the cluster does not know ControlValues: the webhook enforces alone", logging.INFO
        except (NoClusterAccess, NoClusterConfigured) as error:
            # As with sample data; the checkup says it too.
            trouble, level = f"control values are not written into a cluster: {error}", logging.INFO
        except KubeDoorError as error:
            trouble = f"control values could not be written into the cluster: {error}"
        else:
            trouble = str(self._state.trouble)
        if trouble and trouble != self._trouble:
            log.log(level, "%s", trouble)
        self._trouble = trouble

    def _compared(self) -> tuple[dict[Key, Mapping[str, Any]], dict[Key, dict[str, Any]]]:
        """The metadata of the objects in the cluster, and the objects that are wanted there."""
        self._snapshot.refresh()
        # Listed after the store was read: what another process has written since belongs to a newer state of the store.
        listed = self._cluster.list_metadata(f"{_API}/{PLURAL}", labelSelector=_SELECTOR)
        return {(one["namespace"], one["name"]): one for one in listed}, dict(self._wanted())

    def _write_changed(
        self, found: Mapping[Key, Mapping[str, Any]], wanted: dict[Key, dict[str, Any]]
    ) -> tuple[int, dict[Key, KubeDoorError]]:
        """How many, and which have been refused with what."""
        # Of a namespace's objects the last first: while names move from one to another, both have them.
        changed = [key for key, manifest in reversed(wanted.items()) if not self._is_written(key, manifest, found)]
        if changed:
            changed = self._with_namespace(changed)
        gone = found.keys() - wanted.keys()
        refused: dict[Key, KubeDoorError] = {}
        count = sum(tried(partial(self._apply, key, wanted[key]), key, refused) for key in changed)
        count += sum(tried(partial(self._delete, key), key, refused) for key in gone)
        if refused and not any(key in self._written and key not in refused for key in wanted):
            raise next(iter(refused.values()))
        return count, refused

    def _with_namespace(self, keys: list[Key]) -> list[Key]:
        """Those that can be written: the control table also has workloads of namespaces that are gone."""
        try:
            found = list(self._cluster.list_metadata("/api/v1/namespaces"))
        except Forbidden:
            # Each is tried then, at the price of a request.
            return keys
        there = {one["name"] for one in found if "deletionTimestamp" not in one}
        return [key for key in keys if key[0] in there]

    def _is_written(self, key: Key, manifest: Mapping[str, Any], found: Mapping[Key, Mapping[str, Any]]) -> bool:
        written = self._written.get(key)
        if written is None or key not in found:
            return False
        return written.version == str(found[key]["resourceVersion"]) and written.manifest == manifest

    def _apply(self, key: Key, manifest: dict[str, Any]) -> bool:
        """False: the namespace has begun to go in this moment, so that it gets no Deployments either."""
        try:
            metadata = self._cluster.apply_large_object(_path(*key), manifest)
        except NotFound:
            return False
        except Forbidden as error:
            if _BEING_DELETED in str(error):
                return False
            raise
        self._written[key] = _Written(manifest, str(metadata["resourceVersion"]))
        return True

    def _delete(self, key: Key) -> bool:
        # At once: an object that waits for the garbage collector would still be a parameter.
        with suppress(NotFound):
            self._cluster.request("DELETE", _path(*key), query={"propagationPolicy": "Background"})
        self._written.pop(key, None)
        return True

    def _wanted(self) -> Iterator[tuple[Key, dict[str, Any]]]:
        namespaces: dict[str, dict[str, dict[str, Any]]] = {}
        known = {}
        for name, packed in self._snapshot.packed_workloads():
            before = self._entries.get(name)
            entry = before[1] if before and before[0] == packed else self._entry(packed)
            if entry is not None:
                known[name] = packed, entry
                namespace, _, deployment = name.partition("/")
                namespaces.setdefault(namespace, {})[deployment] = entry
        self._entries = known
        for namespace, entries in namespaces.items():
            for manifest in namespace_objects(namespace, entries):
                yield (namespace, manifest["metadata"]["name"]), manifest

    def _entry(self, packed: bytes) -> dict[str, Any] | None:
        values = values_of(unpack(packed))
        return workload_entry(values, self._floors) if values.known and fits(values) else None


def losses(found: Mapping[Key, Mapping[str, Any]], wanted: Mapping[Key, Mapping[str, Any]]) -> Sentence:
    """What is to be said where more than half of the Deployments that have values in the cluster would lose them."""
    before, after = Counter[str](), Counter[str]()
    for (namespace, _), metadata in found.items():
        before[namespace] += counted(metadata)
    for (namespace, _), manifest in wanted.items():
        after[namespace] += len(manifest["spec"]["deployments"])
    lost = (before - after).total()
    if 2 * lost <= before.total():
        return NOTHING
    return sentence("cluster.values_kept", count=lost, all=before.total())


def tried(change: Callable[[], bool], key: Key, refused: dict[Key, KubeDoorError]) -> bool:
    """A namespace that takes nothing, as one that is being deleted, must not keep the others from theirs.

    Raises ClusterError where there is no answer at all: each further one would take until the timeout, too.
    """
    try:
        return change()
    except ClusterError as error:
        if "status" not in error.details:
            raise
        refused[key] = error
    except KubeDoorError as error:
        refused[key] = error
    return False


def _path(namespace: str, name: str) -> str:
    return f"{_API}/namespaces/{path_segment(namespace)}/{PLURAL}/{path_segment(name)}"
