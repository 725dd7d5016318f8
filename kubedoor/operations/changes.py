"""The changes of an action at the API server. KubeDoor owns no field afterwards that somebody else may want to set."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

from kubedoor.admission.due import replicas_of
from kubedoor.errors import Conflict, KubeDoorError
from kubedoor.kube.client import Cluster
from kubedoor.kube.ownership import SCALE, given_back, lock
from kubedoor.operations.planned import Refused
from kubedoor.operations.request import Target
from kubedoor.operations.restore import restore_mismatch, restore_patch
from kubedoor.operations.retry import retry
from kubedoor.operations.rollout import restart_patch
from kubedoor.sentences import Sentence, joined, sentence

Response = TypeVar("Response")
Restored = Callable[[dict[str, Any]], dict[str, Any] | None]
"""From a Deployment to the one that its owner asked for; None: nothing is left to give back."""

SCALE_ATTEMPTS = 4
CONFLICT_ATTEMPTS = 8
CONFLICT_SECONDS = 0.05
"""The pause after the first conflict; it doubles, to 6 s in all. Controllers write the status of a Deployment often."""


class ItemFailed(KubeDoorError):
    """The item did not reach the requested state; the message says why."""


class Changes:
    """For one action. `wait` returns true once the action is cancelled."""

    def __init__(self, cluster: Cluster, *, wait: Callable[[float], bool]) -> None:
        self._cluster = cluster
        self._wait = wait

    def restart(self, target: Target, *, at: str) -> int:
        """Returns the generation of the Deployment to wait for."""
        patch = restart_patch(at)
        changed = self._retry(lambda: self._cluster.patch_deployment(target.namespace, target.deployment, patch))
        return int(changed["metadata"]["generation"])

    def scale(self, target: Target, wanted: int, *, is_enforced: bool) -> Sentence:
        """Returns a remark on the ownership of the replicas, mostly empty.

        With `is_enforced` the admission webhook sets the number, and whoever owned the field still does. Retries while an
        admission stores another number: KubeDoor's may decide from stale values for a moment. Raises ItemFailed.
        """
        before = self._manifest(target)
        for attempt in range(SCALE_ATTEMPTS):
            if is_enforced and self._scale(target, replicas_of(self._manifest(target))) == wanted:
                return Sentence()
            stored = self._scale(target, wanted)
            if stored == wanted:
                return self._give_back(target, before, subresource=SCALE)
            if attempt < SCALE_ATTEMPTS - 1 and self._wait(2.0**attempt):
                break
        raise ItemFailed(sentence("operations.stored_another", wanted=wanted, stored=stored))

    def restore(self, target: Target, restored: Restored) -> tuple[int, Sentence]:
        """Returns the generation of the Deployment to wait for, and a remark as `scale` does.

        Raises ItemFailed when the Deployment changes again and again, or an admission sets other values.
        """
        before = self._manifest(target)
        manifest, mismatch = self._restored(target, before, restored)
        remark = self._give_back(target, before)
        if mismatch:
            raise ItemFailed(joined(sentence("operations.changed_but", words=mismatch), remark))
        return int(manifest["metadata"]["generation"]), remark

    def _restored(
        self, target: Target, manifest: dict[str, Any], restored: Restored
    ) -> tuple[dict[str, Any], Sentence]:
        """The Deployment after its restore, and how it differs from what was asked for."""
        for attempt in range(CONFLICT_ATTEMPTS):
            # None also after an attempt that had no response and succeeded.
            if (wanted := restored(manifest)) is None:
                return manifest, Sentence()
            try:
                changed = self._patch(target, [lock(manifest), *restore_patch(manifest, wanted)])
            except Conflict:
                time.sleep(CONFLICT_SECONDS * 2**attempt)
                manifest = self._manifest(target)
            else:
                return changed, restore_mismatch(wanted, changed)
        raise ItemFailed(sentence("operations.not_restored"))

    def _give_back(self, target: Target, before: dict[str, Any], *, subresource: str | None = None) -> Sentence:
        """Never raises, since the change is made: returns why KubeDoor still owns a field."""
        reason = sentence("operations.others_change")
        try:
            for attempt in range(CONFLICT_ATTEMPTS):
                now = self._manifest(target)
                if (fields := given_back(before, now, subresource=subresource)) is None:
                    return Sentence()
                try:
                    self._patch(
                        target, [lock(now), {"op": "replace", "path": "/metadata/managedFields", "value": fields}]
                    )
                except Conflict:
                    time.sleep(CONFLICT_SECONDS * 2**attempt)
                else:
                    return Sentence()
        except KubeDoorError as error:
            reason = error.message
        return sentence("operations.apply_conflict", reason=reason)

    def _patch(self, target: Target, patch: list[dict[str, Any]]) -> dict[str, Any]:
        """Raises Conflict where the lock of `patch` is stale."""
        return self._retry(lambda: self._cluster.json_patch_deployment(target.namespace, target.deployment, patch))

    def _scale(self, target: Target, replicas: int) -> int:
        return self._retry(lambda: self._cluster.scale_deployment(target.namespace, target.deployment, replicas))

    def _manifest(self, target: Target) -> dict[str, Any]:
        manifest = self._retry(lambda: self._cluster.deployment(target.namespace, target.deployment))
        if manifest is None:
            raise Refused(sentence("operations.gone", workload=target))
        return manifest

    def _retry(self, request: Callable[[], Response]) -> Response:
        return retry(request, wait=self._wait)
