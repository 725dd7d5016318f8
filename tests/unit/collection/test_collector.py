from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from kubedoor.collection.background import Collections
from kubedoor.collection.collector import Collector
from kubedoor.collection.refresh import CollectOptions, next_run_number
from kubedoor.collection.request import CollectRequest, parse_collect_request
from kubedoor.collection.sample.source import SampleSource
from kubedoor.errors import Conflict, InvalidInput, PrometheusRefused, PrometheusUnreachable, QueryTooLarge, StoreError
from kubedoor.model.checks import Check
from kubedoor.model.facts import ObservationKind
from kubedoor.model.peak_day import PeakDay
from kubedoor.model.usage import DayUsage, UsageSource
from kubedoor.model.values import ManualValues, WorkloadKey
from kubedoor.peak_windows import PeakWindows
from kubedoor.runtime.awake import kept_awake
from kubedoor.sentences import Sentence
from kubedoor.sizing.options import SizingOptions
from kubedoor.store.connection import Connection
from kubedoor.store.control import ControlStore
from kubedoor.store.usage import CollectionEvent, UsageStore
from tests.support.builders import make_observation, make_usage_day

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
ALL_DAYS = NEWEST, EARLIER, EARLIEST = date(2026, 11, 20), date(2026, 11, 19), date(2026, 11, 18)
"""The days of the look-back."""


def nothing() -> DayUsage:
    return DayUsage((), 0.0, (Sentence("container_cpu_usage_seconds_total has no series"),))


class Days:
    """A usage source with a fixed answer per day."""

    def __init__(
        self,
        answers: dict[date, DayUsage | Exception] | None = None,
        *,
        mark: str = "prometheus-1",
        is_sample: bool = False,
    ) -> None:
        self._answers = answers or {}
        self.mark = mark
        self.is_sample = is_sample

    def read_day(self, peak_day: PeakDay, *, step_seconds: int) -> DayUsage:
        answer = self._answers.get(peak_day.day) or DayUsage((make_usage_day(day=peak_day.day),), 1.0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def checks(self) -> Iterable[Check]:
        return ()


class FailingStore(UsageStore):
    """A store that cannot record the failure of a collection."""

    def record(self, event: CollectionEvent) -> None:
        if event.event == "failed":
            raise StoreError("away")
        super().record(event)


class Observed(UsageStore):
    """Remembers what was on record of collection `c` when superseded runs were deleted."""

    recorded: tuple[str, ...] = ()

    def prune(self) -> None:
        self.recorded = tuple(event["event"] for event in self.events("c"))
        super().prune()


def make_collector(
    connection: Connection,
    cluster: str,
    source: UsageSource,
    *,
    windows: PeakWindows | None = None,
    usage: UsageStore | None = None,
    look_back_days: int = 3,
    monotonic: Callable[[], float] = lambda: 0.0,
) -> Collector:
    numbers = iter(range(1, 10_000))
    return Collector(
        source=source,
        usage=usage or UsageStore(connection, cluster),
        control=ControlStore(connection, cluster),
        windows=windows or PeakWindows.parse("10:00-11:30", "UTC"),
        options=CollectOptions(look_back_days, 60, "peak-day", SizingOptions(), False, cluster),
        now=lambda: NOW,
        monotonic=monotonic,
        run_number=lambda: next(numbers),
    )


def run(collector: Collector, request: CollectRequest | None = None) -> list[dict[str, Any]]:
    return list(collector.run(request or CollectRequest(), collection="c", budget_seconds=60))


@pytest.mark.parametrize(
    ("body", "want"),
    [
        ({}, CollectRequest()),
        ({"days": 30}, CollectRequest(days=30)),
        ({"day": "2026-11-20", "refresh": True}, CollectRequest(day=date(2026, 11, 20), refresh=True)),
        ({"days": 5, "before": "2026-11-20"}, CollectRequest(days=5, before=date(2026, 11, 20))),
        ({"days": None, "day": None}, CollectRequest()),
    ],
)
def test_a_request_survives_parsing_and_serialising(body: dict[str, Any], want: CollectRequest) -> None:
    assert parse_collect_request(body) == want
    assert parse_collect_request(want.as_json()) == want


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ([], "body"),
        ({"dys": 1}, "dys"),
        ({"days": 0}, "days"),
        ({"days": True}, "days"),
        ({"days": 1.5}, "days"),
        ({"days": 366}, "days"),
        ({"day": "20.11.2026"}, "day"),
        ({"day": 20261120}, "day"),
        ({"before": "x"}, "before"),
        ({"refresh": 1}, "refresh"),
        ({"day": "2026-11-20", "days": 3}, "day"),
    ],
)
def test_an_invalid_request_names_its_field(body: Any, field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_collect_request(body)
    assert caught.value.details["field"] == field


def test_today_counts_once_its_window_is_over(embedded: Connection, cluster: str) -> None:
    days = make_collector(embedded, cluster, Days()).days_to_collect(CollectRequest())
    assert [str(day.day) for day in days] == ["2026-11-20", "2026-11-19", "2026-11-18"]


def test_a_day_whose_window_is_not_over_is_refused(embedded: Connection, cluster: str) -> None:
    collector = make_collector(embedded, cluster, Days())
    with pytest.raises(InvalidInput, match="not over yet: the newest day is 2026-11-20"):
        collector.check(CollectRequest(day=date(2026, 11, 23)))
    assert run(collector, CollectRequest(day=date(2026, 11, 23)))[-1]["error"]["details"]["field"] == "day"


def test_a_day_that_daylight_saving_leaves_without_a_window_is_refused(embedded: Connection, cluster: str) -> None:
    skipped = PeakWindows.parse("02:10-02:50", "Europe/Berlin")
    collector = make_collector(embedded, cluster, Days(), windows=skipped)
    with pytest.raises(InvalidInput, match="no peak window"):
        collector.check(CollectRequest(day=date(2026, 3, 29)))


def test_a_failed_day_does_not_stop_the_others(embedded: Connection, cluster: str) -> None:
    bad = date(2026, 11, 19)
    collector = make_collector(embedded, cluster, Days({bad: QueryTooLarge("too many samples")}))
    steps = run(collector)
    assert [step["event"] for step in steps] == ["started", "day", "failed_day", "day", "finished"]
    assert steps[2]["error"]["code"] == "query_too_large"
    assert (steps[-1]["complete"], steps[-1]["failed_days"]) == (False, [str(bad)])
    assert [str(day.day) for day in collector.days_to_collect(CollectRequest())] == [str(bad)], "it is asked for again"


def test_a_prometheus_that_refuses_ends_the_run(embedded: Connection, cluster: str) -> None:
    collector = make_collector(embedded, cluster, Days({date(2026, 11, 19): PrometheusRefused("401")}))
    steps = run(collector)
    assert (steps[-1]["event"], steps[-1]["error"]["code"]) == ("failed", "prometheus_refused")
    assert list(UsageStore(embedded, cluster).days()) == [date(2026, 11, 20)]


def test_a_failure_that_cannot_be_recorded_is_still_reported(embedded: Connection, cluster: str) -> None:
    source = Days({date(2026, 11, 20): PrometheusRefused("401")})
    collector = make_collector(embedded, cluster, source, usage=FailingStore(embedded, cluster))
    assert run(collector)[-1]["event"] == "failed"


def test_partial_days_are_kept_and_asked_for_again(embedded: Connection, cluster: str) -> None:
    partial = DayUsage((make_usage_day(day=date(2026, 11, 20)),), 0.5, (Sentence("half of it"),), is_partial=True)
    collector = make_collector(embedded, cluster, Days({date(2026, 11, 20): partial}))
    steps = run(collector)
    assert (steps[1]["is_partial"], steps[1]["warnings"]) == (True, ["half of it"])
    assert [str(day.day) for day in collector.days_to_collect(CollectRequest())] == ["2026-11-20"]


def test_a_collection_with_a_slow_clock_replaces_the_day(embedded: Connection, cluster: str) -> None:
    UsageStore(embedded, cluster).replace_day(
        date(2026, 11, 20), DayUsage((), 0.0), run=10**18, windows="w", seconds=0.1
    )
    run(make_collector(embedded, cluster, Days(), look_back_days=1))
    assert len(UsageStore(embedded, cluster).history([date(2026, 11, 20)])) == 1


def learn(connection: Connection, key: WorkloadKey, *facts: str, at: datetime) -> None:
    """Record facts as the door would have at that time."""
    opted_out, owned = "opted_out" in facts, "owned" in facts
    seen = [make_observation(key, seen_at=at, opted_out=opted_out, owned=owned)] if opted_out or owned else []
    if "hpa" in facts:
        seen.append(make_observation(key, ObservationKind.HPA, seen_at=at, hpa=True))
    ControlStore(connection, key.cluster).record_facts(seen, seen_by="door")


def test_an_hpa_seen_after_the_window_is_kept(embedded: Connection, cluster: str) -> None:
    control = ControlStore(embedded, cluster)
    learn(embedded, WorkloadKey(cluster, "shop", "web"), "hpa", at=NOW)
    day = date(2026, 11, 20)
    rows = (make_usage_day(day=day, hpa=False), make_usage_day(day=day, deployment="api", hpa=True))
    run(make_collector(embedded, cluster, Days({day: DayUsage(rows, 1.0)}), look_back_days=1))
    assert [row["deployment"] for row in control.known_facts()] == ["web"]


def test_a_day_that_failed_in_an_earlier_request_is_not_forgotten(embedded: Connection, cluster: str) -> None:
    newest = date(2026, 11, 20)
    collector = make_collector(embedded, cluster, Days({newest: QueryTooLarge("too much")}))
    clock = iter(range(0, 100_000, 100))
    collector._monotonic = lambda: float(next(clock))
    request, last = CollectRequest(), {}
    for _ in range(5):
        last = list(collector.run(request, collection="c", budget_seconds=1))[-1]
        if last["event"] != "next":
            break
        request = parse_collect_request(last["next"])
    assert (last["event"], last["complete"], last["failed_days"]) == ("finished", False, [str(newest)])


def test_a_day_before_the_retention_is_refused(embedded: Connection, cluster: str) -> None:
    with pytest.raises(InvalidInput, match="more than 365 days back"):
        make_collector(embedded, cluster, Days()).check(CollectRequest(day=date(1950, 1, 1)))


def test_stale_facts_of_owned_deployments_expire(embedded: Connection, cluster: str) -> None:
    control, long_ago = ControlStore(embedded, cluster), NOW - timedelta(days=40)
    for name, at in (("revision-1", long_ago), ("revision-2", NOW), ("web", long_ago)):
        learn(embedded, WorkloadKey(cluster, "shop", name), "owned", "hpa", at=at)
    run(make_collector(embedded, cluster, Days()))
    run(make_collector(embedded, cluster, Days()), CollectRequest(refresh=True))
    assert {row["deployment"] for row in control.known_facts()} == {"revision-2", "web"}


@pytest.mark.parametrize("facts", [("opted_out",), ("opted_out", "owned"), ("hpa",)])
def test_facts_that_a_scale_does_not_show_never_expire(
    embedded: Connection, cluster: str, facts: tuple[str, ...]
) -> None:
    learn(embedded, WorkloadKey(cluster, "shop", "asleep"), *facts, at=NOW - timedelta(days=400))
    run(make_collector(embedded, cluster, Days()))
    (known,) = ControlStore(embedded, cluster).known_facts()
    assert {fact for fact in ("opted_out", "owned", "hpa") if known[fact]} == set(facts)


def test_facts_of_removed_hpas_expire(embedded: Connection, cluster: str) -> None:
    control = ControlStore(embedded, cluster)
    web = WorkloadKey(cluster, "shop", "web")
    learn(embedded, web, "hpa", at=NOW - timedelta(days=5))
    run(make_collector(embedded, cluster, Days()))
    assert control.known_facts() != [], "without any HPA metric nobody can say"
    api = make_usage_day(day=NEWEST, deployment="api", hpa=True)
    for web_hpa, left in ((None, 1), (False, 0)):
        rows = (make_usage_day(day=NEWEST, hpa=web_hpa), api)
        source = Days({NEWEST: DayUsage(rows, 1.0)})
        run(make_collector(embedded, cluster, source, look_back_days=1), CollectRequest(refresh=True))
        assert len(control.known_facts()) == left


def test_a_day_without_the_hpa_metric_keeps_a_known_hpa(embedded: Connection, cluster: str) -> None:
    source = Days({day: DayUsage((make_usage_day(day=day, hpa=True),), 1.0) for day in (EARLIER, EARLIEST)})
    run(make_collector(embedded, cluster, source))
    assert [(row["days"], row["hpa"]) for row in ControlStore(embedded, cluster).control_rows()] == [(3, True)]


# Days that are stored already


def unmark(connection: Connection, cluster: str) -> None:
    """Remove the marks, as in days stored by an older KubeDoor."""
    connection.insert(
        "usage_days",
        [
            {**row, "source": ""}
            for row in connection.rows("SELECT * FROM usage_days WHERE cluster = {cluster:String}", cluster=cluster)
        ],
    )
    connection.command("DELETE FROM usage_days WHERE cluster = {cluster:String} AND source != ''", cluster=cluster)


def names(connection: Connection, cluster: str) -> set[str]:
    return {row["deployment"] for row in ControlStore(connection, cluster).control_rows()}


def usage_of(connection: Connection, cluster: str) -> dict[date, set[str]]:
    """The Deployments with usage, by day."""
    store = UsageStore(connection, cluster)
    return {day: {row.deployment for row in store.history([day])} for day in store.days()}


def test_a_day_of_another_source_is_missing(embedded: Connection, cluster: str) -> None:
    run(make_collector(embedded, cluster, Days({day: nothing() for day in ALL_DAYS})))
    other = make_collector(embedded, cluster, Days(mark="prometheus-2"))
    assert run(other)[0]["days"] == [str(day) for day in ALL_DAYS]
    assert (names(embedded, cluster), other.days_to_collect(CollectRequest())) == ({"web"}, [])


def test_days_without_a_mark_are_not_asked_for_again(embedded: Connection, cluster: str) -> None:
    store = UsageStore(embedded, cluster)
    for day in ALL_DAYS:
        usage = DayUsage((make_usage_day(day=day),), 1.0)
        store.replace_day(day, usage, run=1, windows="10:00-11:30 UTC", seconds=0.1)
    assert make_collector(embedded, cluster, Days()).days_to_collect(CollectRequest()) == []


def test_an_empty_day_is_asked_for_again_only_if_there_is_usage_before_it(embedded: Connection, cluster: str) -> None:
    source = Days({NEWEST: nothing(), EARLIEST: nothing()})
    collector = make_collector(embedded, cluster, source)
    assert run(collector)[-1]["complete"] is True
    assert [day.day for day in collector.days_to_collect(CollectRequest())] == [NEWEST]


@pytest.mark.parametrize("mark", ["sample", ""], ids=["marked", "stored without a mark"])
def test_sample_data_is_replaced_by_a_prometheus(embedded: Connection, cluster: str, mark: str) -> None:
    sample = SampleSource(today=lambda: NEWEST, time_zone="UTC")
    run(make_collector(embedded, cluster, sample, look_back_days=6))
    if not mark:
        unmark(embedded, cluster)
    control, ledger = ControlStore(embedded, cluster), WorkloadKey(cluster, "payments", "ledger")
    control.edit(ledger, ManualValues(replicas=5), based_on=0, who="alice")
    assert len(names(embedded, cluster)) == 40
    source = Days({EARLIER: nothing(), EARLIEST: nothing()})
    run(make_collector(embedded, cluster, source))
    assert names(embedded, cluster) == {"web", "ledger"}
    assert [row["replicas"] for row in control.control_rows_of(ledger)] == [5], "what people set is never touched"
    assert usage_of(embedded, cluster) == {NEWEST: {"web"}, EARLIER: set(), EARLIEST: set()}


def test_sample_data_is_gone_even_if_prometheus_has_nothing(embedded: Connection, cluster: str) -> None:
    run(make_collector(embedded, cluster, SampleSource(today=lambda: NEWEST, time_zone="UTC")))
    run(make_collector(embedded, cluster, Days({day: nothing() for day in ALL_DAYS})))
    assert names(embedded, cluster) == set()


def test_sample_data_stays_while_prometheus_does_not_answer(embedded: Connection, cluster: str) -> None:
    sample = make_collector(embedded, cluster, SampleSource(today=lambda: NEWEST, time_zone="UTC"))
    run(sample)
    before = names(embedded, cluster)
    away = Days(dict.fromkeys(ALL_DAYS, PrometheusUnreachable("away")))
    assert run(make_collector(embedded, cluster, away))[-1]["error"]["code"] == "prometheus_unreachable"
    assert (len(before), names(embedded, cluster)) == (40, before)


def test_sample_data_comes_back_after_a_prometheus_that_had_nothing(embedded: Connection, cluster: str) -> None:
    sample = make_collector(embedded, cluster, SampleSource(today=lambda: NEWEST, time_zone="UTC"))
    run(make_collector(embedded, cluster, Days(dict.fromkeys(ALL_DAYS, nothing()))))
    assert run(sample)[-1]["complete"] is True
    assert len(names(embedded, cluster)) == 40


def test_sample_data_never_joins_real_usage(embedded: Connection, cluster: str) -> None:
    run(make_collector(embedded, cluster, Days()))
    sample = make_collector(embedded, cluster, SampleSource(today=lambda: NEWEST, time_zone="UTC"), look_back_days=9)
    with pytest.raises(Conflict, match="set KUBEDOOR_PROMETHEUS_URL"):
        sample.check(CollectRequest())
    assert run(sample, CollectRequest(refresh=True))[-1]["error"]["code"] == "conflict"
    assert usage_of(embedded, cluster) == {day: {"web"} for day in ALL_DAYS}


@pytest.mark.parametrize(
    ("mark", "window"),
    [
        pytest.param("prometheus-1", "10:00-11:30", id="a refresh of more days than Prometheus keeps"),
        pytest.param("prometheus-1", "10:00-11:00", id="another window"),
        pytest.param("prometheus-2", "10:00-11:30", id="a new Prometheus"),
    ],
)
def test_a_day_that_prometheus_no_longer_has_is_kept(
    embedded: Connection, cluster: str, mark: str, window: str
) -> None:
    run(make_collector(embedded, cluster, Days()))
    source = Days({EARLIER: nothing(), EARLIEST: nothing()}, mark=mark)
    windows = PeakWindows.parse(window, "UTC")
    steps = run(make_collector(embedded, cluster, source, windows=windows), CollectRequest(refresh=True))
    assert [step["event"] for step in steps] == ["started", "day", "kept", "kept", "finished"]
    assert steps[2]["warnings"][0] == "kept as it was: Prometheus has no usage of this day any more"
    assert steps[-1]["complete"] is True
    assert usage_of(embedded, cluster) == {day: {"web"} for day in ALL_DAYS}
    kept = [event for event in UsageStore(embedded, cluster).events("c") if event["event"] == "kept"]
    assert [(event["day"], event["row_count"]) for event in kept] == [(EARLIER, 1), (EARLIEST, 1)]


def test_a_kept_day_counts_as_done_and_adds_no_rows(embedded: Connection, cluster: str) -> None:
    usage = UsageStore(embedded, cluster)
    for event, day in (("started", None), ("day", NEWEST), ("kept", EARLIER)):
        usage.record(CollectionEvent("c", event, day=day, row_count=7 if day else 2))
    following = Collections(usage=usage, run_slice=lambda request, collection: (), now=lambda: datetime.now(UTC))
    progress = following.progress("c")
    assert (progress["days_done"], progress["days_total"], progress["rows"]) == (2, 2, 7)


def test_a_whole_day_is_not_replaced_by_a_part_of_it(embedded: Connection, cluster: str) -> None:
    whole = DayUsage((make_usage_day(day=NEWEST), make_usage_day(day=NEWEST, deployment="api")), 1.0)
    part = DayUsage((make_usage_day(day=NEWEST),), 1.0, (Sentence("Prometheus: a store is away"),), is_partial=True)
    run(make_collector(embedded, cluster, Days({NEWEST: whole}), look_back_days=1))
    steps = run(make_collector(embedded, cluster, Days({NEWEST: part}), look_back_days=1), CollectRequest(refresh=True))
    assert steps[1]["warnings"] == ["kept as it was: Prometheus answered with partial data", *part.warnings]
    assert usage_of(embedded, cluster) == {NEWEST: {"web", "api"}}
    other = Days({NEWEST: part}, mark="prometheus-2")
    assert run(make_collector(embedded, cluster, other, look_back_days=1))[1]["event"] == "day"
    assert usage_of(embedded, cluster) == {NEWEST: {"web"}}


def test_superseded_runs_are_deleted_once_the_end_is_on_record(embedded: Connection, cluster: str) -> None:
    usage = Observed(embedded, cluster)
    run(make_collector(embedded, cluster, Days(), usage=usage, look_back_days=1))
    assert usage.recorded == ("started", "day", "finished")


def test_nobody_waits_for_what_is_deleted_after_the_end(embedded: Connection, cluster: str) -> None:
    has_finished, may_end = threading.Event(), threading.Event()

    def deleting(request: CollectRequest, collection: str) -> Iterator[dict[str, Any]]:
        yield {"event": "finished", "complete": True}
        has_finished.set()
        may_end.wait(10)

    collections = Collections(usage=UsageStore(embedded, cluster), run_slice=deleting, now=lambda: datetime.now(UTC))
    first = collections.start(CollectRequest())
    assert has_finished.wait(10)
    second = collections.start(CollectRequest())
    may_end.set()
    assert first != second


def test_a_collection_keeps_its_pod_awake_until_its_end(embedded: Connection, cluster: str) -> None:
    """Nobody may be looking: an autoscaler that counts requests would end the pod, and the collection with it."""
    asked, may_end, has_ended = threading.Event(), threading.Event(), threading.Event()

    def slow(request: CollectRequest, collection: str) -> Iterator[dict[str, Any]]:
        assert may_end.wait(30)
        yield {"event": "finished", "complete": True}

    @contextmanager
    def awake() -> Iterator[None]:
        with kept_awake(asked.set, seconds=0.01):
            yield
        has_ended.set()

    usage = UsageStore(embedded, cluster)
    collections = Collections(usage=usage, run_slice=slow, now=lambda: datetime.now(UTC), awake=awake)
    collections.start(CollectRequest())
    assert asked.wait(30)
    assert not has_ended.is_set()
    may_end.set()
    assert has_ended.wait(30)


def test_two_collections_with_slow_clocks_have_different_run_numbers() -> None:
    runs = {next_run_number(lambda: 1, 10**18) for _ in range(3)}
    assert len(runs) == 3
    assert min(runs) > 10**18
