"""Why a restore is refused: the door would undo it."""

from __future__ import annotations

import pytest

from kubedoor.admission.rules import Rules
from kubedoor.control_values import UNKNOWN
from kubedoor.model.values import ControlValues, Mode
from kubedoor.operations.planned import PlanContext, Refused
from kubedoor.operations.refusals import check
from kubedoor.operations.request import ActionRequest, Kind, Target
from tests.support.builders import make_deployment, make_values

WEB = Target("shop", "web")
RESTORE = ActionRequest(Kind.RESTORE, (WEB,))


def refusal(values: ControlValues, *, control_on: bool | None) -> str:
    context = PlanContext(control_on, autoscaled=frozenset())
    try:
        check(RESTORE, WEB, make_deployment(), values, context, Rules())
    except Refused as refused:
        return refused.message
    return ""


@pytest.mark.parametrize(
    ("values", "control_on", "reason"),
    [
        (make_values(), True, "enforcement is on and would set control values again"),
        (make_values(), None, "the cluster does not say whether enforcement is on"),
        (make_values(), False, ""),
        (make_values(mode=Mode.OFF), True, ""),
        (make_values(mode=Mode.OBSERVE), True, ""),
        (UNKNOWN, True, "enforcement is on and would keep what runs: switch it off"),
        (UNKNOWN, False, ""),
    ],
)
def test_a_restore_that_the_door_would_undo_is_refused(
    values: ControlValues, control_on: bool | None, reason: str
) -> None:
    told = refusal(values, control_on=control_on)
    assert told.startswith(reason)
    assert bool(told) is bool(reason)
