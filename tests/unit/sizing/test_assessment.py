from __future__ import annotations

import pytest

from kubedoor.model.cluster_facts import ClusterFacts, HpaTarget, LimitRange
from kubedoor.model.collected import CollectedContainer, CollectedValues
from kubedoor.model.conditions import (
    CPU_LIMIT,
    CPU_REQUEST,
    MEMORY_LIMIT,
    MEMORY_REQUEST,
    REPLICAS,
    ConditionType,
    Withheld,
)
from kubedoor.model.usage import UsageDay
from kubedoor.model.values import Amount, Resources
from kubedoor.sentences import Sentence
from kubedoor.sizing.assessment import Assessment, written
from kubedoor.sizing.conditions import assess
from kubedoor.sizing.evidence import Evidence
from kubedoor.sizing.options import SizingOptions
from tests.support.builders import DAY
from tests.support.sizing import MI, days


def assessed(rows: list[UsageDay], values: Resources, *, replicas: int = 3) -> Assessment:
    container = CollectedContainer("app", values, reasons=(Sentence("cpu 1m: so"), Sentence("memory 1Mi: so")))
    collected = CollectedValues("shop", "web", replicas, DAY, DAY, (container,), days=len(rows))
    return Assessment(collected, Evidence.of(rows, min_coverage=0.8), ClusterFacts(), SizingOptions())


@pytest.mark.parametrize(
    ("name", "amount", "want"),
    [
        (CPU_REQUEST, 1500, "1.5"),
        (CPU_LIMIT, 2000, "2"),
        (MEMORY_REQUEST, 512 * MI, "512Mi"),
        (MEMORY_LIMIT, 1000, "1k"),
        (REPLICAS, 4, "4"),
        (CPU_LIMIT, None, "none"),
    ],
)
def test_an_amount_is_written_as_people_write_it(name: str, amount: int | None, want: str) -> None:
    assert written(name, amount) == want


def test_a_moved_value_has_its_reason_after_the_others() -> None:
    one = assessed(days(3), Resources(100, 64 * MI))
    one.move("app", CPU_REQUEST, 100, Sentence("no change, no word"))
    one.move("app", CPU_REQUEST, 250, Sentence("first"))
    one.move("app", CPU_LIMIT, 250, Sentence("second"))
    got = one.result().containers[0]
    assert got.values == Resources(250, 64 * MI, 250)
    assert got.reasons == ("cpu 1m: so", "memory 1Mi: so", "cpu request 250m: first", "cpu limit 250m: second")


@pytest.mark.parametrize(
    ("values", "found", "known", "want"),
    [
        (Resources(100, 64 * MI), Resources(500, 512 * MI), True, {CPU_REQUEST, MEMORY_REQUEST}),
        (Resources(500, 64 * MI), Resources(500, 512 * MI), True, {MEMORY_REQUEST}),
        (Resources(900, 900 * MI), Resources(500, 512 * MI), True, set()),
        (Resources(100, 64 * MI), Resources(), True, set()),
        (Resources(100, 64 * MI), Resources(), False, {CPU_REQUEST, MEMORY_REQUEST}),
        (Resources(), Resources(500, 512 * MI), True, set()),
    ],
    ids=["both", "one", "raised", "nothing asked", "not known", "no value"],
)
def test_lowered_are_values_below_what_is_asked_for(
    values: Resources, found: Resources, known: bool, want: set[str]
) -> None:
    one = assessed(days(3, found=found, resources_known=known), values)
    assert {(field.container, field.field) for field in one.lowered()} == {("app", name) for name in want}


def test_replicas_are_lowered_below_those_of_the_newest_day() -> None:
    rows = days(3, pods=5)
    assert [assessed(rows, Resources(), replicas=count).lowers_replicas for count in (4, 5, 6)] == [True, False, False]


@pytest.mark.parametrize(
    ("found", "values", "want"),
    [
        (Resources(500, None, 500), Resources(100, None, 100), [CPU_REQUEST, CPU_LIMIT]),
        (Resources(500, None, 500), Resources(100, None, 500), [CPU_REQUEST]),
        (Resources(500, None, 500), Resources(100), [CPU_REQUEST]),
    ],
    ids=["moved", "as found", "left alone"],
)
def test_a_limit_that_moved_is_withheld_with_its_request(found: Resources, values: Resources, want: list[str]) -> None:
    one = assessed(days(3, found=found), values)
    one.add(
        ConditionType.SHORT_HISTORY, "TooFewDays", "", withholds=(Withheld("app", CPU_REQUEST), Withheld("", REPLICAS))
    )
    (got,) = one.result().conditions
    assert [field.field for field in got.withholds if field.container] == want
    assert Withheld("", REPLICAS) in got.withholds


def test_a_container_without_values_gets_none() -> None:
    """Another rule may leave a field out; nothing here invents it."""
    rows = days(3, hpa=True)
    facts = ClusterFacts(
        largest_node=Amount(100, 100),
        hpas={("shop", "web"): HpaTarget(50, 50)},
        limit_ranges={"shop": (LimitRange("limits", "Container", min=Amount(100, MI)),)},
    )
    one = assessed(rows, Resources())
    got = assess(one.collected, one.evidence, facts, SizingOptions(hpa_requests="target"))
    assert got.containers[0].values == Resources()
