"""Events that notification channels can subscribe to."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Stream(StrEnum):
    """Events that share one rate limit. The door can produce many events at once, the other streams few."""

    DOOR = "door"
    OPERATIONS = "operations"
    CERTIFICATE = "certificate"


class Event(StrEnum):
    DOOR_OVERRODE = "door_overrode"
    CLAMPED = "clamped"
    UNKNOWN_WORKLOAD = "unknown_workload"
    DOOR_FAILED = "door_failed"
    COLLECTION_FAILED = "collection_failed"
    COLLECTION_INCOMPLETE = "collection_incomplete"
    VALUES_WAITING = "values_waiting"
    ACTION_FINISHED = "action_finished"
    ACTION_FAILED = "action_failed"
    SWITCH_USED = "switch_used"
    CERTIFICATE_ENDS = "certificate_ends"


@dataclass(frozen=True)
class Notice:
    """One line of a notification: `count` equal events. `cluster` is empty unless there are several clusters."""

    event: Event
    text: str
    count: int = 1
    cluster: str = ""
