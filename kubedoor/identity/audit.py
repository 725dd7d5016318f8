"""A change that cannot be recorded does not happen: the record is written first.

When the change itself then fails, a second line with the outcome `failed` and the same id takes the place of the first;
the record never claims less than what was done.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from kubedoor.errors import KubeDoorError, StoreError
from kubedoor.store.records import AuditRecord, RecordStore

log = logging.getLogger(__name__)

NOTHING: Mapping[str, Any] = {}
FAILURE_ATTEMPTS = 3
FAILURE_PAUSE_SECONDS = 0.5


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
    except Exception as error:
        words = error.message if isinstance(error, KubeDoorError) else "an internal error; the log says more"
        _record_failure(records, replace(record, outcome="failed", after={**after, "error": words}))
        raise


def _record_failure(records: RecordStore, record: AuditRecord) -> None:
    """Insist for a moment, then log it: why the change failed matters more to whoever waits."""
    for attempt in range(FAILURE_ATTEMPTS):
        try:
            records.add_audit(record)
            return
        except StoreError as error:
            log.warning("that %s of %s failed could not be recorded: %s", record.action, record.target, error)
            if attempt < FAILURE_ATTEMPTS - 1:
                time.sleep(FAILURE_PAUSE_SECONDS)
