"""Namespaces that their label takes away from the door."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from kubedoor.admission.webhook_configuration import LEFT_OUT_LABELS
from kubedoor.errors import Forbidden, KubeDoorError
from kubedoor.kube.client import Cluster

log = logging.getLogger(__name__)

AGAIN_SECONDS = 3.0
FORBIDDEN_SECONDS = 60.0
FAILED_SECONDS = 10.0


class IgnoredNamespaces:
    """Thread-safe. Asks the cluster at most every AGAIN_SECONDS, and one caller at a time: the others have the last answer."""

    def __init__(self, cluster: Cluster, monotonic: Callable[[], float]) -> None:
        self._cluster = cluster
        self._monotonic = monotonic
        self._asking = threading.Lock()
        self._due = monotonic()
        self._known: frozenset[str] = frozenset()

    def names(self) -> frozenset[str]:
        """What was known last, where the cluster does not answer; none where it does not tell."""
        if self._monotonic() >= self._due and self._asking.acquire(blocking=False):
            try:
                self._due = self._ask() + self._monotonic()
            finally:
                self._asking.release()
        return self._known

    def _ask(self) -> float:
        """Seconds until it is asked again."""
        try:
            self._known = frozenset().union(*map(self._cluster.namespaces_labelled, LEFT_OUT_LABELS))
        except Forbidden:
            self._known = frozenset()
            return FORBIDDEN_SECONDS
        except KubeDoorError as error:
            log.info("namespaces labelled %s are not known: %s", " or ".join(LEFT_OUT_LABELS), error.message)
            return FAILED_SECONDS
        return AGAIN_SECONDS
