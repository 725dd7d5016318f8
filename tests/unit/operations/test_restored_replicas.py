"""To how many replicas a temporary scale goes back."""

from __future__ import annotations

from typing import Any

import pytest

from kubedoor.operations.request import RestorePoint, restored_replicas

ROW = {"collected_replicas": 3, "withheld_replicas": [], "mode": "enforce"}


@pytest.mark.parametrize(
    ("changes", "control_on", "want"),
    [
        ({}, True, 3),
        ({}, None, 3),
        ({"collected_replicas": None}, True, 8),
        ({"withheld_replicas": ["replicas:ShortHistory"]}, True, 8),
        ({"mode": "observe"}, True, 8),
        ({}, False, 8),
    ],
)
def test_the_collected_number_counts_only_where_the_door_sets_it(
    changes: dict[str, Any], control_on: bool | None, want: int
) -> None:
    assert restored_replicas(RestorePoint(None, live=8), {**ROW, **changes}, control_on=control_on) == want


def test_a_manual_number_is_restored_whatever_was_collected() -> None:
    assert restored_replicas(RestorePoint(5, live=8), ROW, control_on=True) == 5
    assert restored_replicas(RestorePoint(None, live=8), None, control_on=True) == 8
