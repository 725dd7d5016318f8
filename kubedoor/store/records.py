"""The two records that are kept a year: what the door did, and what people changed."""

from __future__ import annotations

import json
import sys
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from kubedoor.store.connection import Connection, Row

_OLDEST, _NEWEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
EXPORT_PAGE_ROWS = 2000
"""Rows in memory at once while everything is exported."""


@dataclass(frozen=True)
class AdmissionRecord:
    """One admission that was not a dry run."""

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


@dataclass(frozen=True)
class AuditRecord:
    """One change by somebody. `via` is how they were known: session, token, schedule, command-line, system.

    A line is written before its change; when the change failed, a second one with the outcome `failed` and the same id
    follows, and whoever reads finds only that one.
    """

    who: str
    via: str
    address: str
    action: str
    target: str
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    outcome: str = "done"
    id: uuid.UUID = field(default_factory=uuid.uuid4)


@dataclass(frozen=True)
class Wanted:
    """Which rows of a record; empty and None: no matter.

    `who`, `action` (or, of an admission, the operation) and `outcome` are exact; `target` is a part of the target, of an
    admission of namespace/deployment. `since` is included, `until` is not. `before` with `before_id` is the row after
    which a page goes on: newest first, only rows older than it.
    """

    who: str = ""
    action: str = ""
    target: str = ""
    namespace: str = ""
    deployment: str = ""
    outcome: str = ""
    since: datetime | None = None
    until: datetime | None = None
    before: datetime | None = None
    before_id: uuid.UUID | None = None
    of_cluster: str = ""
    """Of changes: only those in this cluster, and those that are common to all clusters."""


NOT_FAILED = "(outcome = 'failed' OR id NOT IN (SELECT id FROM audit WHERE outcome = 'failed'))"
"""Leaves out the line that was written before a change which then failed."""
_INSTANT = "Nullable(DateTime64(3, 'UTC'))"
# With a time and no id, only rows of other milliseconds follow; with both, those of the same one as well.
_PAGE = (
    f" AND ({{since:{_INSTANT}}} IS NULL OR at >= {{since:{_INSTANT}}})"
    f" AND ({{until:{_INSTANT}}} IS NULL OR at < {{until:{_INSTANT}}})"
    f" AND ({{before:{_INSTANT}}} IS NULL OR at < {{before:{_INSTANT}}}"
    f" OR (at = {{before:{_INSTANT}}} AND id < {{before_id:Nullable(UUID)}}))"
    " ORDER BY at DESC, id DESC LIMIT {limit:UInt32}"
)
_AUDIT = (
    "SELECT at, id, who, via, address, action, target, cluster, namespace, before, after, outcome FROM audit"
    " WHERE ({who:String} = '' OR who = {who:String})"
    " AND ({action:String} = '' OR action = {action:String})"
    " AND ({target:String} = '' OR positionCaseInsensitiveUTF8(target, {target:String}) > 0)"
    " AND ({namespace:String} = '' OR namespace = {namespace:String})"
    " AND ({deployment:String} = '' OR target = concat(cluster, '/', namespace, '/', {deployment:String}))"
    " AND ({outcome:String} = '' OR outcome = {outcome:String})"
    " AND ({of_cluster:String} = '' OR cluster IN ('', {of_cluster:String}))"
    f" AND {NOT_FAILED}" + _PAGE
)
_ADMISSIONS = (
    "SELECT * EXCEPT (cluster) FROM admissions WHERE cluster = {cluster:String}"
    " AND ({who:String} = '' OR username = {who:String})"
    " AND ({action:String} = '' OR operation = {action:String})"
    " AND ({target:String} = '' OR positionCaseInsensitiveUTF8(concat(namespace, '/', deployment), {target:String}) > 0)"
    " AND ({namespace:String} = '' OR namespace = {namespace:String})"
    " AND ({deployment:String} = '' OR deployment = {deployment:String})"
    " AND ({outcome:String} = '' OR outcome = {outcome:String})" + _PAGE
)


class RecordStore:
    """Records of one cluster; changes of what is common to all clusters go to the one without a name."""

    def __init__(self, connection: Connection, cluster: str) -> None:
        self._connection = connection
        self._cluster = cluster

    def add_admissions(self, records: Sequence[AdmissionRecord]) -> None:
        rows = [
            {
                **{name: getattr(record, name) for name in AdmissionRecord.__dataclass_fields__},
                "before": _json(record.before),
                "after": _json(record.after),
                "warnings": list(record.warnings),
            }
            for record in records
        ]
        self._connection.insert("admissions", rows)

    def add_audit(self, record: AuditRecord) -> None:
        """Raises StoreError; a change that cannot be recorded must not happen, so callers record first."""
        row = {name: getattr(record, name) for name in AuditRecord.__dataclass_fields__}
        texts = {"before": _json(record.before), "after": _json(record.after)}
        self._connection.insert("audit", [{**row, **texts, "cluster": self._cluster}])

    def find_admissions(self, wanted: Wanted, *, limit: int) -> list[Row]:
        """What the door did, newest first."""
        return self._page(_ADMISSIONS, wanted, limit, cluster=self._cluster)

    def find_audit(self, wanted: Wanted, *, limit: int) -> list[Row]:
        """What people changed, newest first."""
        return self._page(_AUDIT, wanted, limit)

    def all_admissions(self, wanted: Wanted, *, limit: int | None = None) -> Iterator[list[Row]]:
        """Everything wanted, or the newest `limit` of it, a page at a time; rows that are written meanwhile do not come
        into it."""
        return self._pages(_ADMISSIONS, wanted, limit, cluster=self._cluster)

    def all_audit(self, wanted: Wanted, *, limit: int | None = None) -> Iterator[list[Row]]:
        return self._pages(_AUDIT, wanted, limit)

    def admissions(
        self,
        *,
        namespace: str = "",
        deployment: str = "",
        outcome: str = "",
        before: datetime | None = None,
        limit: int,
    ) -> list[Row]:
        """The newest admissions first. `before`: only older ones, for paging."""
        wanted = Wanted(namespace=namespace, deployment=deployment, outcome=outcome, before=before)
        return self.find_admissions(wanted, limit=limit)

    def audit(self, *, limit: int, before: datetime | None = None) -> list[Row]:
        """The newest changes first."""
        return self.find_audit(Wanted(before=before), limit=limit)

    def outcomes_since(self, since: datetime) -> dict[str, int]:
        """How many admissions ended how."""
        rows = self._connection.rows(
            "SELECT outcome, count() AS admissions FROM admissions WHERE cluster = {cluster:String}"
            " AND at >= {since:DateTime64(3, 'UTC')} GROUP BY outcome",
            cluster=self._cluster,
            since=since,
        )
        return {row["outcome"]: row["admissions"] for row in rows}

    def _page(self, sql: str, wanted: Wanted, limit: int, **further: Any) -> list[Row]:
        instants = {name: _storable(getattr(wanted, name)) for name in ("since", "until", "before")}
        rows = self._connection.rows(sql, **{**asdict(wanted), **instants}, limit=limit, **further)
        return [{**row, "before": json.loads(row["before"]), "after": json.loads(row["after"])} for row in rows]

    def _pages(self, sql: str, wanted: Wanted, limit: int | None, **further: Any) -> Iterator[list[Row]]:
        left = sys.maxsize if limit is None else limit
        while rows := self._page(sql, wanted, min(EXPORT_PAGE_ROWS, left), **further):
            yield rows
            left -= len(rows)
            wanted = replace(wanted, before=rows[-1]["at"], before_id=rows[-1]["id"])


def _storable(at: datetime | None) -> datetime | None:
    """The nearest instant that ClickHouse can read. No row is as old or as new, so the same rows are found."""
    if at is None:
        return None
    return min(max(at if at.tzinfo else at.replace(tzinfo=UTC), _OLDEST), _NEWEST)


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, default=str, separators=(",", ":"), ensure_ascii=False)
