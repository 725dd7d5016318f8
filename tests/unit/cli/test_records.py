"""Parsing of times, and formatting of changes, for `kubedoor record`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from kubedoor.cli.records import difference, instant
from kubedoor.errors import SettingsError

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
TIMES = {
    "30m": "2026-11-24T11:30:00+00:00",
    "12h": "2026-11-24T00:00:00+00:00",
    "7d": "2026-11-17T12:00:00+00:00",
    "2026-11-24": "2026-11-24T00:00:00+00:00",
    "2026-11-24T18:30": "2026-11-24T18:30:00+00:00",
    "2026-11-24T18:30:00Z": "2026-11-24T18:30:00+00:00",
    "2026-11-24T18:30+08:00": "2026-11-24T10:30:00+00:00",
}


@pytest.mark.parametrize(("text", "expected"), TIMES.items())
def test_a_time_is_an_age_or_an_iso_time_in_utc(text: str, expected: str) -> None:
    assert instant(text, now=NOW, option="--since") == expected


@pytest.mark.parametrize("text", ["yesterday", "7w", "-1h", "999999d", "2026-13-01", "0001-01-01T00:00+14:00"])
def test_an_invalid_time_names_its_option(text: str) -> None:
    with pytest.raises(SettingsError) as refused:
        instant(text, now=NOW, option="--until")
    assert refused.value.details["problems"][0].startswith(f"--until {text}: ")


DIFFERENCES: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({}, {}, ""),
    ({"replicas": 3, "note": "x"}, {"replicas": 5, "note": "x"}, "replicas 3 -> 5"),
    ({}, {"replicas": 5}, "replicas (none) -> 5"),
    ({"enabled": True}, {"enabled": False}, "enabled true -> false"),
    ({"note": "旧"}, {}, "note 旧 -> (none)"),
    ({"events": ["a"]}, {"events": ["a", "b"]}, 'events ["a"] -> ["a", "b"]'),
]


@pytest.mark.parametrize(("before", "after", "expected"), DIFFERENCES)
def test_only_changed_fields_are_shown(before: dict[str, Any], after: dict[str, Any], expected: str) -> None:
    assert difference(before, after) == expected
