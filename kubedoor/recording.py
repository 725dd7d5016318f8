"""A change that cannot be recorded does not happen: the record is written first.

When the change itself then fails, a second line with the outcome `failed` says so; the record never claims less than
what was done.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from kubedoor.errors import KubeDoorError
from kubedoor.store.records import AuditRecord, RecordStore

NOTHING: Mapping[str, Any] = {}


@dataclass(frozen=True)
class Editor:
    """Who changes something. `via`: session, token, schedule, command-line, system."""

    who: str
    via: str
    address: str


@contextmanager
def recorded(
    records: RecordStore,
    editor: Editor,
    action: str,
    target: str,
    *,
    before: Mapping[str, Any] = NOTHING,
    after: Mapping[str, Any] = NOTHING,
) -> Iterator[None]:
    """`with recorded(…): change()`. Raises StoreError before the change when the record cannot be written."""
    record = AuditRecord(editor.who, editor.via, editor.address, action, target, before, after)
    records.add_audit(record)
    try:
        yield
    except KubeDoorError as error:
        records.add_audit(replace(record, outcome="failed", after={**after, "error": error.message}))
        raise
