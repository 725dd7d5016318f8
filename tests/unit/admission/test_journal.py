"""The journal loses nothing that the store can take, holds its bounds, and makes one insert of a burst."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import chain, pairwise, repeat
from pathlib import Path
from typing import Any

import pytest

from kubedoor.admission import journal as journal_module
from kubedoor.admission import journal_writer
from kubedoor.admission.decision import Decision, Outcome
from kubedoor.admission.journal import AdmissionJournal
from kubedoor.admission.journal_writer import JournalWriter
from kubedoor.admission.metrics import AdmissionMetrics
from kubedoor.admission.rules import Rules, decide
from kubedoor.admission.snapshot.snapshot import Snapshot
from kubedoor.errors import StoreError
from kubedoor.model.values import ControlContainer, WorkloadKey
from kubedoor.sentences import NOTHING
from kubedoor.store.admissions import AdmissionRecord
from kubedoor.store.connection import Connection
from kubedoor.store.control import ControlStore
from kubedoor.store.deployments import DeploymentStore
from kubedoor.store.records import RecordStore
from tests.support.builders import collected, make_container, make_deployment, make_request, make_scale, make_values

ALLOWED = Decision(Outcome.UNCHANGED, NOTHING)
SCALED = make_request(make_scale(10), make_scale(2))


class Records(RecordStore):
    """Fails before or after the rows are stored, or hangs, as a test says."""

    before: Callable[[], None] = staticmethod(lambda: None)
    after: Callable[[], None] = staticmethod(lambda: None)
    inserts = 0

    def add_admission_lines(self, lines: Sequence[bytes], *, token: str = "") -> None:
        self.inserts += 1
        self.before()
        super().add_admission_lines(lines, token=token)
        self.after()


class Kept:
    def __init__(self, connection: Connection, cluster: str, folder: Path) -> None:
        self.cluster = cluster
        self.records = Records(connection, cluster)
        self.control = ControlStore(connection, cluster)
        self.deployments = DeploymentStore(connection, cluster)
        self.metrics = AdmissionMetrics()
        snapshot = Snapshot(
            self.control,
            cluster=cluster,
            path=folder / "snapshot.json",
            monotonic=time.monotonic,
            now=lambda: datetime.now(UTC),
        )
        self.journal = AdmissionJournal(
            snapshot=snapshot,
            control=self.control,
            records=self.records,
            deployments=self.deployments,
            metrics=self.metrics,
            cluster=cluster,
            now=lambda: datetime.now(UTC),
        )

    def record(self, *uids: str, decision: Decision = ALLOWED) -> None:
        for uid in uids:
            self.journal.record(SCALED._replace(uid=uid), decision, make_values())

    @property
    def stored(self) -> list[str]:
        return sorted(row["uid"] for row in self.records.admissions(limit=1000))

    @property
    def dropped(self) -> float:
        return self.metrics.registry.get_sample_value("kubedoor_admission_records_dropped_total") or 0


@pytest.fixture
def kept(embedded: Connection, cluster: str, tmp_path: Path) -> Kept:
    return Kept(embedded, cluster, tmp_path)


def poisoned(line: bytes) -> bytes:
    """With a version that is no UInt32."""
    values = json.loads(line)
    values[AdmissionRecord._fields.index("version")] = -1
    return json.dumps(values).encode()


def away() -> None:
    raise StoreError("away")


def test_a_batch_whose_answer_was_lost_is_stored_once(kept: Kept) -> None:
    kept.record("a", "b")
    kept.records.after = away
    assert not kept.journal.flush()
    kept.records.after = lambda: None
    kept.record("c")
    assert kept.journal.flush()
    assert kept.stored == ["a", "b", "c"]


def test_a_row_that_cannot_be_stored_takes_no_neighbour_with_it(kept: Kept) -> None:
    kept.record("a", "b", "c")
    kept.journal._rows[1] = poisoned(kept.journal._rows[1])
    kept.record("d", "e")
    assert kept.journal.flush()
    assert (kept.stored, kept.dropped) == (["a", "c", "d", "e"], 1)


def test_rows_before_a_bad_one_are_stored_once_although_the_store_fails_in_between(kept: Kept) -> None:
    kept.record("a", "b", "c", "d")
    kept.journal._rows[3] = poisoned(kept.journal._rows[3])
    fails = iter([False, False, True])

    def third() -> None:
        if next(fails, False):
            away()

    kept.records.before = third
    assert not kept.journal.flush()
    assert kept.journal.flush()
    assert (kept.stored, kept.dropped) == (["a", "b", "c"], 1)


def test_the_bound_holds_while_the_store_hangs(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_module, "MAX_PENDING_RECORDS", 4)
    entered, go_on = threading.Event(), threading.Event()

    def hang() -> None:
        entered.set()
        go_on.wait(30)

    kept.records.before = hang
    kept.record("a", "b")
    writing = threading.Thread(target=kept.journal.flush)
    writing.start()
    assert entered.wait(30)
    kept.record(*"cdefg")
    assert kept.dropped == 3, "each dropped row is counted"
    go_on.set()
    writing.join()
    assert kept.journal.flush()
    assert kept.stored == ["a", "b", "f", "g"]


@contextmanager
def closing(writer: JournalWriter) -> Iterator[None]:
    try:
        yield
    finally:
        writer.close()


def test_a_burst_is_one_insert(kept: Kept) -> None:
    with closing(kept.journal.writer):
        for number in range(50):
            kept.record(f"{number:02d}")
            kept.journal.writer.wake()
        wait_for(lambda: len(kept.stored) == 50)
    assert kept.records.inserts == 1


def test_what_lingers_is_written_at_the_end(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_writer, "LINGER_SECONDS", 60)
    kept.record("a")
    kept.journal.writer.wake()
    kept.journal.writer.close(30)
    assert kept.stored == ["a"]


def test_a_writer_that_was_never_woken_writes_at_the_end_too(kept: Kept) -> None:
    kept.record("a")
    kept.journal.writer.close()
    assert kept.stored == ["a"]


def test_the_writer_backs_off_and_comes_back_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_writer, "LINGER_SECONDS", 0)
    monkeypatch.setattr(journal_writer, "BACKOFF_SECONDS", (0.05, 0.1))
    answers = chain(["fails", "breaks", "fails"], repeat("works"))
    calls: list[float] = []

    class Troubled:
        pending_rows = 1

        def has_work(self) -> bool:
            return False

        def flush(self, *, leaves_states: bool = False) -> bool:
            calls.append(time.monotonic())
            answer = next(answers)
            if answer == "breaks":
                raise RuntimeError(answer)
            return answer == "works"

    writer = JournalWriter(Troubled())
    with closing(writer):
        writer.wake()
        wait_for(lambda: len(calls) == 4)
    pauses = [later - before for before, later in pairwise(calls)]
    assert pauses[0] >= 0.05
    assert min(pauses[1:3]) >= 0.1


def wait_for(condition: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def admitted(kept: Kept, manifest: dict[str, Any], name: str = "web") -> None:
    app = ControlContainer(cpu_request_millicores=collected(120))
    request = make_request(manifest)
    decision = decide(request, make_values(replicas=collected(3), containers={"app": app}), Rules())
    kept.journal.record_state(WorkloadKey(kept.cluster, "shop", name), request, decision)


def test_the_state_of_a_deployment_is_the_one_after_the_patch(kept: Kept) -> None:
    admitted(kept, make_deployment(replicas=9, containers=[make_container(requests={"cpu": "500m"})]))
    assert kept.journal.has_work()
    assert kept.journal.flush()
    state = kept.deployments.of("shop", "web")
    assert state is not None
    assert (state.replicas, state.is_sized) == (3, True)
    (app,) = state.containers
    assert (app.asked.cpu_request_millicores, app.runs.cpu_request_millicores) == (500, 120)
    assert not kept.journal.has_work()


@pytest.mark.parametrize(
    ("changed", "generation"),
    [
        pytest.param({"replicas": 3, "image": "app:2"}, 5, id="a release"),
        pytest.param({"replicas": 9}, 4, id="a scale that is put back changes nothing"),
        pytest.param({"replicas": 9, "enforced": 7}, 5, id="a scale that is put elsewhere"),
    ],
)
def test_a_state_has_the_generation_under_which_it_is_stored(
    kept: Kept, changed: dict[str, Any], generation: int
) -> None:
    stored = make_deployment(replicas=3)
    stored["metadata"]["generation"] = 4
    containers = [make_container(image=changed["image"])] if "image" in changed else None
    request = make_request(make_deployment(replicas=changed["replicas"], containers=containers), stored)
    decision = decide(request, make_values(replicas=collected(changed.get("enforced", 3))), Rules())
    key = WorkloadKey(kept.cluster, "shop", "web")
    kept.journal.record_state(key, request, decision, is_release="image" in changed)
    assert kept.journal.flush()
    assert kept.deployments.last_admitted()["shop", "web"].state.generation == generation


def test_states_are_written_once_in_a_while_rows_at_once(kept: Kept) -> None:
    journal = kept.journal
    admitted(kept, make_deployment("a"), "a")
    assert journal.flush(leaves_states=True)
    admitted(kept, make_deployment("b"), "b")
    kept.record("row")
    assert journal.flush(leaves_states=True)
    assert kept.stored == ["row"]
    assert [kept.deployments.of("shop", name) is not None for name in ("a", "b")] == [True, False]
    assert journal.has_work()
    assert journal.flush()
    assert kept.deployments.of("shop", "b") is not None


def test_the_writer_comes_back_for_states_that_were_left(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_writer, "LINGER_SECONDS", 0)
    monkeypatch.setattr(journal_module, "STATES_SECONDS", 0.3)
    with closing(kept.journal.writer):
        for name in ("a", "b"):
            admitted(kept, make_deployment(name), name)
            kept.journal.writer.wake()
            wait_for(lambda name=name: kept.deployments.of("shop", name) is not None)  # type: ignore[misc]


def test_states_wait_for_the_store_within_their_bound(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_module, "MAX_PENDING_STATES", 2)
    with monkeypatch.context() as patched:
        patched.setattr(kept.deployments, "record_each", lambda _states, seen_by: away())
        for name in ("a", "b", "c"):
            admitted(kept, make_deployment(name), name)
        assert not kept.journal.flush()
    assert kept.journal.flush()
    assert [kept.deployments.of("shop", name) is not None for name in ("a", "b", "c")] == [False, True, True]


def test_what_is_no_deployment_leaves_no_state(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    kept.journal.record_state(
        WorkloadKey(kept.cluster, "shop", "odd"), SCALED._replace(object={"spec": {"template": 3}}), ALLOWED
    )
    assert kept.journal.flush()
    admitted(kept, make_deployment())

    def refuse(_states: Any, *, seen_by: str) -> None:
        raise ValueError("never")

    monkeypatch.setattr(kept.deployments, "record_each", refuse)
    assert kept.journal.flush(), "what can never be written is dropped"
    assert kept.deployments.current() == {}
