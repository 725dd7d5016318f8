"""Finds out whether the API server reaches the door: by a dry run of a creation, which only the door answers in its words.

With failurePolicy Ignore nothing else tells: a call that fails is skipped in silence, once its timeout is over.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from kubedoor.admission.webhook_configuration import WEBHOOK_NAME
from kubedoor.errors import KubeDoorError
from kubedoor.kube.answers import DryRun
from kubedoor.kube.client import Cluster, path_segment
from kubedoor.sentences import Sentence, as_sentence, sentence

NAME = "kubedoor-door-probe"
"""Of a Deployment that is never stored; the roles of the chart name it too."""
OWN_WORDS = "KubeDoor: "
MAX_NAMESPACES = 3
SETTLE_SECONDS = 15.0
"""How long the API server may take to know a new webhook configuration, and cert-manager to write its CA into it."""
_PAUSE_SECONDS = 0.5


@dataclass(frozen=True)
class Reach:
    """`is_reached` None: not known, and `detail` says why."""

    is_reached: bool | None
    detail: Sentence


class DoorProbe:
    """`namespaces`: those that the webhook is asked about, as far as known; the first ones are tried."""

    def __init__(
        self,
        cluster: Cluster,
        namespaces: Callable[[], Iterable[str]],
        *,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._cluster = cluster
        self._namespaces = namespaces
        self._monotonic = monotonic
        self._sleep = sleep

    def ask(self) -> Reach:
        """Takes up to the webhook's timeout for each namespace. Does not raise KubeDoorError."""
        found: list[Reach] = []
        try:
            for namespace in list(self._namespaces())[:MAX_NAMESPACES]:
                found.append(self._ask(namespace))
                if found[-1].is_reached:
                    break
        except KubeDoorError as error:
            return Reach(None, error.message)
        return _best(found)

    def ask_until_reached(self) -> Reach:
        """As `ask`, again until SETTLE_SECONDS are over or nothing is to be found out."""
        deadline = self._monotonic() + SETTLE_SECONDS
        while (reach := self.ask()).is_reached is False and self._monotonic() < deadline:
            self._sleep(_PAUSE_SECONDS)
        return reach

    def _ask(self, namespace: str) -> Reach:
        path = f"/apis/apps/v1/namespaces/{path_segment(namespace)}/deployments/{NAME}"
        return _reach(self._cluster.dry_run_apply(path, probe_manifest(namespace)), namespace)


def _best(found: Sequence[Reach]) -> Reach:
    """One answer of the door is enough; otherwise one call that has failed."""
    for wanted in (True, False, None):
        for one in found:
            if one.is_reached is wanted:
                return one
    return Reach(None, sentence("cluster.no_namespace"))


def _reach(answer: DryRun, namespace: str) -> Reach:
    refusal = answer.error.message if answer.error else ""
    if any(one.startswith(OWN_WORDS) for one in answer.warnings) or f'"{WEBHOOK_NAME}" denied the request' in refusal:
        return Reach(True, sentence("cluster.reached", namespace=namespace))
    if f'calling webhook "{WEBHOOK_NAME}"' in refusal:
        return Reach(False, as_sentence(refusal))
    if answer.error:
        return Reach(None, sentence("cluster.probe_refused", namespace=namespace, refusal=refusal))
    return Reach(False, sentence("cluster.probe_passed", namespace=namespace))


def probe_manifest(namespace: str) -> dict[str, Any]:
    """Valid, and within Pod Security `restricted`."""
    labels = {"app.kubernetes.io/name": NAME}
    container = {
        "name": "probe",
        "image": "kubedoor.invalid/probe",
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    security = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": NAME, "namespace": namespace, "labels": labels},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [container], "securityContext": security},
            },
        },
    }
