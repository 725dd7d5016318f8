"""Several clusters in turn: named, resumable, and none for another's sake."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import date, timedelta
from functools import partial
from typing import Any

import pytest

from kubedoor.collection.all_clusters import Rounds
from kubedoor.collection.collector import Collector
from kubedoor.collection.request import Wish, parse_wish
from kubedoor.errors import InvalidInput, PrometheusUnreachable, SettingsError, StoreError
from kubedoor.store.connection import Connection
from tests.unit.collection.test_collector import Days, make_collector

NEWEST = date(2026, 11, 20)


class Dead(Days):
    def read_day(self, peak_day: Any, *, step_seconds: int) -> Any:
        raise PrometheusUnreachable("nobody answers")


class Round:
    """Clusters of a test, on one store, each with a source of its own; a look at the clock takes a second."""

    def __init__(self, connection: Connection, name: str, **sources: Days) -> None:
        seconds = itertools.count(0.0, 1.0)
        self.clock = lambda: next(seconds)
        self.collectors = {
            one: partial(make_collector, connection, f"{name}-{one}", source, monotonic=self.clock)
            for one, source in sources.items()
        }

    def rounds(self, **further: Callable[[], Collector]) -> Rounds:
        return Rounds({**self.collectors, **further}, self.clock)

    def run(self, wish: Wish | None = None, *, budget_seconds: float = 3600) -> list[dict[str, Any]]:
        rounds = self.rounds()
        rounds.check(wish or Wish())
        return list(rounds.run(wish or Wish(), collection="c", budget_seconds=budget_seconds))


def course(steps: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """(cluster, event), one after another and each once."""
    told = [(step.get("cluster", ""), step["event"]) for step in steps]
    return [one for one, _ in itertools.groupby(told)]


ALL_OF_ONE = ["started", "day", "finished"]


def test_every_cluster_has_its_turn_and_the_last_line_sums_up(embedded: Connection, cluster: str) -> None:
    steps = Round(embedded, cluster, a=Days(), b=Days()).run()
    assert course(steps) == [
        *(("a", event) for event in ALL_OF_ONE),
        *(("b", event) for event in ALL_OF_ONE),
        ("", "round"),
    ]
    assert (steps[-1]["complete"], steps[-1]["failed_clusters"]) == (True, [])


def test_one_cluster_by_name(embedded: Connection, cluster: str) -> None:
    steps = Round(embedded, cluster, a=Days(), b=Days()).run(Wish(cluster="b"))
    assert course(steps) == [("b", event) for event in ALL_OF_ONE]
    assert steps[-1]["complete"] is True


def test_the_only_cluster_there_is_needs_no_summing_up(embedded: Connection, cluster: str) -> None:
    steps = Round(embedded, cluster, a=Days()).run(budget_seconds=0)
    assert steps[-1]["event"] == "next"
    assert "cluster" not in steps[-1]["next"]


def test_a_dead_prometheus_is_named_and_stops_nobody_else(embedded: Connection, cluster: str) -> None:
    steps = Round(embedded, cluster, a=Dead(), b=Days()).run()
    assert ("a", "failed") in course(steps)
    assert ("b", "finished") in course(steps)
    assert (steps[-1]["complete"], steps[-1]["failed_clusters"]) == (False, ["a"])
    assert "a" in steps[-1]["message"]


def test_a_cluster_that_cannot_even_begin_is_named_too(embedded: Connection, cluster: str) -> None:
    def without_prometheus() -> Collector:
        raise SettingsError("no Prometheus", problems=["no Prometheus"])

    rounds = Round(embedded, cluster, a=Days()).rounds(b=without_prometheus)
    steps = list(rounds.run(Wish(), collection="c", budget_seconds=3600))
    assert steps[-1]["failed_clusters"] == ["b"]


def test_a_store_that_is_away_ends_the_round(embedded: Connection, cluster: str) -> None:
    def without_store() -> Collector:
        raise StoreError("away")

    rounds = Rounds({"a": without_store, "b": without_store}, lambda: 0.0)
    steps = list(rounds.run(Wish(), collection="c", budget_seconds=3600))
    assert course(steps) == [("a", "failed")]


def test_a_round_goes_on_where_its_budget_ended_and_knows_who_failed(embedded: Connection, cluster: str) -> None:
    all_three = Round(embedded, cluster, a=Dead(), b=Days(), c=Days())
    wish, told = Wish(), list[tuple[str, str]]()
    for _ in range(20):
        steps = all_three.run(wish, budget_seconds=2)
        told += [(step["cluster"], step["day"]) for step in steps if step["event"] == "day"]
        if steps[-1]["event"] != "next":
            break
        wish = parse_wish(steps[-1]["next"])
    assert (steps[-1]["event"], steps[-1]["failed_clusters"]) == ("round", ["a"])
    days = [str(NEWEST - timedelta(days=back)) for back in range(3)]
    assert told == [(name, day) for name in "bc" for day in days], "every day once, cluster by cluster"


def test_what_comes_after_a_resumed_cluster_is_collected_whole(embedded: Connection, cluster: str) -> None:
    wish = Wish(cluster="a", before=NEWEST, then=("b",))
    steps = Round(embedded, cluster, a=Days(), b=Days()).run(wish)
    first = {step["cluster"]: step["days"][0] for step in steps if step["event"] == "started"}
    assert first == {"a": "2026-11-19", "b": str(NEWEST)}


WRONG: dict[str, tuple[Wish, str]] = {
    "an unknown cluster": (Wish(cluster="x"), "cluster"),
    "an unknown one afterwards": (Wish(cluster="a", then=("x",)), "then"),
    "an unknown one that failed": (Wish(cluster="a", failed=("x",)), "failed"),
    "before without a cluster": (Wish(before=NEWEST), "before"),
    "then without a cluster": (Wish(then=("b",)), "then"),
}


@pytest.mark.parametrize(("wish", "field"), WRONG.values(), ids=WRONG.keys())
def test_a_wish_that_makes_no_sense_names_its_field(embedded: Connection, cluster: str, wish: Wish, field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        Round(embedded, cluster, a=Days(), b=Days()).rounds().check(wish)
    assert caught.value.details["field"] == field
