from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from kubedoor.collection.stored_days import Made, missing, why_kept
from kubedoor.model.usage import DayUsage, PeakDay, StoredDay
from tests.support.builders import make_usage_day

NEWEST = date(2026, 11, 20)
MADE = Made("10:00-11:30 UTC", "prometheus-1")
WHOLE = StoredDay(NEWEST, MADE.windows, 40, 1.0, False, (), 0.1, datetime(2026, 11, 20, tzinfo=UTC), MADE.source)
EMPTY = replace(WHOLE, row_count=0, coverage=0.0)
ROWS = (make_usage_day(),)


def missing_of(*stored: StoredDay | None) -> list[int]:
    """How many days back those lie that are missing; `stored` is newest first, None for a day that is not there."""
    days = [PeakDay(NEWEST - timedelta(days=back), ()) for back in range(len(stored))]
    there = {day.day: replace(known, day=day.day) for day, known in zip(days, stored, strict=True) if known}
    return [(NEWEST - day.day).days for day in missing(days, there, MADE)]


@pytest.mark.parametrize(
    ("stored", "want"),
    [
        pytest.param((WHOLE, None, WHOLE), [1], id="not there"),
        pytest.param((WHOLE, replace(WHOLE, is_partial=True)), [1], id="in part"),
        pytest.param((WHOLE, replace(WHOLE, windows="other")), [1], id="with other windows"),
        pytest.param((replace(WHOLE, source="prometheus-2"), WHOLE), [0], id="from another source"),
        pytest.param((WHOLE, replace(WHOLE, source="")), [], id="from before there were marks"),
        pytest.param((WHOLE, EMPTY, WHOLE, EMPTY), [1], id="empty, with usage before it"),
        pytest.param((EMPTY, EMPTY), [0, 1], id="all empty"),
    ],
)
def test_days_are_missing(stored: tuple[StoredDay | None, ...], want: list[int]) -> None:
    assert missing_of(*stored) == want


@pytest.mark.parametrize(
    ("known", "usage", "is_kept"),
    [
        pytest.param(None, DayUsage((), 0.0), False, id="the first word counts"),
        pytest.param(EMPTY, DayUsage((), 0.0), False, id="of nothing there is nothing to keep"),
        pytest.param(WHOLE, DayUsage(ROWS, 1.0), False, id="a whole day replaces a whole one"),
        pytest.param(WHOLE, DayUsage((), 0.0), True, id="nothing never replaces a day"),
        pytest.param(replace(WHOLE, windows="other", source=""), DayUsage((), 0.0), True, id="one that was taken over"),
        pytest.param(WHOLE, DayUsage(ROWS, 0.9, is_partial=True), True, id="a part never replaces the whole"),
        pytest.param(replace(WHOLE, is_partial=True), DayUsage(ROWS, 0.9, is_partial=True), False, id="part by part"),
        pytest.param(replace(WHOLE, windows="other"), DayUsage(ROWS, 0.9, is_partial=True), False, id="other windows"),
        pytest.param(replace(WHOLE, source="x"), DayUsage(ROWS, 0.9, is_partial=True), False, id="another source"),
    ],
)
def test_a_day_is_kept_where_the_answer_is_worse(known: StoredDay | None, usage: DayUsage, is_kept: bool) -> None:
    assert bool(why_kept(known, usage, MADE)) is is_kept
