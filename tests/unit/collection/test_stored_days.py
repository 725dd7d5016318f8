from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from kubedoor.collection.stored_days import Provenance, missing_days, reason_to_keep
from kubedoor.model.peak_day import PeakDay
from kubedoor.model.usage import DayUsage, StoredDay
from tests.support.builders import make_usage_day

NEWEST = date(2026, 11, 20)
PROVENANCE = Provenance("10:00-11:30 UTC", "prometheus-1")
WHOLE = StoredDay(
    NEWEST, PROVENANCE.windows, 40, 1.0, False, (), 0.1, datetime(2026, 11, 20, tzinfo=UTC), PROVENANCE.source
)
EMPTY = replace(WHOLE, row_count=0, coverage=0.0)
ROWS = (make_usage_day(),)


def missing_of(*stored: StoredDay | None) -> list[int]:
    """The ages in days of the missing days; `stored` is newest first, None for a day that is not stored."""
    days = [PeakDay(NEWEST - timedelta(days=back), ()) for back in range(len(stored))]
    there = {day.day: replace(known, day=day.day) for day, known in zip(days, stored, strict=True) if known}
    return [(NEWEST - day.day).days for day in missing_days(days, there, PROVENANCE, min_coverage=0.8)]


@pytest.mark.parametrize(
    ("stored", "want"),
    [
        pytest.param((WHOLE, None, WHOLE), [1], id="not stored"),
        pytest.param((WHOLE, replace(WHOLE, is_partial=True)), [1], id="partial"),
        pytest.param((WHOLE, replace(WHOLE, windows="other")), [1], id="with other windows"),
        pytest.param((replace(WHOLE, source="prometheus-2"), WHOLE), [0], id="from another source"),
        pytest.param((WHOLE, replace(WHOLE, source="")), [], id="stored without a mark"),
        pytest.param((WHOLE, EMPTY, WHOLE, EMPTY), [1], id="empty, with usage before it"),
        pytest.param((EMPTY, EMPTY), [0, 1], id="all empty"),
        pytest.param(
            (WHOLE, replace(WHOLE, coverage=0.5), replace(WHOLE, coverage=0.5)), [1], id="thin, of the two newest days"
        ),
    ],
)
def test_days_are_missing(stored: tuple[StoredDay | None, ...], want: list[int]) -> None:
    assert missing_of(*stored) == want


@pytest.mark.parametrize(
    ("known", "usage", "is_kept"),
    [
        pytest.param(None, DayUsage((), 0.0), False, id="no stored day"),
        pytest.param(EMPTY, DayUsage((), 0.0), False, id="the stored day is empty"),
        pytest.param(WHOLE, DayUsage(ROWS, 1.0), False, id="complete replaces complete"),
        pytest.param(WHOLE, DayUsage((), 0.0), True, id="an empty result never replaces usage"),
        pytest.param(replace(WHOLE, windows="other", source=""), DayUsage((), 0.0), True, id="an imported day"),
        pytest.param(WHOLE, DayUsage(ROWS, 0.9, is_partial=True), True, id="partial never replaces complete"),
        pytest.param(
            replace(WHOLE, is_partial=True), DayUsage(ROWS, 0.9, is_partial=True), False, id="partial replaces partial"
        ),
        pytest.param(replace(WHOLE, windows="other"), DayUsage(ROWS, 0.9, is_partial=True), False, id="other windows"),
        pytest.param(WHOLE, DayUsage(ROWS, 0.1), True, id="a thin result never replaces a whole day"),
        pytest.param(replace(WHOLE, coverage=0.1), DayUsage(ROWS, 0.2), False, id="thin replaces thin"),
        pytest.param(replace(WHOLE, windows="other"), DayUsage(ROWS, 0.1), False, id="thin, of other windows"),
        pytest.param(replace(WHOLE, source="x"), DayUsage(ROWS, 0.9, is_partial=True), False, id="another source"),
    ],
)
def test_a_stored_day_is_kept_if_the_new_result_is_worse(
    known: StoredDay | None, usage: DayUsage, is_kept: bool
) -> None:
    assert bool(reason_to_keep(known, usage, PROVENANCE, min_coverage=0.8)) is is_kept
