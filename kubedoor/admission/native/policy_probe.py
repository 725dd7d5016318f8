"""Finds out whether the API server does what its policies say: by a dry run of a creation that only a policy answers.

An API server takes policies, and does nothing with them, where its feature gate is off. Nothing else tells.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import suppress

from kubedoor.admission.door_probe import NAME, probe_manifest
from kubedoor.admission.native.cel import escaped
from kubedoor.admission.native.deployment_policy import NAME as NAME_OF_OBJECT
from kubedoor.admission.native.parameters import GROUP, LABELS, PLURAL, VERSION
from kubedoor.admission.rules import CONTROL_LABEL, Rules
from kubedoor.admission.webhook_configuration import LEFT_OUT_LABELS
from kubedoor.errors import ClusterError, Conflict, Forbidden, KubeDoorError, NotFound
from kubedoor.kube.client import Cluster, path_segment
from kubedoor.kube.ownership import FIELD_MANAGER

ANNOTATION = f"{GROUP}/probe"
ASKED, ANSWERED = "asked", "answered"
MAX_NAMESPACES = 3
SETTLE_SECONDS = 10.0
"""How long the API server may take to find new policies."""
KNOWN_SECONDS = 300.0
"""How long an answer counts: a feature gate changes with a restart of the API server only."""
_PAUSE_SECONDS = 0.3
_APPLY = "application/apply-patch+yaml"
_SELECTOR = ",".join(f"{label}={value}" for label, value in LABELS.items())


def answering(mutation: str) -> str:
    """`mutation` of a policy of creations, which also answers the probe."""
    is_probe = f"{NAME_OF_OBJECT} == '{NAME}' && object.metadata.?annotations[?'{ANNOTATION}'].orValue('') == '{ASKED}'"
    path = f"/metadata/annotations/{escaped(ANNOTATION)}"
    return f"{is_probe} ? [JSONPatch{{op: 'replace', path: '{path}', value: '{ANSWERED}'}}] : {mutation}"


class PolicyProbe:
    def __init__(
        self,
        cluster: Cluster,
        rules: Rules,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._cluster = cluster
        self._rules = rules
        self._monotonic = monotonic
        self._sleep = sleep
        self._known_until = 0.0

    def is_answered(self) -> bool | None:
        """Whether policies are in force; None: there is no namespace with control values to ask in, or it refuses.

        Does not raise KubeDoorError. An answer counts for KNOWN_SECONDS.
        """
        if self._monotonic() < self._known_until:
            return True
        answer: bool | None = None
        try:
            for namespace in self._namespaces():
                with suppress(ClusterError, Conflict, Forbidden, NotFound):
                    answer = self._ask(namespace)
                    break
        except KubeDoorError:
            return None
        if answer:
            self._known_until = self._monotonic() + KNOWN_SECONDS
        return answer

    def wait_for_answer(self) -> bool | None:
        """As `is_answered`, afresh and again until SETTLE_SECONDS are over or nothing is to be found out."""
        self._known_until = 0.0
        deadline = self._monotonic() + SETTLE_SECONDS
        while (answer := self.is_answered()) is False and self._monotonic() < deadline:
            self._sleep(_PAUSE_SECONDS)
        return answer

    def _namespaces(self) -> list[str]:
        """A few of those in which policies do something: they have control values and are not left out."""
        listed = self._cluster.list_metadata(f"/apis/{GROUP}/{VERSION}/{PLURAL}", labelSelector=_SELECTOR)
        ignored = {one for label in LEFT_OUT_LABELS for one in self._cluster.namespaces_labelled(label)}
        names = dict.fromkeys(str(one["namespace"]) for one in listed)
        return list(_controlled(names, self._rules, ignored))[:MAX_NAMESPACES]

    def _ask(self, namespace: str) -> bool:
        manifest = probe_manifest(namespace)
        metadata = manifest["metadata"]
        metadata["annotations"] = {ANNOTATION: ASKED}
        # The webhook leaves it alone, also where it refuses unknown workloads.
        metadata["labels"] = {**metadata["labels"], CONTROL_LABEL: "off"}
        path = f"/apis/apps/v1/namespaces/{path_segment(namespace)}/deployments/{NAME}"
        query = {"fieldManager": FIELD_MANAGER, "force": "true", "dryRun": "All"}
        found = self._cluster.request("PATCH", path, body=manifest, query=query, content_type=_APPLY)
        return bool(found["metadata"].get("annotations", {}).get(ANNOTATION) == ANSWERED)


def _controlled(names: Iterable[str], rules: Rules, ignored: set[str]) -> Iterable[str]:
    return (one for one in names if one not in ignored and not rules.leaves_out(one))
