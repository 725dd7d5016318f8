"""Admissions of the door and the audit of changes; both are kept for a year."""

from __future__ import annotations

import json
import sys
import uuid
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, NamedTuple

from kubedoor.store.admissions import AdmissionStore
from kubedoor.store.connection import Row
from kubedoor.store.said import printed, read_said

_OLDEST, _NEWEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
EXPORT_PAGE_ROWS = 2000
"""Bounds the memory of an export."""


class LastScale(NamedTuple):
    """The newest request for a Scale of a Deployment. `code`: of the reason."""

    at: datetime
    outcome: str
    code: str

    @property
    def is_left_alone(self) -> bool:
        """A rule of the door has let the number through, whatever the control value."""
        return self.outcome != "patched" and self.code != "door.as_it_should_be"


@dataclass(frozen=True)
class AuditRecord:
    """One change. `via` is how `who` was authenticated: session, oidc, token, schedule, command-line or system.

    It is written before the change. If the change fails, a second record with the same id and the outcome `failed`
    follows; queries return only that one.
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
class RecordFilter:
    """Filters rows of admissions or of the audit. Empty strings and None match everything.

    `who`, `action` (of admissions: the operation) and `outcome` match exactly; `target` matches a part of the target (of
    admissions: of namespace/deployment). `since` is inclusive, `until` exclusive. `before` and `before_id` name the last
    row of the previous page: only older rows match.
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
    """Audit only: changes in this cluster, and changes common to all clusters."""


NOT_FAILED = "(outcome = 'failed' OR id NOT IN (SELECT id FROM audit WHERE outcome = 'failed'))"
"""Excludes the record that was written before a change if the change then failed."""
_INSTANT = "Nullable(DateTime64(3, 'UTC'))"
# With `before` only, rows of the same millisecond are skipped; with `before_id` they are included.
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


class RecordStore(AdmissionStore):
    """Records of one cluster; an empty name stands for changes common to all clusters."""

    def add_audit(self, *records: AuditRecord) -> None:
        """Raises StoreError. Call it before the change: a change that cannot be audited must not happen."""
        rows = []
        for record in records:
            row = {name: getattr(record, name) for name in AuditRecord.__dataclass_fields__}
            texts = {"before": _json(record.before), "after": _json(record.after)}
            rows.append({**row, **texts, "cluster": self._cluster})
        self._connection.insert("audit", rows)

    def find_admissions(self, record_filter: RecordFilter, *, limit: int) -> list[Row]:
        """Newest first."""
        rows = self._page(_ADMISSIONS, record_filter, limit, cluster=self._cluster)
        return [_with_sentences(row) for row in rows]

    def find_audit(self, record_filter: RecordFilter, *, limit: int) -> list[Row]:
        """Newest first."""
        return self._page(_AUDIT, record_filter, limit)

    def all_admissions(self, record_filter: RecordFilter, *, limit: int | None = None) -> Iterator[list[Row]]:
        """All matching rows, or the newest `limit`, in pages. Rows written after the first page are not included."""
        return self._pages(_ADMISSIONS, record_filter, limit, cluster=self._cluster)

    def all_audit(self, record_filter: RecordFilter, *, limit: int | None = None) -> Iterator[list[Row]]:
        return self._pages(_AUDIT, record_filter, limit)

    def admissions(
        self,
        *,
        namespace: str = "",
        deployment: str = "",
        outcome: str = "",
        before: datetime | None = None,
        limit: int,
    ) -> list[Row]:
        """Newest first. `before`: only older ones, for paging."""
        record_filter = RecordFilter(namespace=namespace, deployment=deployment, outcome=outcome, before=before)
        return self.find_admissions(record_filter, limit=limit)

    def audit(self, *, limit: int, before: datetime | None = None) -> list[Row]:
        """Newest first. `before`: only older ones, for paging."""
        return self.find_audit(RecordFilter(before=before), limit=limit)

    def newest_done(self, actions: Collection[str], *, target: str) -> Row | None:
        """The newest change of this very target by one of `actions` that did not fail: `action`, `at`, `who`, `after`."""
        rows = self._connection.rows(
            "SELECT action, at, who, after FROM audit WHERE action IN {actions:Array(String)} AND target = {target:String}"
            f" AND cluster IN ('', {{cluster:String}}) AND outcome = 'done' AND {NOT_FAILED}"
            " ORDER BY at DESC, id DESC LIMIT 1",
            actions=list(actions),
            target=target,
            cluster=self._cluster,
        )
        return {**rows[0], "after": json.loads(rows[0]["after"])} if rows else None

    def scales_since(self, since: datetime, keys: Collection[tuple[str, str]]) -> dict[tuple[str, str], LastScale]:
        """By (namespace, deployment): the newest request to `deployments/scale` from `since` on."""
        _, rows = self._connection.table(
            "SELECT namespace, deployment, max(at), argMax(outcome, at), argMax(reason_said, at) FROM admissions"
            " WHERE cluster = {cluster:String} AND at >= {since:DateTime64(3, 'UTC')} AND subresource = 'scale'"
            " AND (namespace, deployment) IN {keys:Array(Tuple(String, String))} GROUP BY namespace, deployment",
            cluster=self._cluster,
            since=since,
            keys=list(keys),
        )
        return {
            (namespace, deployment): LastScale(at, outcome, read_said("", said).code)
            for namespace, deployment, at, outcome, said in rows
        }

    def outcomes_since(self, since: datetime) -> dict[str, int]:
        """The number of admissions by outcome."""
        rows = self._connection.rows(
            "SELECT outcome, count() AS admissions FROM admissions WHERE cluster = {cluster:String}"
            " AND at >= {since:DateTime64(3, 'UTC')} GROUP BY outcome",
            cluster=self._cluster,
            since=since,
        )
        return {row["outcome"]: row["admissions"] for row in rows}

    def _page(self, sql: str, record_filter: RecordFilter, limit: int, **parameters: Any) -> list[Row]:
        instants = {name: _storable(getattr(record_filter, name)) for name in ("since", "until", "before")}
        rows = self._connection.rows(sql, **{**asdict(record_filter), **instants}, limit=limit, **parameters)
        return [{**row, "before": json.loads(row["before"]), "after": json.loads(row["after"])} for row in rows]

    def _pages(
        self, sql: str, record_filter: RecordFilter, limit: int | None, **parameters: Any
    ) -> Iterator[list[Row]]:
        left = sys.maxsize if limit is None else limit
        while rows := self._page(sql, record_filter, min(EXPORT_PAGE_ROWS, left), **parameters):
            yield rows
            left -= len(rows)
            record_filter = replace(record_filter, before=rows[-1]["at"], before_id=rows[-1]["id"])


def _with_sentences(row: Row) -> Row:
    """With the words that were printed, and the codes beside them."""
    row["reason"] = printed(row["reason"], row.pop("reason_said"))
    codes = row.pop("warnings_said") or [""] * len(row["warnings"])
    row["warnings"] = [printed(text, said) for text, said in zip(row["warnings"], codes, strict=True)]
    return row


def _storable(at: datetime | None) -> datetime | None:
    """Clamps to the range that ClickHouse can parse. No row is outside it, so the result is the same."""
    if at is None:
        return None
    return min(max(at if at.tzinfo else at.replace(tzinfo=UTC), _OLDEST), _NEWEST)


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, default=str, separators=(",", ":"), ensure_ascii=False)
