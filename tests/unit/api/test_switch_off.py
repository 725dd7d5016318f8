"""What the record says of a switch-off that has left something."""

from __future__ import annotations

from types import SimpleNamespace

from functions.api.routes.control import set_control
from functions.api.schemas.control import ControlBody
from kubedoor.identity.audit import Editor
from kubedoor.store.connection import Connection
from kubedoor.store.records import RecordFilter, RecordStore
from tests.support.objects import POLICIES, Objects
from tests.unit.admission.test_switch import make_switch


def test_a_switch_off_that_has_left_policies_is_not_done(embedded: Connection, cluster: str) -> None:
    objects, records = Objects(), RecordStore(embedded, cluster)
    switch = make_switch(objects, "both")
    settings = SimpleNamespace(cluster=cluster)
    services = SimpleNamespace(cluster=objects, switch=switch, records=records, settings=settings)
    switch.turn_on()
    objects.forbidden = f"DELETE .*{POLICIES}"
    answer = set_control(ControlBody(enabled=False, note="sale"), services, Editor("bob", "session", ""))  # type: ignore[arg-type]
    assert (answer.enabled, answer.webhook, answer.policies) == (True, "off", "on")
    (entry,) = records.find_audit(RecordFilter(action="control.off"), limit=9)
    assert (entry["who"], entry["outcome"], entry["after"]["note"]) == ("bob", "failed", "sale")
    left = "enforcement is not off as a whole: the native policies enforce, but the webhook is off"
    assert entry["after"]["error"] == left
    objects.forbidden = "$^"
    assert set_control(ControlBody(enabled=False), services, Editor("bob", "session", "")).enabled is False  # type: ignore[arg-type]
    assert records.find_audit(RecordFilter(action="control.off"), limit=1)[0]["outcome"] == "done"
