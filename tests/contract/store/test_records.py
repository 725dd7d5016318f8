"""Filters, paging and export of records, on the embedded store and on a server."""

from __future__ import annotations

import csv
import io
import uuid
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from kubedoor.admission.decision import warning
from kubedoor.errors import Conflict
from kubedoor.identity.audit import Editor, audited
from kubedoor.sentences import Sentence, sentence
from kubedoor.store import records as module
from kubedoor.store.admissions import AdmissionRecord
from kubedoor.store.connection import Connection
from kubedoor.store.migrations import available, folder, migrate
from kubedoor.store.own_changes import OwnChanges
from kubedoor.store.records import AuditRecord, RecordFilter, RecordStore
from kubedoor.store.said import said_column, said_columns
from kubedoor.workloads.csv_stream import csv_lines
from tests.bench.record_rate import PER_SECOND, count_parts, record
from tests.support.accounts import dsn_of_new_database

NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture
def records(connection: Connection, cluster: str) -> RecordStore:
    return RecordStore(connection, cluster)


def admission(cluster: str, **fields: Any) -> AdmissionRecord:
    made: dict[str, Any] = {
        "at": NOW,
        "cluster": cluster,
        "namespace": "shop",
        "deployment": "web",
        "uid": str(uuid.uuid4()),
        "operation": "UPDATE",
        "subresource": "",
        "username": "alice",
        "outcome": "patched",
        "reason": "",
        "before": {"replicas": "10"},
        "after": {"replicas": "3"},
        "warnings": (),
        "version": 1,
        "snapshot_age_seconds": 0.1,
    }
    return AdmissionRecord(**{**made, **fields})


ADMISSIONS: dict[str, tuple[dict[str, Any], int]] = {
    "who": ({"who": "bob"}, 1),
    "action": ({"action": "CREATE"}, 1),
    "a part of the target": ({"target": "SHOP/w"}, 4),
    "namespace": ({"namespace": "pay"}, 1),
    "deployment": ({"deployment": "api"}, 1),
    "outcome": ({"outcome": "denied"}, 1),
    "since": ({"since": NOW}, 4),
    "until": ({"until": NOW}, 1),
    "a range": ({"since": NOW - timedelta(minutes=2), "until": NOW}, 1),
    "all at once": ({"who": "alice", "namespace": "shop", "outcome": "patched", "since": NOW}, 1),
    "nothing": ({"who": "nobody"}, 0),
}


@pytest.mark.parametrize(("wanted", "count"), ADMISSIONS.values(), ids=ADMISSIONS.keys())
def test_admissions_are_filtered(records: RecordStore, cluster: str, wanted: dict[str, Any], count: int) -> None:
    records.add_admissions(
        [
            admission(cluster),
            admission(cluster, username="bob"),
            admission(cluster, operation="CREATE", outcome="denied"),
            admission(cluster, namespace="pay", deployment="api", username="carol"),
            admission(cluster, at=NOW - timedelta(minutes=1), outcome="observed"),
        ]
    )
    assert len(records.find_admissions(RecordFilter(**wanted), limit=10)) == count


def test_reasons_and_warnings_are_read_with_their_codes_as_they_were_printed(
    records: RecordStore, cluster: str
) -> None:
    line = warning("door.requests_collected", container="a" * 63, changes="cpu 500m -> 120m, memory 512Mi -> 256Mi")
    reason = sentence("door.withheld", conditions="ShortHistory")
    codes = {"reason_said": said_column(reason), "warnings_said": said_columns((line, "somebody else's"))}
    told = (line, Sentence("somebody else's"))
    records.add_admissions(
        [admission(cluster, reason=reason, warnings=told, **codes), admission(cluster, reason="old")]
    )
    new, old = sorted(records.find_admissions(RecordFilter(), limit=2), key=lambda row: -len(row["warnings"]))
    assert new["reason"].as_json() == reason.as_json()
    assert [one.as_json() for one in new["warnings"]] == [one.as_json() for one in told]
    assert line.endswith("…")
    assert (old["reason"], old["reason"].code, old["warnings"]) == ("old", "", [])
    assert "reason_said" not in old


def test_the_newest_of_several_changes_is_one_that_did_not_fail(records: RecordStore, cluster: str) -> None:
    def change(action: str, note: str, outcome: str = "done") -> AuditRecord:
        record = AuditRecord("alice", "session", "", action, cluster, {}, {"note": note}, outcome)
        records.add_audit(record)
        return record

    def newest() -> tuple[str, str] | None:
        found = records.newest_done(("control.on", "control.off"), target=cluster)
        return (found["action"], found["after"]["note"]) if found else None

    assert newest() is None
    change("control.off", "for the sale")
    change("workload.edit", "something else")
    assert newest() == ("control.off", "for the sale")
    failed = change("control.on", "over")
    assert newest() == ("control.on", "over")
    records.add_audit(replace(failed, outcome="failed"))
    assert newest() == ("control.off", "for the sale")


def test_the_audit_is_filtered_by_workload_and_outcome(records: RecordStore, cluster: str) -> None:
    who = str(uuid.uuid4())
    for target, outcome in ((f"{cluster}/shop/web", "done"), (f"{cluster}/pay/web", "failed"), ("default", "done")):
        records.add_audit(AuditRecord(who, "session", "", "workload.edit", target, {}, {"replicas": 3}, outcome))
    wanted: list[tuple[dict[str, Any], int]] = [
        ({}, 3),
        ({"namespace": "shop"}, 1),
        ({"namespace": "pay", "deployment": "web"}, 1),
        ({"outcome": "failed"}, 1),
        ({"target": f"{cluster}/"}, 2),
        ({"action": "control.on"}, 0),
    ]
    for more, count in wanted:
        assert len(records.find_audit(RecordFilter(who=who, **more), limit=10)) == count, more


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_pages_have_every_row_once_even_of_one_millisecond(records: RecordStore, cluster: str, size: int) -> None:
    made = [admission(cluster, at=NOW - timedelta(milliseconds=number // 4)) for number in range(10)]
    records.add_admissions(made)
    seen: list[str] = []
    wanted = RecordFilter()
    while rows := records.find_admissions(wanted, limit=size):
        seen += [row["uid"] for row in rows]
        wanted = RecordFilter(before=rows[-1]["at"], before_id=rows[-1]["id"])
    assert sorted(seen) == sorted(row.uid for row in made)


def test_an_export_has_every_row_once_and_those_of_its_time(
    records: RecordStore, cluster: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "EXPORT_PAGE_ROWS", 3)
    made = [admission(cluster, deployment=f"web-{number}", reason='a "b", c') for number in range(8)]
    records.add_admissions(made)
    pages = records.all_admissions(RecordFilter())
    first = next(pages)
    records.add_admissions([admission(cluster, at=NOW + timedelta(seconds=1), deployment="later")])
    text = "".join(csv_lines(("deployment", "reason", "before"), iter([first, *pages])))
    rows = list(csv.DictReader(io.StringIO(text)))
    assert sorted(row["deployment"] for row in rows) == [f"web-{number}" for number in range(8)]
    assert {row["reason"] for row in rows} == {'a "b", c'}
    assert rows[0]["before"] == '{"replicas":"10"}'


@pytest.mark.parametrize(("limit", "count"), [(1, 1), (3, 3), (4, 4), (8, 8), (20, 8)])
def test_an_export_of_only_so_many_has_the_newest(
    records: RecordStore, cluster: str, monkeypatch: pytest.MonkeyPatch, limit: int, count: int
) -> None:
    monkeypatch.setattr(module, "EXPORT_PAGE_ROWS", 3)
    records.add_admissions([admission(cluster, at=NOW - timedelta(seconds=n), deployment=f"w{n}") for n in range(8)])
    rows = [row for page in records.all_admissions(RecordFilter(), limit=limit) for row in page]
    assert [row["deployment"] for row in rows] == [f"w{number}" for number in range(count)]


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Conflict("somebody was first"), "somebody was first"),
        (KeyError("metadata"), "an internal error; the log says more"),
    ],
)
def test_a_change_that_fails_is_one_line_that_says_so(records: RecordStore, fault: Exception, words: str) -> None:
    who = str(uuid.uuid4())
    with suppress(type(fault)), audited(records, Editor(who, "session", ""), "x.y", "t", after={"a": 1}):
        assert [row["outcome"] for row in records.find_audit(RecordFilter(who=who), limit=10)] == ["done"], (
            "recorded before"
        )
        raise fault
    (row,) = records.find_audit(RecordFilter(who=who), limit=10)
    said = row["after"].pop("error_said")
    assert (row["outcome"], row["after"], said["text"]) == ("failed", {"a": 1, "error": words}, words)
    assert records.find_audit(RecordFilter(who=who, outcome="done"), limit=10) == []
    assert [line["id"] for page in records.all_audit(RecordFilter(who=who)) for line in page] == [row["id"]]
    with audited(records, Editor(who, "session", ""), "x.y", "t", after={"a": 1}):
        pass
    assert [row["outcome"] for row in records.find_audit(RecordFilter(who=who), limit=10)] == ["done", "failed"]
    assert len(records.find_audit(RecordFilter(who=who, outcome="done"), limit=10)) == 1


def test_pages_of_the_audit_go_on_after_a_change_that_failed(records: RecordStore) -> None:
    editor = Editor(str(uuid.uuid4()), "session", "")
    for number in range(6):
        with suppress(Conflict), audited(records, editor, "x.y", f"t{number}"):
            if number % 2:
                raise Conflict("somebody was first")
    seen: list[str] = []
    wanted = RecordFilter(who=editor.who)
    while rows := records.find_audit(wanted, limit=2):
        seen += [f"{row['target']} {row['outcome']}" for row in rows]
        wanted = RecordFilter(who=editor.who, before=rows[-1]["at"], before_id=rows[-1]["id"])
    assert sorted(seen) == ["t0 done", "t1 failed", "t2 done", "t3 failed", "t4 done", "t5 failed"]


def test_why_a_change_failed_is_told_when_the_record_is_away_by_then(embedded_dsn: str) -> None:
    connection = Connection(dsn_of_new_database(embedded_dsn))
    migrate(connection)
    records = RecordStore(connection, "main")

    def change() -> None:
        with audited(records, Editor("ann", "session", ""), "x.y", "t"):
            connection.command("DROP TABLE audit")
            raise Conflict("somebody was first")

    with pytest.raises(Conflict, match="somebody was first"):
        change()
    connection.close()


def test_rows_from_before_the_filters_have_ids_that_stay(embedded_dsn: str, tmp_path: Any) -> None:
    connection = Connection(dsn_of_new_database(embedded_dsn))
    for migration in available(folder())[:4]:
        (tmp_path / f"{migration.name}.sql").write_text(migration.text)
    migrate(connection, where=tmp_path)
    connection.command(
        "INSERT INTO audit (at, who, via, address, action, target, before, after)"
        " SELECT now64(3), 'old', 'session', '', 'workload.edit', concat('main/shop/w', toString(number)), '{}', '{}'"
        " FROM numbers(5)"
    )
    migrate(connection)
    records = RecordStore(connection, "main")
    first, second = (records.find_audit(RecordFilter(namespace="shop"), limit=10) for _ in range(2))
    assert len({row["id"] for row in first}) == 5
    assert first == second
    connection.close()


def test_thousands_of_admissions_arrive_in_few_parts(served: Connection, cluster: str, tmp_path: Path) -> None:
    before = count_parts(served)
    found = record(served, cluster, tmp_path, seconds=1.5)
    assert found.stored == found.sent == 1.5 * PER_SECOND
    # One insert a second, however long a busy machine takes.
    assert found.parts <= before + found.sent / found.rate + 3


def test_admissions_of_kubedoors_own_requests_name_the_person_and_the_action(
    connection: Connection, records: RecordStore, cluster: str
) -> None:
    own, alice = "system:serviceaccount:kubedoor:kubedoor-api", Editor("alice", "session", "")
    targets = {name: f"{cluster}/shop/{name}" for name in ("web", "cart")}
    for name, after in (("web", {"replicas": 5, "action": "a1"}), ("cart", {"restarts": True, "action": "a2"})):
        with suppress(Conflict), audited(records, alice, "workload.scale", targets[name], after=after):
            raise Conflict("the record stays, as failed")
    records.add_audit(AuditRecord("bob", "session", "", "workload.edit", targets["web"], {}, {"replicas": 7}))
    at = datetime.now(UTC)
    names = ("web", "cart", "storefront")
    records.add_admissions([admission(cluster, at=at, deployment=name, username=own) for name in names])
    records.add_admissions([admission(cluster, at=at, username="carol")])
    old = at + timedelta(minutes=5)
    records.add_admissions([admission(cluster, at=old, username=own)])
    rows = OwnChanges(connection, cluster, username=own).named(records.find_admissions(RecordFilter(), limit=9))
    found = {(row["deployment"], row["username"], row["at"] > at): (row["by"], row["action"]) for row in rows}
    assert found == {
        ("web", own, False): ("alice", "a1"),
        ("cart", own, False): ("alice", "a2"),
        ("storefront", own, False): (None, None),
        ("web", "carol", False): (None, None),
        ("web", own, True): (None, None),
    }
