"""Writes the record of admissions; `records` reads it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import orjson

from kubedoor.store.connection import Connection


class AdmissionRecord(NamedTuple):
    """One admission. Dry runs are not recorded."""

    at: datetime
    cluster: str
    namespace: str
    deployment: str
    uid: str
    operation: str
    subresource: str
    username: str
    outcome: str
    reason: str
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    warnings: tuple[str, ...]
    version: int
    snapshot_age_seconds: float
    reason_said: str = ""
    """As `said_column` gives it, and for each warning."""
    warnings_said: Sequence[str] = ()
    is_release: bool = False
    """It made the Deployment, or changed its pod template by more than what an unchanged manifest puts back."""


def admission_line(record: AdmissionRecord) -> bytes:
    """One row as `add_admission_lines` takes it."""
    changes = (_json_text(record.before), _json_text(record.after))
    values = (*record[:_BEFORE], *changes, *record[_BEFORE + 2 :])
    # A copy: what orjson returns keeps its buffer of 1 KiB and more.
    return bytes(memoryview(orjson.dumps(values)))


def _json_text(changes: Mapping[str, Any]) -> str:
    return orjson.dumps(changes).decode() if changes else "{}"


_BEFORE = AdmissionRecord._fields.index("before")


class AdmissionStore:
    """Admissions of one cluster. All methods raise StoreError."""

    def __init__(self, connection: Connection, cluster: str) -> None:
        self._connection = connection
        self._cluster = cluster

    def add_admissions(self, records: Sequence[AdmissionRecord], *, token: str = "") -> None:
        """With a `token`, rows that were sent before with the same token are not stored twice. Raises StoreError."""
        self.add_admission_lines([admission_line(record) for record in records], token=token)

    def add_admission_lines(self, lines: Sequence[bytes], *, token: str = "") -> None:
        """As `add_admissions`, of rows that `admission_line` has encoded."""
        # Without a token, the table would drop a row that equals one of another insert.
        self._connection.insert_lines("admissions", AdmissionRecord._fields, lines, token=token or uuid.uuid4().hex)
