from __future__ import annotations

from kubedoor.admission.snapshot.overlay import HOLDS_SECONDS, Newer
from kubedoor.control_values import UNKNOWN
from kubedoor.model.values import WorkloadKey

WEB = WorkloadKey("main", "shop", "web")


def test_a_fact_holds_until_it_is_stored_and_a_while_from_then_on() -> None:
    newer = Newer()
    newer.note(WEB, {"hpa": True})
    newer.confirmed(1e6)
    assert newer.over(WEB, UNKNOWN).hpa
    newer.stored([(WEB, "hpa", True)], at=1e6)
    newer.confirmed(1e6 + HOLDS_SECONDS - 1)
    assert newer.over(WEB, UNKNOWN).hpa
    newer.confirmed(1e6 + HOLDS_SECONDS)
    assert newer.over(WEB, UNKNOWN) is UNKNOWN


def test_what_is_shown_while_something_else_is_stored_is_not_stored() -> None:
    newer = Newer()
    newer.note(WEB, {"opted_out": True, "owned": True})
    newer.note(WEB, {"opted_out": False})
    newer.stored([(WEB, "opted_out", True), (WEB, "owned", True)], at=1.0)
    newer.confirmed(1e6)
    assert newer.shown(WEB) == {"opted_out": False}
