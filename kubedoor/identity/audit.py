"""Audits changes write-ahead: the record is written before the change, so no change goes unrecorded.

If the change then fails, a second record with the same id and the outcome `failed` supersedes the first.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from kubedoor.errors import KubeDoorError, StoreError
from kubedoor.sentences import sentence, with_said
from kubedoor.store.records import AuditRecord, RecordStore

log = logging.getLogger(__name__)

NOTHING: Mapping[str, Any] = {}
FAILURE_ATTEMPTS = 3
FAILURE_PAUSE_SECONDS = 0.5


@dataclass(frozen=True)
class Editor:
    """Who makes a change. `via`: session, oidc, token, schedule, command-line or system."""

    who: str
    via: str
    address: str


@contextmanager
def audited(
    records: RecordStore,
    editor: Editor,
    action: str,
    target: str,
    *,
    before: Mapping[str, Any] = NOTHING,
    after: Mapping[str, Any] = NOTHING,
) -> Iterator[None]:
    """`with audited(…): change()`. Raises StoreError, and skips the change, if the record cannot be written."""
    record = AuditRecord(editor.who, editor.via, editor.address, action, target, before, after)
    with audited_all(records, [record]):
        yield


@contextmanager
def audited_all(records: RecordStore, changes: Sequence[AuditRecord]) -> Iterator[None]:
    """As `audited`, for a change of many targets that is done as a whole or not at all."""
    records.add_audit(*changes)
    try:
        yield
    except Exception as error:
        message = error.message if isinstance(error, KubeDoorError) else sentence("common.internal_error")
        _record_failure(
            records,
            [replace(one, outcome="failed", after={**one.after, **with_said({"error": message})}) for one in changes],
        )
        raise


def _record_failure(records: RecordStore, failed: Sequence[AuditRecord]) -> None:
    """Retries, then only logs: the caller has to get the error of the change, not that of the audit."""
    for attempt in range(FAILURE_ATTEMPTS):
        try:
            records.add_audit(*failed)
            return
        except StoreError as error:
            names = ", ".join(record.target for record in failed)
            log.warning("the failure of %s on %s could not be audited: %s", failed[0].action, names, error)
            if attempt < FAILURE_ATTEMPTS - 1:
                time.sleep(FAILURE_PAUSE_SECONDS)
