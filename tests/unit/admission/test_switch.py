"""What the switch says and does where KubeDoor has fewer rights than its setting needs, and where namespaces refuse."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from kubedoor.admission.native.policy_switch import PolicySwitch
from kubedoor.admission.native.writer import WriteState
from kubedoor.admission.rules import Rules
from kubedoor.admission.switch import BOTH, NATIVE, WEBHOOK, Part, Switch
from kubedoor.admission.webhook_configuration import WebhookOptions
from kubedoor.errors import Forbidden
from kubedoor.sentences import sentence
from tests.support.objects import ALL_OF_POLICIES, POLICIES, Objects


def make_switch(
    objects: Objects,
    door: str,
    write: Callable[[], object] = lambda: None,
    written: WriteState | None = None,
    port: int = 443,
) -> Switch:
    options = WebhookOptions("kubedoor", "kubedoor-mutate", port, 2, "Ignore", (), ca="CA", door=door)
    return Switch(
        cluster=objects,
        look=lambda: None,
        options=lambda: options,
        door=door,
        policies=PolicySwitch(objects, Rules(), write, traced=door == BOTH, written=lambda: written or WriteState()),
        sleep=lambda _seconds: None,
    )


def forbidden() -> None:
    raise Forbidden("not allowed to write controlvalues")


@pytest.mark.parametrize(
    ("not_allowed", "write"),
    [("$^", forbidden), (f"PATCH .*{POLICIES}", lambda: None), ("PATCH .*bindings", lambda: None)],
    ids=["control values", "policies", "bindings"],
)
def test_both_is_the_webhook_alone_where_policies_may_not_be_made(not_allowed: str, write: Callable[[], None]) -> None:
    objects = Objects()
    objects.forbidden = not_allowed
    state = make_switch(objects, BOTH, write).turn_on()
    assert (state.enabled, state.webhook, state.policies) == (True, Part.ON, Part.OFF)
    assert (state.reason.code, state.is_current) == ("cluster.webhook_alone", False)
    with pytest.raises(Forbidden):
        make_switch(objects, NATIVE, write).turn_on()


@pytest.mark.parametrize("door", [BOTH, WEBHOOK])
def test_policies_that_may_not_be_read_are_not_taken_for_off(door: str) -> None:
    objects = Objects()
    assert make_switch(objects, BOTH).turn_on().is_current
    objects.forbidden = ALL_OF_POLICIES
    switch = make_switch(objects, door)
    on = switch.state()
    assert (on.enabled, on.webhook, on.policies) == (True, Part.ON, Part.UNKNOWN)
    assert on.reason == "whether native policies enforce is not known: not allowed"
    off = switch.turn_off()
    assert (off.enabled, off.webhook, off.reason.code) == (None, Part.OFF, "cluster.policies_unread")
    assert len(objects.policies) == 6


def test_policies_that_may_not_be_deleted_are_still_on() -> None:
    objects = Objects()
    make_switch(objects, BOTH).turn_on()
    objects.forbidden = f"DELETE .*{POLICIES}"
    off = make_switch(objects, BOTH).turn_off()
    assert (off.enabled, off.webhook, off.policies) == (True, Part.OFF, Part.ON)
    assert off.reason.code == "cluster.policies_alone"


@pytest.mark.parametrize("door", [BOTH, WEBHOOK])
def test_without_the_kind_of_the_parameters_no_policy_enforces(door: str) -> None:
    """Whatever rights there are: a policy without it does nothing."""
    objects = Objects(knows_values=False)
    objects.forbidden = ALL_OF_POLICIES
    switch = make_switch(objects, door)
    on = switch.turn_on()
    assert (on.enabled, on.is_current, on.webhook, on.policies) == (True, True, Part.ON, Part.UNAVAILABLE)
    off = switch.turn_off()
    assert (off.enabled, off.reason, off.policies) == (False, "", Part.UNAVAILABLE)


def test_namespaces_that_refuse_their_values_are_named_in_the_answer() -> None:
    state = make_switch(Objects(), BOTH, written=WriteState(refusing=("pay",))).turn_on()
    assert (state.enabled, state.is_current) == (True, True)
    assert state.reason == (
        "1 namespace has refused its control values, so that native policies do nothing there or set older ones: pay"
    )


def test_values_that_are_kept_are_told_in_the_answer() -> None:
    kept = sentence("cluster.values_kept", count=3, all=4)
    state = make_switch(Objects(), BOTH, written=WriteState(trouble=kept, is_kept=True)).turn_on()
    assert (state.enabled, state.is_current, state.reason) == (True, True, kept)


@pytest.mark.parametrize(("before", "now"), [(WEBHOOK, BOTH), (BOTH, WEBHOOK), (NATIVE, BOTH), (BOTH, NATIVE)])
def test_what_is_on_says_for_which_setting_it_was_made(before: str, now: str) -> None:
    objects = Objects()
    assert make_switch(objects, now).door_before() == "", "nothing is on"
    make_switch(objects, before).turn_on()
    assert make_switch(objects, before).door_before() == ""
    assert make_switch(objects, now).door_before() == before
    make_switch(objects, now).turn_on(by_itself=True)
    assert make_switch(objects, now).door_before() == ""
    make_switch(objects, now).turn_off()
    assert make_switch(objects, before).door_before() == "", "what is off stays off"


def test_a_half_that_was_taken_away_by_hand_is_not_brought_back() -> None:
    objects = Objects()
    make_switch(objects, BOTH).turn_on()
    for path in list(objects.policies):
        del objects.stored[path]
    assert make_switch(objects, BOTH).door_before() == ""


def test_the_webhook_of_another_kubedoor_is_left_alone() -> None:
    objects = Objects()
    make_switch(objects, WEBHOOK).turn_on()
    assert make_switch(objects, BOTH, port=8443).door_before() == ""
