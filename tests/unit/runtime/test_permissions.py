"""What the checkup asks the API server about."""

from __future__ import annotations

import pytest

from kubedoor.config import settings
from kubedoor.runtime.permissions import needed


@pytest.mark.parametrize("door", ["webhook", "native", "both"])
def test_each_permission_is_asked_for_once(door: str) -> None:
    found = list(needed(settings.load({"KUBEDOOR_DOOR": door})))
    assert len(found) == len(set(found))
    assert any(one.resource == "controlvalues" for one in found) is (door != "webhook")
