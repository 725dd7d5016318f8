"""Events that channels can be told of."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Stream(StrEnum):
    """What is limited together. The door's notices come in floods, the others one by one."""

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
    ACTION_FINISHED = "action_finished"
    ACTION_FAILED = "action_failed"
    SWITCH_USED = "switch_used"
    CERTIFICATE_ENDS = "certificate_ends"


@dataclass(frozen=True)
class Notice:
    """Something that happened `count` times in the same way; with a `cluster` where there are several."""

    event: Event
    text: str
    count: int = 1
    cluster: str = ""
