from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from kubedoor.model.usage import UsageDay
from kubedoor.model.values import Resources
from kubedoor.sizing.evidence import Evidence, heaviest_day, is_thin
from tests.support.builders import DAY, make_usage_day
from tests.support.sizing import days

YESTERDAY, BEFORE = DAY - timedelta(days=1), DAY - timedelta(days=2)


def evidence(*rows: UsageDay) -> Evidence:
    return Evidence.of(rows, min_coverage=0.8)


@pytest.mark.parametrize(
    ("fields", "want"),
    [
        pytest.param({}, False, id="whole"),
        pytest.param({"coverage": 0.8, "pods_coverage": 0.8}, False, id="just enough of both"),
        pytest.param({"coverage": 0.79}, True, id="too few samples"),
        pytest.param({"pods_coverage": 0.79}, True, id="too few pods"),
        pytest.param({"is_partial": True}, True, id="partial"),
    ],
)
def test_a_row_is_thin(fields: dict[str, Any], want: bool) -> None:
    assert is_thin(make_usage_day(**fields), 0.8) is want


def test_how_much_is_enough_is_a_setting() -> None:
    row = make_usage_day(coverage=0.7)
    assert (is_thin(row, 0.6), is_thin(row, 0.8)) == (False, True)


def test_whole_rows_decide_and_thin_ones_only_where_there_is_no_other() -> None:
    whole, thin = make_usage_day(day=YESTERDAY), make_usage_day(coverage=0.1)
    assert evidence(thin, whole).deciding == (whole,)
    assert evidence(thin).deciding == (thin,)


def test_a_containers_rows_are_looked_at_for_themselves() -> None:
    app, proxy = make_usage_day(), make_usage_day(container="proxy", coverage=0.05)
    found = evidence(app, proxy)
    assert found.of_container("proxy") == (proxy,)
    assert found.thin_deciding() == (proxy,)
    assert found.whole_days == {DAY}
    assert (found.whole_days_of("app"), found.whole_days_of("proxy")) == (1, 0)


LIMITED, UNLIMITED = Resources(100, 100, 200, 200), Resources(100, 100)


@pytest.mark.parametrize(
    ("newest", "yesterday", "want"),
    [
        pytest.param({"found": UNLIMITED}, {"found": LIMITED}, UNLIMITED, id="no limit is known to be none"),
        pytest.param({"found": Resources()}, {"found": LIMITED}, Resources(), id="neither are requests"),
        pytest.param(
            {"found": Resources(), "resources_known": False},
            {"found": LIMITED},
            LIMITED,
            id="what nobody listed is not known",
        ),
        pytest.param(
            {"found": Resources(), "is_partial": True}, {"found": LIMITED}, LIMITED, id="a partial answer left them out"
        ),
        pytest.param(
            {"found": UNLIMITED, "is_partial": True}, {"found": LIMITED}, UNLIMITED, id="a partial answer has them"
        ),
        pytest.param({"resources_known": False}, {"resources_known": False}, None, id="nobody knows"),
    ],
)
def test_the_newest_day_that_knows_says_what_is_asked_for(
    newest: dict[str, Any], yesterday: dict[str, Any], want: Resources | None
) -> None:
    found = evidence(make_usage_day(**newest), make_usage_day(day=YESTERDAY, **yesterday))
    assert found.found("app") == want


@pytest.mark.parametrize(
    ("rows", "want"),
    [
        pytest.param([make_usage_day(pods=2), make_usage_day(day=YESTERDAY, pods=5)], 2, id="the newest day's"),
        pytest.param(
            [make_usage_day(pods=2, is_partial=True), make_usage_day(day=YESTERDAY, pods=5)],
            5,
            id="not fewer for an answer without some of them",
        ),
        pytest.param(
            [make_usage_day(pods=7, coverage=0.1), make_usage_day(day=YESTERDAY, pods=5)], 7, id="more, however thin"
        ),
        pytest.param([make_usage_day(pods=2, is_partial=True)], 2, id="of a thin day, if there is no other"),
        pytest.param(
            [make_usage_day(pods=2), make_usage_day(container="proxy", pods=3)], 3, id="of the container with most"
        ),
    ],
)
def test_the_pods_of_the_newest_day(rows: list[UsageDay], want: int) -> None:
    assert evidence(*rows).newest_pods == want


def test_the_current_containers_are_those_of_the_newest_day() -> None:
    rows = [*days(2, container="new"), *days(2, container="proxy"), make_usage_day(container="old", day=BEFORE)]
    found = evidence(*rows)
    assert found.containers == ("new", "old", "proxy")
    assert found.current == ("new", "proxy")


def test_an_hpa_is_known_by_the_newest_day_that_knows() -> None:
    rows = days(3)
    assert evidence(*rows).hpa is None
    assert evidence(rows[0], replace(rows[1], hpa=True), replace(rows[2], hpa=False)).hpa is True


def test_the_heaviest_day_is_the_newest_of_equals() -> None:
    rows = days(3)
    assert heaviest_day(rows, [1, 2, 2]) == YESTERDAY
    two = [*rows, make_usage_day(container="proxy", day=BEFORE)]
    assert heaviest_day(two, [1, 2, 2, 1]) == BEFORE
