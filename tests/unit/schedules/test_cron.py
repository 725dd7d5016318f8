"""Cron expressions have the semantics of the CronJob controller."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice, takewhile
from time import perf_counter
from zoneinfo import ZoneInfo

import pytest

from kubedoor.errors import InvalidInput
from kubedoor.schedules.cron import Cron, zone_named

UTC_ZONE = ZoneInfo("UTC")


def following(text: str, after: str, *, zone: str = "UTC", count: int = 3) -> list[str]:
    """The next due times, in local time."""
    cron = Cron.parse(text, ZoneInfo(zone))
    found = islice(cron.following(datetime.fromisoformat(after).replace(tzinfo=UTC)), count)
    return [due.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M") for due in found]


WHEN = {
    "every quarter": ("*/15 * * * *", ["2026-11-24 10:15", "2026-11-24 10:30", "2026-11-24 10:45"]),
    "from five on in steps": ("5/25 10 * * *", ["2026-11-24 10:05", "2026-11-24 10:30", "2026-11-24 10:55"]),
    "names and a range": ("0 9 * * MON-fri", ["2026-11-25 09:00", "2026-11-26 09:00", "2026-11-27 09:00"]),
    "sunday is zero": ("0 0 * * 0", ["2026-11-29 00:00", "2026-12-06 00:00", "2026-12-13 00:00"]),
    "a list": ("0 8,20 1 jan,jul *", ["2027-01-01 08:00", "2027-01-01 20:00", "2027-07-01 08:00"]),
    "either day": ("0 0 1 * 5", ["2026-11-27 00:00", "2026-12-01 00:00", "2026-12-04 00:00"]),
    "a stepped day restricts": ("0 0 */2 * 5", ["2026-11-25 00:00", "2026-11-27 00:00", "2026-11-29 00:00"]),
    "a stepped weekday restricts": ("0 0 13 * */2", ["2026-11-26 00:00", "2026-11-28 00:00", "2026-11-29 00:00"]),
    "a step of one restricts nothing": ("0 0 */1 * 5", ["2026-11-27 00:00", "2026-12-04 00:00", "2026-12-11 00:00"]),
    "a star in a list restricts nothing": ("0 0 1,* * 5", ["2026-11-27 00:00", "2026-12-04 00:00", "2026-12-11 00:00"]),
    "29 February": ("0 0 29 2 *", ["2028-02-29 00:00", "2032-02-29 00:00"]),
    "a descriptor": ("@monthly", ["2026-12-01 00:00", "2027-01-01 00:00", "2027-02-01 00:00"]),
}


@pytest.mark.parametrize(("text", "expected"), WHEN.values(), ids=WHEN.keys())
def test_due_times(text: str, expected: list[str]) -> None:
    assert following(text, "2026-11-24T10:00", count=len(expected)) == expected


def test_a_time_that_daylight_saving_skips_is_never_due() -> None:
    assert following("30 2 * * *", "2026-03-28T00:00", zone="Europe/Berlin") == [
        "2026-03-28 02:30",
        "2026-03-30 02:30",
        "2026-03-31 02:30",
    ]


def test_a_time_that_daylight_saving_repeats_is_due_twice() -> None:
    cron = Cron.parse("30 2 * * *", ZoneInfo("Europe/Berlin"))
    due = cron.between(datetime(2026, 10, 25, tzinfo=UTC), datetime(2026, 10, 25, 12, tzinfo=UTC))
    assert [one.hour for one in due] == [0, 1]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "* * * *",
        "* * * * * *",
        "60 * * * *",
        "* 24 * * *",
        "* * 0 * *",
        "* * * 13 *",
        "* * * * 7",
        "* * * * fri-mon",
        "*/0 * * * *",
        "a * * * *",
        "1- * * * *",
        "1,,2 * * * *",
        "TZ=UTC * * * * *",
        "0 0 L * *",
        "٣ * * * *",
        "@reboot",
        "@every 5m",
        "0 0 30 2 *",
        "0 0 31 4,6,9,11 *",
    ],
)
def test_an_invalid_expression_or_one_without_runs_names_the_field(text: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        Cron.parse(text, UTC_ZONE)
    assert refused.value.details["field"] == "cron"


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata", "Europe/Berlin", "Australia/Lord_Howe"])
@pytest.mark.parametrize("text", ["*/7 * * * *", "30 2 * * *", "59 23 * * 0"])
def test_following_between_newest_first_and_count_agree(text: str, zone: str) -> None:
    """Also over daylight saving changes."""
    cron = Cron.parse(text, ZoneInfo(zone))
    since, until = datetime(2026, 10, 2, 5, 7, 30, tzinfo=UTC), datetime(2026, 10, 26, 18, tzinfo=UTC)
    due = list(takewhile(lambda one: one <= until, cron.following(since)))
    assert cron.between(since, until) == due
    assert list(cron.newest_first(since, until)) == due[::-1]
    assert cron.count(since, until) == len(due)


def test_counting_three_days_of_minutes_is_fast() -> None:
    since = datetime(2026, 11, 24, tzinfo=UTC)
    began = perf_counter()
    for _ in range(100):
        assert Cron.parse("* * * * *", UTC_ZONE).count(since, since + timedelta(days=3)) == 3 * 1440
    assert perf_counter() - began < 1, "iterating took 50 ms each"


@pytest.mark.parametrize("name", ["right/UTC", "posix/Europe/Berlin", "localtime", "Mars/Olympus", ""])
def test_a_time_zone_that_kubernetes_does_not_know_names_the_field(name: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        zone_named(name)
    assert refused.value.details["field"] == "time_zone"


def test_following_ends_after_the_search_period() -> None:
    assert len(following("0 0 29 2 *", "2026-01-01T00:00", count=9)) == 2
