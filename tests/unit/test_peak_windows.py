from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubedoor.errors import InvalidInput
from kubedoor.model.peak_day import PeakDay
from kubedoor.peak_windows import SETTLING_TIME, PeakWindows

SHANGHAI = "Asia/Shanghai"
NEW_YORK = "America/New_York"
ZONES = (SHANGHAI, NEW_YORK, "Europe/Berlin", "Australia/Lord_Howe", "America/St_Johns", "UTC", "Asia/Kathmandu")


def utc_texts(peak_day: PeakDay) -> list[str]:
    return [f"{piece.start:%d %H:%M}-{piece.end:%d %H:%M}" for piece in peak_day.ranges]


@pytest.mark.parametrize(
    ("text", "label"),
    [
        pytest.param("10:00-11:30", "10:00-11:30 Asia/Shanghai", id="one"),
        pytest.param("20:00-21:00, 10:00-11:30", "10:00-11:30,20:00-21:00 Asia/Shanghai", id="two, put in order"),
        pytest.param("23:00-01:00", "23:00-01:00 Asia/Shanghai", id="over midnight"),
        pytest.param("23:00-00:00", "23:00-24:00 Asia/Shanghai", id="to midnight, written 00:00"),
        pytest.param("00:00-24:00", "00:00-24:00 Asia/Shanghai", id="whole day"),
        pytest.param("9:00-9:30", "09:00-09:30 Asia/Shanghai", id="one-digit hour"),
        pytest.param("10：00～11：30，20：00-21：00", "10:00-11:30,20:00-21:00 Asia/Shanghai", id="typed full-width"),
    ],
)
def test_a_window_definition_has_one_canonical_label(text: str, label: str) -> None:
    assert PeakWindows.parse(text, SHANGHAI).label == label
    assert PeakWindows.parse(label.split()[0], SHANGHAI) == PeakWindows.parse(text, SHANGHAI)


def test_weekdays_and_zone_are_part_of_the_label() -> None:
    labels = {
        PeakWindows.parse("10:00-11:30", zone, weekdays_only).label
        for zone in (SHANGHAI, "UTC")
        for weekdays_only in (False, True)
    }
    assert len(labels) == 4


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param("", "0 peak windows", id="nothing"),
        pytest.param("1:00-2:00,3:00-4:00,5:00-6:00,7:00-8:00", "4 peak windows", id="too many"),
        pytest.param("10-11", "is not a peak window: write it like", id="no minutes"),
        pytest.param("ten", "is not a peak window", id="words"),
        pytest.param("٠١:٠٠-٠٢:٠٠", "is not a peak window", id="digits of another script"),
        pytest.param("25:00-26:00", "no clock shows", id="hour 25"),
        pytest.param("10:60-11:00", "no clock shows", id="minute 60"),
        pytest.param("24:00-01:00", "no clock shows", id="start at 24:00"),
        pytest.param("10:00-24:01", "no clock shows", id="end after 24:00"),
        pytest.param("10:00-10:00", "is empty: for a whole day", id="empty"),
        pytest.param("10:00-11:00,10:30-12:00", "10:00-11:00 and 10:30-12:00 overlap", id="overlap"),
        pytest.param("10:00-11:00,11:00-12:00", "overlap or touch", id="touch"),
        pytest.param("23:00-01:00,00:30-02:00", "runs into the next day's 00:30-02:00", id="overlap over midnight"),
        pytest.param("23:00-24:00,00:00-02:00", "runs into the next day's", id="touch at midnight"),
    ],
)
def test_an_invalid_window_is_refused_by_name(text: str, says: str) -> None:
    with pytest.raises(InvalidInput, match=says) as caught:
        PeakWindows.parse(text, SHANGHAI)
    assert caught.value.details["field"] == "peak_windows"


@pytest.mark.parametrize("zone", ["Mars/Olympus", "Asia", "../etc/passwd", "", "GMT+8 "])
def test_an_invalid_time_zone_is_refused_by_name(zone: str) -> None:
    with pytest.raises(InvalidInput, match="is not a time zone") as caught:
        PeakWindows.parse("10:00-11:30", zone)
    assert caught.value.details["field"] == "time_zone"


@pytest.mark.parametrize(
    ("text", "zone", "day", "want"),
    [
        pytest.param("10:00-11:30", SHANGHAI, "2025-06-03", ["03 02:00-03 03:30"], id="fixed offset"),
        pytest.param("23:00-01:00", SHANGHAI, "2025-06-03", ["03 15:00-03 17:00"], id="over midnight"),
        pytest.param("07:00-08:00", SHANGHAI, "2025-06-03", ["02 23:00-03 00:00"], id="UTC date before"),
        pytest.param(
            "10:00-11:00,20:00-21:00", "UTC", "2025-06-03", ["03 10:00-03 11:00", "03 20:00-03 21:00"], id="two"
        ),
        pytest.param("10:00-11:00", NEW_YORK, "2025-03-08", ["08 15:00-08 16:00"], id="winter"),
        pytest.param("10:00-11:00", NEW_YORK, "2025-03-10", ["10 14:00-10 15:00"], id="summer"),
        pytest.param("01:00-04:00", NEW_YORK, "2025-03-09", ["09 06:00-09 08:00"], id="across the skipped hour"),
        pytest.param("02:00-03:00", NEW_YORK, "2025-03-09", [], id="the skipped hour itself"),
        pytest.param("02:15-02:45", NEW_YORK, "2025-03-09", [], id="inside the skipped hour"),
        pytest.param("02:30-03:30", NEW_YORK, "2025-03-09", ["09 07:00-09 07:30"], id="from within the skipped hour"),
        pytest.param("01:30-02:30", NEW_YORK, "2025-03-09", ["09 06:30-09 07:00"], id="into the skipped hour"),
        pytest.param("01:30-02:15,02:45-03:30", NEW_YORK, "2025-03-09", ["09 06:30-09 07:30"], id="both, read as one"),
        pytest.param(
            "02:00-02:45", "Australia/Lord_Howe", "2025-10-05", ["04 15:30-04 15:45"], id="half an hour skipped"
        ),
        pytest.param("23:00-00:30", "Africa/Cairo", "2025-04-24", ["24 21:00-24 22:00"], id="midnight is skipped"),
        pytest.param("23:00-24:00", "Pacific/Apia", "2011-12-29", ["30 09:00-30 10:00"], id="before a date left out"),
        pytest.param("01:00-02:00", NEW_YORK, "2025-11-02", ["02 05:00-02 07:00"], id="the repeated hour, both passes"),
        pytest.param("00:30-01:30,01:45-02:30", NEW_YORK, "2025-11-02", ["02 04:30-02 07:30"], id="merged, not twice"),
        pytest.param("10:00-11:30", "Pacific/Apia", "2011-12-30", [], id="a date that Samoa left out"),
    ],
)
def test_ranges_of_a_day_in_utc(text: str, zone: str, day: str, want: list[str]) -> None:
    assert utc_texts(PeakWindows.parse(text, zone).peak_day(date.fromisoformat(day))) == want


@pytest.mark.parametrize(
    ("now", "weekdays_only", "want"),
    [
        pytest.param("2025-06-04T03:34:59+00:00", False, "2025-06-03", id="not settled yet"),
        pytest.param("2025-06-04T03:35:00+00:00", False, "2025-06-04", id="settled"),
        pytest.param("2025-06-03T23:40:00-04:00", False, "2025-06-04", id="now in another zone"),
        pytest.param("2025-06-08T12:00:00+00:00", True, "2025-06-06", id="Sunday, weekdays only"),
        pytest.param("2025-06-08T12:00:00+00:00", False, "2025-06-08", id="Sunday"),
    ],
)
def test_a_day_is_complete_five_minutes_after_its_last_window(now: str, weekdays_only: bool, want: str) -> None:
    windows = PeakWindows.parse("10:00-11:30", SHANGHAI, weekdays_only)
    assert windows.newest_complete_day(datetime.fromisoformat(now)) == date.fromisoformat(want)


def test_a_window_over_midnight_is_complete_the_day_after() -> None:
    windows = PeakWindows.parse("23:00-01:00", "UTC")
    assert windows.newest_complete_day(datetime(2025, 6, 4, 1, 4, tzinfo=UTC)) == date(2025, 6, 2)
    assert windows.newest_complete_day(datetime(2025, 6, 4, 1, 5, tzinfo=UTC)) == date(2025, 6, 3)


def test_days_back_are_newest_first_without_weekends() -> None:
    monday_noon = datetime(2025, 6, 9, 12, tzinfo=UTC)
    all_days = PeakWindows.parse("10:00-11:30", SHANGHAI).days_back(monday_noon, 7)
    weekdays = PeakWindows.parse("10:00-11:30", SHANGHAI, weekdays_only=True).days_back(monday_noon, 7)
    assert [peak_day.day.day for peak_day in all_days] == [9, 8, 7, 6, 5, 4, 3]
    assert [peak_day.day.day for peak_day in weekdays] == [9, 6, 5, 4, 3]


def test_days_back_leaves_out_a_day_whose_window_daylight_saving_skips() -> None:
    windows = PeakWindows.parse("02:00-03:00", NEW_YORK)
    days = windows.days_back(datetime(2025, 3, 10, 12, tzinfo=UTC), 3)
    assert [peak_day.day.day for peak_day in days] == [10, 8]


def window_texts() -> st.SearchStrategy[str]:
    def clock(minute: int) -> str:
        return f"{minute // 60:02}:{minute % 60:02}"

    minutes = st.integers(0, 24 * 60 - 1)
    pairs = st.tuples(minutes, minutes).filter(lambda pair: pair[0] != pair[1])
    return pairs.map(lambda pair: f"{clock(pair[0])}-{clock(pair[1])}")


STEADY = settings(derandomize=True, deadline=None)
DAYS = st.dates(date(2015, 1, 1), date(2035, 12, 31))
CHANGES = [
    (zone, day)
    for zone in ZONES
    for day in (date(2015, 1, 1) + timedelta(days=count) for count in range(21 * 365))
    if len({datetime.combine(day, time(hour), ZoneInfo(zone)).utcoffset() for hour in (0, 23)}) > 1
]
"""Every day of a change of the clocks."""
MOMENTS = st.integers(1_420_070_400, 2_051_222_400).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))


@STEADY
@given(window_texts(), st.sampled_from(ZONES), DAYS)
def test_every_range_starts_and_ends_on_the_clock_of_its_window(text: str, zone: str, day: date) -> None:
    windows = PeakWindows.parse(text, zone)
    window = windows.windows[0]
    length = timedelta(minutes=window.end_minute - window.start_minute)
    midnight = datetime.combine(day, datetime.min.time())
    for piece in windows.peak_day(day).ranges:
        assert piece.seconds > 0
        assert abs(piece.seconds - length.total_seconds()) <= 3600, "no change of the clock is above an hour here"
        for instant, minute in ((piece.start, window.start_minute), (piece.end, window.end_minute)):
            local = instant.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
            assert abs(local - midnight - timedelta(minutes=minute)) <= timedelta(hours=1)


@STEADY
@given(window_texts(), st.sampled_from(CHANGES))
def test_a_window_is_complete_when_the_clocks_change(text: str, change: tuple[str, date]) -> None:
    zone, day = change
    windows = PeakWindows.parse(text, zone)
    window = windows.windows[0]
    midnight = datetime.combine(day, time())
    before = datetime.combine(day - timedelta(days=1), time(), UTC)
    minutes = [before + timedelta(minutes=count) for count in range(4 * 24 * 60)]
    shown = {minute: minute.astimezone(ZoneInfo(zone)).replace(tzinfo=None) - midnight for minute in minutes}
    start, end = timedelta(minutes=window.start_minute), timedelta(minutes=window.end_minute)
    wanted = [minute for minute, clock in shown.items() if start <= clock < end]
    ranges = windows.peak_day(day).ranges
    assert all(any(piece.start <= minute < piece.end for piece in ranges) for minute in wanted)
    # Nothing else either, except what lies between the two passes of a repeated hour.
    assert bool(ranges) == bool(wanted)
    for piece in ranges:
        assert (piece.start, piece.end) == (wanted[0], wanted[-1] + timedelta(minutes=1))


@STEADY
@given(window_texts(), st.sampled_from(ZONES), DAYS)
def test_days_never_share_an_instant(text: str, zone: str, day: date) -> None:
    windows = PeakWindows.parse(text, zone)
    today, tomorrow = windows.peak_day(day).ranges, windows.peak_day(day + timedelta(days=1)).ranges
    if today and tomorrow and windows.windows[0].end_minute - windows.windows[0].start_minute <= 22 * 60:
        assert today[-1].end < tomorrow[0].start


@STEADY
@given(window_texts(), st.sampled_from(ZONES), MOMENTS, st.booleans())
def test_the_newest_complete_day_is_complete_and_newest(
    text: str, zone: str, now: datetime, weekdays_only: bool
) -> None:
    windows = PeakWindows.parse(text, zone, weekdays_only)
    newest = windows.newest_complete_day(now)
    assert windows.peak_day(newest).ranges[-1].end + SETTLING_TIME <= now
    later = [peak_day for peak_day in windows.days_back(now + timedelta(days=5), 12) if peak_day.day > newest]
    assert all(peak_day.ranges[-1].end + SETTLING_TIME > now for peak_day in later)
