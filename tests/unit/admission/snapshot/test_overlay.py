from __future__ import annotations

from kubedoor.admission.snapshot.overlay import Overlay
from kubedoor.control_values import UNKNOWN
from kubedoor.model.values import WorkloadKey

WEB = WorkloadKey("main", "shop", "web")


def test_a_fact_stays_until_a_refresh_that_was_asked_after_it_was_stored() -> None:
    overlay = Overlay()
    overlay.add_facts(WEB, {"hpa": True})
    overlay.expire(1e6)
    assert overlay.apply(WEB, UNKNOWN).hpa
    overlay.mark_stored([(WEB, "hpa", True)], at=1e6)
    overlay.expire(1e6 - 0.01)
    assert overlay.apply(WEB, UNKNOWN).hpa, "asked before"
    overlay.expire(1e6)
    assert overlay.apply(WEB, UNKNOWN) is UNKNOWN


def test_a_fact_added_anew_is_not_marked_as_stored() -> None:
    overlay = Overlay()
    overlay.add_facts(WEB, {"opted_out": True, "owned": True})
    overlay.add_facts(WEB, {"opted_out": False})
    overlay.mark_stored([(WEB, "opted_out", True), (WEB, "owned", True)], at=1.0)
    overlay.expire(1e6)
    assert overlay.facts_of(WEB) == {"opted_out": False}
