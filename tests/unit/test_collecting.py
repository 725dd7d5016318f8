from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from kubedoor.collecting import CollectOptions, Collector
from kubedoor.collectwishes import Wish, parse_wish
from kubedoor.errors import InvalidInput, PrometheusRefused, QueryTooLarge, StoreError
from kubedoor.model import Check, DayUsage, PeakDay, WorkloadKey
from kubedoor.recommend import SizingOptions
from kubedoor.store.connection import Connection
from kubedoor.store.control import ControlStore
from kubedoor.store.usage import CollectionEvent, UsageStore
from kubedoor.windows import PeakWindows
from tests.support.builders import make_usage_day

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


class Days:
    """A usage source that answers what the test says, day by day."""

    is_sample = True

    def __init__(self, answers: dict[date, DayUsage | Exception] | None = None) -> None:
        self._answers = answers or {}

    def read_day(self, peak_day: PeakDay, *, step_seconds: int) -> DayUsage:
        answer = self._answers.get(peak_day.day) or DayUsage((make_usage_day(day=peak_day.day),), 1.0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def checks(self) -> Iterable[Check]:
        return ()


class Losing(UsageStore):
    """A store that does not take the end of a collection."""

    def record(self, event: CollectionEvent) -> None:
        if event.event == "failed":
            raise StoreError("away")
        super().record(event)


def make_collector(
    connection: Connection,
    cluster: str,
    source: Days,
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


def run(collector: Collector, wish: Wish | None = None) -> list[dict[str, Any]]:
    return list(collector.run(wish or Wish(), collection="c", budget_seconds=60))


@pytest.mark.parametrize(
    ("body", "want"),
    [
        ({}, Wish()),
        ({"days": 30}, Wish(days=30)),
        ({"day": "2026-11-20", "refresh": True}, Wish(day=date(2026, 11, 20), refresh=True)),
        ({"days": 5, "before": "2026-11-20"}, Wish(days=5, before=date(2026, 11, 20))),
        ({"days": None, "day": None}, Wish()),
    ],
)
def test_a_wish_is_read_and_written(body: dict[str, Any], want: Wish) -> None:
    assert parse_wish(body) == want
    assert parse_wish(want.as_json()) == want


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
def test_a_bad_wish_names_its_field(body: Any, field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_wish(body)
    assert caught.value.details["field"] == field


def test_today_counts_once_its_window_is_over(embedded: Connection, cluster: str) -> None:
    days = make_collector(embedded, cluster, Days()).days_wanted(Wish())
    assert [str(day.day) for day in days] == ["2026-11-20", "2026-11-19", "2026-11-18"]


def test_a_day_whose_window_is_not_over_is_refused(embedded: Connection, cluster: str) -> None:
    collector = make_collector(embedded, cluster, Days())
    with pytest.raises(InvalidInput, match="not over yet: the newest day is 2026-11-20"):
        collector.check(Wish(day=date(2026, 11, 23)))
    assert run(collector, Wish(day=date(2026, 11, 23)))[-1]["error"]["details"]["field"] == "day"


def test_a_day_that_daylight_saving_leaves_without_a_window_is_refused(embedded: Connection, cluster: str) -> None:
    skipped = PeakWindows.parse("02:10-02:50", "Europe/Berlin")
    collector = make_collector(embedded, cluster, Days(), windows=skipped)
    with pytest.raises(InvalidInput, match="no peak window"):
        collector.check(Wish(day=date(2026, 3, 29)))


def test_one_days_trouble_is_its_own(embedded: Connection, cluster: str) -> None:
    bad = date(2026, 11, 19)
    collector = make_collector(embedded, cluster, Days({bad: QueryTooLarge("too many samples")}))
    steps = run(collector)
    assert [step["event"] for step in steps] == ["started", "day", "failed_day", "day", "finished"]
    assert steps[2]["error"]["code"] == "query_too_large"
    assert (steps[-1]["complete"], steps[-1]["failed_days"]) == (False, [str(bad)])
    assert [str(day.day) for day in collector.days_wanted(Wish())] == [str(bad)], "it is asked for again"


def test_a_prometheus_that_refuses_ends_the_run(embedded: Connection, cluster: str) -> None:
    collector = make_collector(embedded, cluster, Days({date(2026, 11, 19): PrometheusRefused("401")}))
    steps = run(collector)
    assert (steps[-1]["event"], steps[-1]["error"]["code"]) == ("failed", "prometheus_refused")
    assert list(UsageStore(embedded, cluster).days()) == [date(2026, 11, 20)]


def test_a_failure_that_cannot_be_recorded_is_answered_all_the_same(embedded: Connection, cluster: str) -> None:
    source = Days({date(2026, 11, 20): PrometheusRefused("401")})
    collector = make_collector(embedded, cluster, source, usage=Losing(embedded, cluster))
    assert run(collector)[-1]["event"] == "failed"


def test_partial_days_are_kept_and_asked_for_again(embedded: Connection, cluster: str) -> None:
    partial = DayUsage((make_usage_day(day=date(2026, 11, 20)),), 0.5, ("half of it",), is_partial=True)
    collector = make_collector(embedded, cluster, Days({date(2026, 11, 20): partial}))
    steps = run(collector)
    assert (steps[1]["is_partial"], steps[1]["warnings"]) == (True, ["half of it"])
    assert [str(day.day) for day in collector.days_wanted(Wish())] == ["2026-11-20"]


def test_a_clock_that_runs_behind_collects_nevertheless(embedded: Connection, cluster: str) -> None:
    UsageStore(embedded, cluster).replace_day(
        date(2026, 11, 20), DayUsage((), 0.0), run=10**18, windows="w", seconds=0.1
    )
    run(make_collector(embedded, cluster, Days(), look_back_days=1))
    assert len(UsageStore(embedded, cluster).history([date(2026, 11, 20)])) == 1


def learn_hpa(connection: Connection, key: WorkloadKey, *, at: datetime) -> None:
    """As the door would have written it at that time."""
    fact = {"cluster": key.cluster, "namespace": key.namespace, "deployment": key.deployment, "fact": "hpa"}
    connection.insert("workload_facts", [{**fact, "holds": True, "seen_at": at, "seen_by": "door"}])


def test_an_hpa_seen_after_the_window_is_kept(embedded: Connection, cluster: str) -> None:
    control = ControlStore(embedded, cluster)
    learn_hpa(embedded, WorkloadKey(cluster, "shop", "web"), at=NOW)
    day = date(2026, 11, 20)
    rows = (make_usage_day(day=day), make_usage_day(day=day, deployment="api", hpa=True))
    run(make_collector(embedded, cluster, Days({day: DayUsage(rows, 1.0)}), look_back_days=1))
    assert [row["deployment"] for row in control.known_facts()] == ["web"]


def test_a_day_that_failed_in_an_earlier_request_is_not_forgotten(embedded: Connection, cluster: str) -> None:
    newest = date(2026, 11, 20)
    collector = make_collector(embedded, cluster, Days({newest: QueryTooLarge("too much")}))
    clock = iter(range(0, 100_000, 100))
    collector._monotonic = lambda: float(next(clock))
    wish, last = Wish(), {}
    for _ in range(5):
        last = list(collector.run(wish, collection="c", budget_seconds=1))[-1]
        if last["event"] != "next":
            break
        wish = parse_wish(last["next"])
    assert (last["event"], last["complete"], last["failed_days"]) == ("finished", False, [str(newest)])


def test_a_day_before_anything_is_kept_is_refused(embedded: Connection, cluster: str) -> None:
    with pytest.raises(InvalidInput, match="more than 365 days back"):
        make_collector(embedded, cluster, Days()).check(Wish(day=date(1950, 1, 1)))


def test_strangers_of_long_ago_are_forgotten(embedded: Connection, cluster: str) -> None:
    control = ControlStore(embedded, cluster)
    for name, at in (("revision-1", NOW - timedelta(days=40)), ("revision-2", NOW), ("web", NOW - timedelta(days=40))):
        learn_hpa(embedded, WorkloadKey(cluster, "shop", name), at=at)
    run(make_collector(embedded, cluster, Days()))
    run(make_collector(embedded, cluster, Days()), Wish(refresh=True))
    assert {row["deployment"] for row in control.known_facts()} == {"revision-2", "web"}


def test_hpas_that_are_gone_are_forgotten(embedded: Connection, cluster: str) -> None:
    control = ControlStore(embedded, cluster)
    web = WorkloadKey(cluster, "shop", "web")
    learn_hpa(embedded, web, at=NOW - timedelta(days=5))
    run(make_collector(embedded, cluster, Days()))
    assert control.known_facts() != [], "without any HPA metric nobody can say"
    rows = (make_usage_day(day=date(2026, 11, 20)), make_usage_day(day=date(2026, 11, 20), deployment="api", hpa=True))
    collector = make_collector(embedded, cluster, Days({date(2026, 11, 20): DayUsage(rows, 1.0)}), look_back_days=1)
    run(collector, Wish(refresh=True))
    assert control.known_facts() == []
