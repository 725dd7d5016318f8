from __future__ import annotations

from datetime import timedelta

from kubedoor.admission.snapshot.overlay import Overlay
from kubedoor.control_values import UNKNOWN
from kubedoor.model.facts import Facts, ObservationKind
from kubedoor.model.values import WorkloadKey
from tests.support.builders import NOON, make_observation

WEB = WorkloadKey("main", "shop", "web")
NOTHING = (UNKNOWN, Facts())


def test_a_fact_stays_until_a_refresh_that_was_asked_after_it_was_stored() -> None:
    overlay, hpa = Overlay(), make_observation(WEB, ObservationKind.HPA, hpa=True)
    overlay.add_facts([hpa])
    overlay.expire(1e6)
    values, facts = overlay.apply(WEB, NOTHING)
    assert (values.hpa, facts) == (True, Facts(hpa=hpa))
    overlay.mark_stored([hpa], at=1e6)
    overlay.expire(1e6 - 0.01)
    assert overlay.apply(WEB, NOTHING)[0].hpa, "asked before"
    overlay.expire(1e6)
    assert overlay.apply(WEB, NOTHING) is NOTHING


def test_a_fact_added_anew_is_not_marked_as_stored() -> None:
    overlay, off = Overlay(), make_observation(WEB, opted_out=True)
    overlay.add_facts([off, make_observation(WEB, ObservationKind.HPA, hpa=True)])
    again = make_observation(WEB, seen_at=off.seen_at + timedelta(seconds=1))
    overlay.add_facts([again])
    overlay.mark_stored([off], at=1.0)
    overlay.expire(1e6)
    assert overlay.apply(WEB, NOTHING)[1].stored == again


def test_what_the_snapshot_has_counts_where_it_is_newer() -> None:
    overlay = Overlay()
    newer = make_observation(WEB, uid="a", resource_version=12, seen_at=NOON)
    overlay.add_facts([make_observation(WEB, uid="a", resource_version=11, opted_out=True)])
    known = (UNKNOWN, Facts(stored=newer))
    assert overlay.apply(WEB, known) == known
