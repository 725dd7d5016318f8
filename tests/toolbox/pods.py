"""The pods of a fleet with their lifetimes and the names that Kubernetes would generate.

Names follow k8s.io/apimachinery/pkg/util/rand (the alphabets) and k8s.io/apiserver/pkg/storage/names (a generated name
is its base, cut to 58 characters, and five more): a name too long loses the end of the ReplicaSet's hash and the dash.
"""

from __future__ import annotations

import hashlib
import uuid
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import pairwise

from tests.toolbox.series import App, Container, Fleet, Hang, Kind, Replace, Restart, Role, Rollout, Scale

ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
LONGEST_BASE = 58
HAS_REPLICA_SETS = (Kind.DEPLOYMENT, Kind.ROLLOUT)
START_STAGGER_SECONDS = 2


@dataclass(frozen=True)
class ReplicaSet:
    name: str
    namespace: str
    owner_kind: str
    owner_name: str
    start: datetime
    end: datetime


@dataclass(frozen=True)
class Pod:
    name: str
    namespace: str
    app: App
    owner_kind: str
    owner_name: str
    index: int
    """Index among the pods that exist at the same time; a replacement keeps it."""
    start: datetime
    end: datetime
    node: str
    uid: str
    containers: tuple[Container, ...]
    ready_at: datetime | None
    """None: never."""
    deleted_at: datetime
    """From then on, and until its end, it is terminating."""
    listed_until: datetime
    """After its end for an evicted pod that nobody deletes."""


@dataclass(frozen=True)
class Life:
    """One container from start to end, with one container id."""

    pod: Pod
    container: Container
    start: datetime
    end: datetime
    container_id: str
    resets: tuple[datetime, ...] = ()
    """Restarts that kept the id."""


def digest(text: str) -> str:
    """16 hexadecimal digits derived from `text`; real ids have 64, which would slow down the import."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def template_hash(text: str) -> str:
    """A pod-template-hash: the decimal digits of a 32-bit number, in the alphabet of apimachinery's rand."""
    return "".join(ALPHABET[ord(digit) % len(ALPHABET)] for digit in str(zlib.crc32(text.encode())))


def _suffix(text: str) -> str:
    return "".join(ALPHABET[byte % len(ALPHABET)] for byte in hashlib.sha256(text.encode()).digest()[:5])


def uid_of(text: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_OID, text))


def _beginning(fleet: Fleet) -> datetime:
    return fleet.moment(-7, "04:17")


def _end(fleet: Fleet) -> datetime:
    return fleet.moment(fleet.days + 1, "00:00")


@dataclass(frozen=True)
class _Place:
    """A running pod; `serial` is unique within the app."""

    since: datetime
    revision: int
    serial: int
    ready_at: datetime | None


class _Story:
    """Replays the events of an app in order and records every pod that ended."""

    def __init__(self, fleet: Fleet, app: App) -> None:
        self.fleet, self.app = fleet, app
        self.start = app.created or _beginning(fleet)
        self.end = min(app.deleted or _end(fleet), _end(fleet))
        self.revisions = [self.start]
        self.templates = [app.containers]
        """The containers of each revision."""
        self.wanted: list[tuple[datetime, int]] = []
        """The Deployment's replicas, since when."""
        self.places: dict[int, _Place] = {}
        self.started = 0
        self.pods: list[Pod] = []
        self._play()

    def _play(self) -> None:
        self._scale(Scale(self.start, self.app.replicas))
        for event in self.app.events:
            if isinstance(event, Scale):
                self._scale(event)
            elif isinstance(event, Replace):
                self._end_pod(event.pod, event.at, event.grace_seconds, stays_listed=event.stays_listed)
                self._start_pod(event.pod, event.at)
            elif isinstance(event, Hang):
                self._hang(event)
            else:
                self._roll_out(event)
        for index in sorted(self.places):
            self._end_pod(index, self.end)

    def _scale(self, event: Scale) -> None:
        self.wanted.append((event.at, event.replicas))
        for index in sorted(self.places):
            if index >= event.replicas:
                self._end_pod(index, event.at)
        for index in range(event.replicas):
            if index not in self.places:
                self._start_pod(index, event.at + timedelta(seconds=index * START_STAGGER_SECONDS))

    def _roll_out(self, event: Rollout) -> None:
        self._new_template(event)
        starts, old = event.at, sorted(self.places)[: event.stops_after]
        for first in range(0, len(old), event.surge):
            batch = old[first : first + event.surge]
            ready = starts + timedelta(seconds=event.seconds_per_pod * len(batch))
            for index in batch:
                self._end_pod(index, ready)  # Not before the new ones are ready: the surge.
                self._start_pod(index, starts, ready_at=ready)
            starts = ready

    def _hang(self, event: Hang) -> None:
        self._new_template(event)
        left = len(self.places) - event.unavailable
        for index in sorted(self.places)[left:]:
            self._end_pod(index, event.at)
        for index in range(left, left + event.unavailable + event.surge):
            self._start_pod(index, event.at, is_ready=False)

    def _new_template(self, event: Rollout | Hang) -> None:
        self.revisions.append(event.at)
        self.templates.append(event.containers or self.templates[-1])

    def _start_pod(self, index: int, at: datetime, *, ready_at: datetime | None = None, is_ready: bool = True) -> None:
        self.started += 1
        ready_at = (ready_at or at) if is_ready else None
        self.places[index] = _Place(at, len(self.revisions) - 1, self.started, ready_at)

    def _end_pod(self, index: int, at: datetime, grace_seconds: int = 0, *, stays_listed: bool = False) -> None:
        place = self.places.pop(index)
        if at > place.since:
            end = at + timedelta(seconds=grace_seconds)
            self.pods.append(self._pod(index, place, (at, end, self.end if stays_listed else end)))

    def _pod(self, index: int, place: _Place, ends: tuple[datetime, datetime, datetime]) -> Pod:
        """`ends`: when it is deleted, when its containers end, and until when it is listed."""
        deleted_at, end, listed_until = ends
        identity = f"{self.app.namespace}/{self.app.name}/{place.serial}"
        name, owner_kind, owner_name = self._names(index, place.revision, identity)
        node = f"node-{int(digest(identity)[:8], 16) % self.fleet.nodes + 1}"
        return Pod(
            name,
            self.app.namespace,
            self.app,
            owner_kind,
            owner_name,
            index,
            place.since,
            end,
            node,
            uid_of(identity),
            self.templates[place.revision],
            place.ready_at,
            deleted_at,
            listed_until,
        )

    def _names(self, index: int, revision: int, identity: str) -> tuple[str, str, str]:
        """Pod name, owner kind, owner name."""
        app = self.app
        if app.kind is Kind.POD:
            return app.name, "<none>", "<none>"
        if app.kind is Kind.STATEFUL_SET:
            return f"{app.name}-{index}", app.kind, app.name
        if app.kind in HAS_REPLICA_SETS:
            owner = replica_set_name(app, revision)
            return _generated(owner, identity), "ReplicaSet", owner
        return _generated(app.name, identity), app.kind, app.name

    def replica_sets(self) -> Iterator[ReplicaSet]:
        """Old ReplicaSets stay, with zero replicas, as long as the app exists."""
        app = self.app
        if app.kind is Kind.REPLICA_SET:
            yield ReplicaSet(app.name, app.namespace, "<none>", "<none>", self.start, self.end)
        if app.kind in HAS_REPLICA_SETS:
            for revision, start in enumerate(self.revisions):
                name = replica_set_name(app, revision)
                yield ReplicaSet(name, app.namespace, app.kind, app.name, start, self.end)


def replica_set_name(app: App, revision: int) -> str:
    """Of the template before any rollout (0), after the first (1), and so on."""
    return f"{app.name}-{template_hash(f'{app.namespace}/{app.name}/{revision}')}"


def _generated(owner: str, identity: str) -> str:
    return f"{owner}-"[:LONGEST_BASE] + _suffix(identity)


@lru_cache(maxsize=4)
def _stories(fleet: Fleet) -> tuple[_Story, ...]:
    return tuple(_Story(fleet, app) for app in fleet.apps)


def pods_of(fleet: Fleet) -> Iterator[Pod]:
    """All pods, in no particular order."""
    for story in _stories(fleet):
        yield from story.pods


def node_names(fleet: Fleet) -> list[str]:
    return [f"node-{number + 1}" for number in range(fleet.nodes)]


def lifetime_of_nodes(fleet: Fleet) -> tuple[datetime, datetime]:
    return fleet.moment(-30, "00:00"), fleet.moment(fleet.days + 1, "00:00")


def replica_sets_of(fleet: Fleet) -> Iterator[ReplicaSet]:
    for story in _stories(fleet):
        yield from story.replica_sets()


def lifetime(fleet: Fleet, app: App) -> tuple[datetime, datetime]:
    """The start and end of the app."""
    story = _story_of(fleet, app)
    return story.start, story.end


def wanted_replicas(fleet: Fleet, app: App) -> list[tuple[datetime, int]]:
    """`spec.replicas`, since when; in order of time."""
    return list(_story_of(fleet, app).wanted)


def _story_of(fleet: Fleet, app: App) -> _Story:
    return next(story for story in _stories(fleet) if story.app is app)


def first_life(pod: Pod, container: Container) -> Life:
    """The life of the container without restarts."""
    return Life(pod, container, pod.start, pod.end, digest(f"{pod.uid}/{container.name}/0"))


def lives_of(pod: Pod) -> Iterator[Life]:
    """The containers of `pod` in cAdvisor; a plain init container ends before the first scrape."""
    for container in pod.containers:
        if container.role is Role.INIT:
            continue
        restarts = restarts_of(pod, container)
        resets = [one.at for one in restarts if one.keeps_id]
        borders = [pod.start, *(one.at for one in restarts if not one.keeps_id), pod.end]
        for number, (start, end) in enumerate(pairwise(borders)):
            container_id = digest(f"{pod.uid}/{container.name}/{number}")
            yield Life(pod, container, start, end, container_id, tuple(at for at in resets if start < at < end))


def restarts_of(pod: Pod, container: Container) -> list[Restart]:
    """In order of time."""
    found = [one for one in container.restarts if one.pod == pod.index and pod.start < one.at < pod.end]
    return sorted(found, key=lambda one: one.at)
