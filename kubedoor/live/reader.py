"""Watches the Deployments of one cluster for as long as somebody asks.

A list in pages, then a watch from its version on; bookmarks move the version forward. A watch that breaks off goes on from
the last version; only when that is too old all is listed again. A page at most is in memory besides what is kept.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from kubedoor.errors import ClusterError, Forbidden, KubeDoorError
from kubedoor.kube.client import Cluster
from kubedoor.kube.connection import MAX_PAGES
from kubedoor.live.deployments import Key, LiveDeployment, live_of

log = logging.getLogger(__name__)

DEPLOYMENTS = "/apis/apps/v1/deployments"
PAGE_SIZE = 200
"""Parsed, a Deployment takes a hundred times what is kept of it."""
WATCH_SECONDS = 60
"""After so long a watch is begun anew, where it left off. So late a connection is noticed that broke off silently."""
HEARD_SECONDS = WATCH_SECONDS + 30
"""Without a word for longer, what is known is shown as of when it was."""
FIRST_WAIT_SECONDS = 1.0
"""How long a question waits for the first list; until then the page has what was last seen, and soon asks again."""
LIST_AGAIN_SECONDS = 30
"""How often all is listed where a watch is not allowed."""
LEAST_WATCH_SECONDS = 1.0
"""A watch that ends at once, as behind some proxies, is not begun again sooner."""
STEADY_SECONDS = 10.0
"""A watch that lasts longer has worked, however it ends."""
WATCHES_BEFORE_A_LIST = 3
"""So many watches from one version may fail: then all is listed again, as the API server may have lost that version."""
_BACKOFF_SECONDS = (1, 2, 5, 10, 30)
_TOO_MANY = 429
_GONE = 410
"""The version to go on from is too old."""


@dataclass(frozen=True)
class LiveView:
    """`as_of`: when this was so for certain; `is_current`: which is now."""

    deployments: Mapping[Key, LiveDeployment]
    as_of: datetime
    is_current: bool


class LiveReader:
    """Thread-safe. Its thread is a daemon, begins with the first question and ends `idle_seconds` after the last one.

    `controls`: whether the Deployments of a namespace are kept.
    """

    def __init__(
        self,
        cluster: Cluster,
        *,
        controls: Callable[[str], bool],
        idle_seconds: float,
        now: Callable[[], datetime],
        monotonic: Callable[[], float],
    ) -> None:
        self._cluster = cluster
        self._controls = controls
        self._idle_seconds = idle_seconds
        self._now = now
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._answered = threading.Event()
        self._closed = threading.Event()
        self._asked_at = self._began_at = 0.0
        self._thread: threading.Thread | None = None
        """The one that reads now; another one, whose time was over, leaves what is known alone."""
        self._known: dict[Key, LiveDeployment] | None = None
        self._heard: tuple[float, datetime] | None = None
        self._version = self._problem = ""
        self._is_connected = False
        self._watched_at: float | None = None
        """When the first watch after a failure began."""
        self._broken = 0
        """Watches that failed since something was heard of this version."""

    def view(self) -> LiveView | None:
        """What is in the cluster. None: it has not answered yet, or refuses."""
        self._wake()
        self._answered.wait(max(0.0, self._began_at + FIRST_WAIT_SECONDS - self._monotonic()))
        known, heard = self._known, self._heard
        if known is None or heard is None:
            return None
        is_current = self._is_connected and self._monotonic() - heard[0] < HEARD_SECONDS
        return LiveView(known, self._now() if is_current else heard[1], is_current)

    def close(self) -> None:
        """The thread ends with its watch."""
        self._closed.set()

    def _wake(self) -> None:
        with self._lock:
            self._asked_at = self._monotonic()
            if self._thread is None and not self._closed.is_set():
                self._began_at = self._asked_at
                self._answered.clear()
                self._thread = threading.Thread(target=self._run, name="live deployments", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        failures = 0
        try:
            while self._is_wanted():
                self._watched_at = None
                try:
                    if not self._version:
                        self._list()
                    self._follow()
                    failures = 0
                except KubeDoorError as error:
                    self._failed(error)
                    # A list alone is no success: where each watch is refused, all would be listed every second.
                    if self._watched_at is not None and self._monotonic() - self._watched_at > STEADY_SECONDS:
                        failures = 0
                    self._broken += 1
                    if self._broken >= WATCHES_BEFORE_A_LIST or not _goes_on(error):
                        self._version = ""
                    self._closed.wait(_BACKOFF_SECONDS[min(failures, len(_BACKOFF_SECONDS) - 1)])
                    failures += 1
        finally:
            with self._lock:
                # After a fault of its own: the next question begins anew.
                if self._thread is threading.current_thread():
                    self._thread = None

    def _is_wanted(self) -> bool:
        """False: the thread ends, and what it knows is forgotten."""
        with self._lock:
            if self._thread is not threading.current_thread():
                return False
            if not self._closed.is_set() and self._monotonic() - self._asked_at < self._idle_seconds:
                return True
            self._thread = self._known = self._heard = None
            self._version = ""
            self._is_connected = False
            return False

    def _failed(self, error: KubeDoorError) -> None:
        """A failure is logged once, until the next list that does not fail, or fails otherwise."""
        self._is_connected = False
        self._answered.set()
        if error.message != self._problem:
            log.info("Deployments cannot be watched: %s", error.message)
        self._problem = error.message

    def _list(self) -> None:
        found: dict[Key, LiveDeployment] = {}
        query, version = {"limit": str(PAGE_SIZE)}, ""
        for _ in range(MAX_PAGES):
            page = self._cluster.request("GET", DEPLOYMENTS, query=query)
            for manifest in page.get("items") or ():
                self._keep(found, manifest)
            metadata = page["metadata"]
            version = metadata["resourceVersion"]
            if not (following := metadata.get("continue")):
                break
            query["continue"] = following
        self._known, self._version, self._broken = found, version, 0
        self._problem = ""
        self._hear()
        self._answered.set()

    def _follow(self) -> None:
        """Returns where all has to be listed again; raises KubeDoorError where the API server is to be left alone first."""
        try:
            while self._is_wanted():
                begun_at = self._monotonic()
                self._watched_at = self._watched_at or begun_at
                for line in self._cluster.watch(DEPLOYMENTS, resource_version=self._version, seconds=WATCH_SECONDS):
                    if line:
                        self._take(orjson.loads(line))
                    else:
                        self._hear()
                    if self._closed.is_set():
                        return
                self._hear()
                self._closed.wait(max(0.0, begun_at + LEAST_WATCH_SECONDS - self._monotonic()))
        except Forbidden:
            self._version = ""
            self._closed.wait(LIST_AGAIN_SECONDS)
        except ClusterError as error:
            if error.details.get("status") != _GONE:
                raise
            self._version = ""

    def _take(self, event: dict[str, Any]) -> None:
        kind, found = event["type"], event["object"]
        if kind == "ERROR":
            raise ClusterError(str(found.get("message", ""))[:500], status=found.get("code"))
        known = self._known
        if kind != "BOOKMARK" and known is not None:
            if kind == "DELETED":
                known.pop(_key(found), None)
            else:
                self._keep(known, found)
        self._version, self._broken = found["metadata"]["resourceVersion"], 0
        self._hear()

    def _keep(self, known: dict[Key, LiveDeployment], manifest: Mapping[str, Any]) -> None:
        if self._controls((key := _key(manifest))[0]):
            known[key] = live_of(manifest)

    def _hear(self) -> None:
        self._heard = self._monotonic(), self._now()
        self._is_connected = True


def _goes_on(error: KubeDoorError) -> bool:
    """Whether a watch may go on where it broke off: the connection did, or the API server has trouble of its own."""
    status = error.details.get("status")
    return status is None or status == _TOO_MANY or status >= 500


def _key(manifest: Mapping[str, Any]) -> Key:
    metadata = manifest["metadata"]
    return metadata["namespace"], metadata["name"]
