"""What the door learns of a Deployment: only what is stored teaches, whatever order doors and clocks bring it in."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from kubedoor.admission.facts import IN_FLIGHT, exemptions_at_scale, observations
from kubedoor.admission.looked_facts import LookedFacts
from kubedoor.admission.rules import CONTROL_LABEL, HPA_USER
from kubedoor.model.facts import Facts, Observation, ObservationKind
from kubedoor.model.values import WorkloadKey
from kubedoor.store.connection import Connection
from kubedoor.store.control import ControlStore
from tests.support.builders import (
    NOON,
    at_version,
    make_deployment,
    make_observation,
    make_request,
    make_scale,
)
from tests.unit.admission.test_handler import Harness

WEB = WorkloadKey("main", "shop", "web")
PLAIN, OFF, OWNED = make_deployment(), make_deployment(labels={CONTROL_LABEL: "off"}), make_deployment(owner="rev")
LATER = 2 * IN_FLIGHT


class Deployed:
    """One name at an API server, and the facts that a door keeps of it. A second passes with each request."""

    def __init__(self) -> None:
        self.facts = Facts()
        self.written: list[Observation] = []
        self.now = NOON
        self.version = 100
        self.uid = ""
        self.stored: dict[str, Any] = {}
        self.created_at = NOON

    def _see(self, request: Any, at: datetime | None) -> None:
        found = observations(request, WEB, self.facts, at=at or self.now, is_unsure=False)
        self.written += found
        for one in found:
            self.facts = self.facts.with_newer(one)
        self.now += timedelta(seconds=1)

    def _at_version(self, manifest: dict[str, Any]) -> dict[str, Any]:
        return at_version(manifest, self.version, uid=self.uid, created_at=self.created_at)

    def create(self, manifest: dict[str, Any], *, is_refused: bool = False, at: datetime | None = None) -> None:
        fields = [{"manager": "kubectl", "time": f"{self.now:%Y-%m-%dT%H:%M:%SZ}"}]
        created_at = self.now
        sent = {**manifest, "metadata": {**manifest["metadata"], "managedFields": fields}}
        self._see(make_request(sent), at)
        if not is_refused:
            self.version += 1
            self.uid, self.stored, self.created_at = f"uid-{self.version}", manifest, created_at

    def update(self, manifest: dict[str, Any], *, is_refused: bool = False, at: datetime | None = None) -> None:
        self._see(make_request(self._at_version(manifest), self._at_version(self.stored)), at)
        if not is_refused:
            self.version += 1
            self.stored = manifest

    def scale(self, *, user: str = "alice", at: datetime | None = None) -> tuple[bool, bool]:
        """Whether it is opted out and owned, for all that the door knows."""
        request = make_request(self._at_version(make_scale(3)), self._at_version(make_scale(2)), username=user)
        found = exemptions_at_scale(request, self.facts)
        self._see(request, at)
        self.version += 1
        return found

    def touch_status(self) -> None:
        self.version += 1

    def delete(self) -> None:
        self.uid = ""


@pytest.fixture
def deployed() -> Deployed:
    made = Deployed()
    made.create(PLAIN)
    made.now += timedelta(minutes=5)
    return made


def test_what_is_stored_holds_for_the_next_scale(deployed: Deployed) -> None:
    deployed.update(OFF)
    assert [deployed.scale(), deployed.scale()] == [(True, False)] * 2
    deployed.update(PLAIN)
    assert [deployed.scale(), deployed.scale()] == [(False, False)] * 2
    deployed.update(OWNED)
    assert deployed.scale() == (False, True)


def test_a_refused_update_teaches_nothing(deployed: Deployed) -> None:
    deployed.update(OFF, is_refused=True)
    assert [deployed.scale() for _ in range(3)] == [(False, False)] * 3, "also when scales have been stored since"
    deployed.update(OFF)
    deployed.update(PLAIN, is_refused=True)
    assert [deployed.scale() for _ in range(3)] == [(True, False)] * 3


def test_a_refused_update_that_is_believed_is_forgotten_at_the_next_one(deployed: Deployed) -> None:
    """A status is written without the door: it then takes the update for stored."""
    deployed.update(OFF, is_refused=True)
    deployed.touch_status()
    deployed.update(make_deployment(replicas=7))
    assert deployed.scale() == (False, False)


def test_an_update_of_an_old_version_teaches_nothing(deployed: Deployed) -> None:
    sent = at_version(OFF, deployed.version - 1, uid=deployed.uid)
    deployed._see(make_request(sent, deployed._at_version(PLAIN)), None)
    deployed.touch_status()
    assert (deployed.written, deployed.scale()) == ([], (False, False))


def test_a_scale_that_overtakes_an_update_proves_nothing(deployed: Deployed) -> None:
    at = deployed.now
    deployed.update(OFF, is_refused=True, at=at)
    deployed.scale(at=at + IN_FLIGHT / 2)
    assert deployed.scale() == (True, False), "the update is stored, the scale that came before it was sent again"


def test_a_creation_holds_until_something_stored_is_seen(deployed: Deployed) -> None:
    deployed.delete()
    deployed.create(OFF)
    assert [deployed.scale(), deployed.scale()] == [(True, False)] * 2
    deployed.update(OFF)
    deployed.update(PLAIN)
    assert deployed.scale() == (False, False)


def test_a_refused_creation_teaches_nothing(deployed: Deployed) -> None:
    deployed.create(OFF, is_refused=True)
    assert deployed.scale() == (False, False), "the name existed"
    deployed.update(OFF)
    deployed.create(PLAIN, is_refused=True)
    assert deployed.scale() == (True, False)
    deployed.delete()
    deployed.create(OFF, is_refused=True)
    deployed.create(PLAIN)
    assert deployed.scale() == (False, False)


@pytest.mark.parametrize(("before", "after"), [(OFF, PLAIN), (PLAIN, OFF), (OFF, OWNED)])
@pytest.mark.parametrize("behind", [timedelta(0), timedelta(hours=1)], ids=["right clock", "clock stepped back"])
def test_made_anew_under_the_same_name(before: dict[str, Any], after: dict[str, Any], behind: timedelta) -> None:
    deployed = Deployed()
    deployed.create(before)
    deployed.update(before)
    deployed.update(before)
    deployed.delete()
    deployed.now += timedelta(minutes=2)
    deployed.create(after, at=deployed.now - behind)
    expected = (after is OFF, after is OWNED)
    assert deployed.scale(at=deployed.now - behind) == expected
    deployed.update(after, at=deployed.now - behind)
    assert deployed.scale(at=deployed.now - behind) == expected


def test_what_held_for_another_deployment_of_this_name_does_not_count() -> None:
    known = Facts(stored=make_observation(WEB, uid="old", resource_version=900, opted_out=True))
    scale = make_request(at_version(make_scale(3), 1000, uid="new"), at_version(make_scale(2), 1000, uid="new"))
    assert exemptions_at_scale(scale, known) == (False, False)
    assert exemptions_at_scale(make_request(make_scale(3), make_scale(2)), known) == (True, False), "it may be this one"


def test_a_clock_that_steps_back_changes_no_order(deployed: Deployed) -> None:
    hour = timedelta(hours=1)
    deployed.update(OFF)
    deployed.update(OFF)
    deployed.update(PLAIN, at=deployed.now - hour)
    assert deployed.scale(at=deployed.now - hour) == (False, False)
    deployed.update(PLAIN, at=deployed.now - hour)
    deployed.update(OFF, at=deployed.now - 2 * hour)
    assert deployed.scale() == (True, False)


def test_unchanged_facts_are_not_written(deployed: Deployed) -> None:
    deployed.update(make_deployment(replicas=4))
    deployed.scale()
    assert deployed.written == []
    deployed.update(OFF)
    deployed.update(OFF)
    count = len(deployed.written)
    for _ in range(3):
        deployed.update(OFF)
        deployed.scale()
        deployed.scale(user=HPA_USER)
    assert len(deployed.written) == count + 1, "the HPA, once"


def test_in_whatever_order_observations_are_stored_the_newest_counts(embedded: Connection, cluster: str) -> None:
    """The view of the store, and the same in memory."""
    harness_key = WorkloadKey(cluster, "shop", "web")
    kinds = (ObservationKind.STORED, ObservationKind.SHOWN)
    seen = [
        make_observation(
            harness_key,
            kind,
            uid=uid,
            resource_version=version,
            seen_at=NOON + timedelta(minutes=moment),
            opted_out=moment % 2 == 0,
        )
        for moment, (kind, uid, version) in enumerate(
            [(kinds[0], "a", 9), (kinds[1], "a", 9), (kinds[0], "a", 7), (kinds[1], "a", 8), (kinds[0], "a", 8)]
        )
    ]
    newest = Facts(stored=seen[0], shown=seen[1])
    control = ControlStore(embedded, cluster)
    for order in random.Random(7).sample(list(permutations(seen)), 5):
        facts = Facts()
        for one in order:
            facts = facts.with_newer(one)
            control.record_facts([one], seen_by="door")
        assert facts == newest
        assert control.facts_of_each([harness_key])[harness_key] == newest
    anew = make_observation(harness_key, uid="b", resource_version=3, seen_at=NOON + timedelta(hours=1))
    control.record_facts([anew], seen_by="door")
    assert control.facts_of_each([harness_key])[harness_key] == newest.with_newer(anew) == Facts(stored=anew)


# A look


def look(known: Facts, manifest: dict[str, Any] | None, at: datetime, *, has_hpa: bool = False) -> Facts:
    looked = LookedFacts({WEB: known}, hpas=(), scaled={WEB} if has_hpa else (), at=at)
    if manifest:
        looked.see(WEB, manifest)
    for one in looked.changed():
        known = known.with_newer(one)
    return known


def test_a_look_ends_what_is_wrong_and_leaves_what_is_newer(deployed: Deployed) -> None:
    deployed.update(OFF, is_refused=True)
    stored = deployed._at_version(PLAIN)
    assert look(deployed.facts, stored, NOON).shown, "it may be under way"
    facts = look(deployed.facts, stored, deployed.now)
    assert (facts.shown, facts.stored and facts.stored.exemptions) == (None, (False, False))
    assert look(facts, stored, deployed.now + LATER) is facts, "once"


def test_a_look_clears_what_is_known_of_deployments_that_are_gone(deployed: Deployed) -> None:
    deployed.update(OFF)
    deployed.update(OWNED)
    deployed.scale(user=HPA_USER)
    known = deployed.facts
    assert look(known, None, NOON) == known, "it was seen since"
    facts = look(known, None, deployed.now + timedelta(minutes=1))
    assert facts.stored
    assert facts.hpa
    assert (facts.stored.exemptions, facts.shown, facts.hpa.hpa) == ((False, False), None, False)


def test_an_hpa_that_has_scaled_during_a_look_stays(deployed: Deployed) -> None:
    before = deployed.facts
    deployed.scale(user=HPA_USER)
    gone = look(before, deployed._at_version(PLAIN), deployed.now)
    assert gone.hpa is None
    facts = look(deployed.facts, deployed._at_version(PLAIN), NOON)
    assert facts.hpa is not None
    assert facts.hpa.hpa
    ended = look(facts, deployed._at_version(PLAIN), deployed.now + LATER)
    assert ended.hpa is not None
    assert not ended.hpa.hpa


# Two doors on one store


@pytest.fixture
def doors(embedded: Connection, cluster: str, tmp_path: Path) -> tuple[Harness, Harness]:
    one, two = (Harness(embedded, cluster, tmp_path / name) for name in ("one", "two"))
    one.set_replicas(3)
    for door in (one, two):
        door.scale(10)
    return one, two


def is_controlled(door: Harness, version: int) -> bool:
    door.version, door.clock.ahead = version, door.clock.ahead + 2
    return "patch" in door.scale(10)


def test_an_outage_between_two_doors_leaves_the_newest(doors: tuple[Harness, Harness]) -> None:
    one, two = doors
    one.version = two.version = 20
    one.control.is_away = True
    one.clock.ahead += 2
    one.change(OFF, PLAIN)
    one.change(OFF, OFF)
    one.handler.journal.flush()
    two.version = one.version
    two.change(PLAIN, OFF)
    two.change(PLAIN, PLAIN)
    two.rows()
    assert is_controlled(two, 30)
    one.control.is_away = False
    one.clock.ahead += 5
    one.rows()
    assert [is_controlled(door, 40) for door in doors] == [True, True], "what was written last is older"


def test_a_door_whose_clock_is_behind_is_believed(
    doors: tuple[Harness, Harness], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = doors
    one.version = 20
    one.change(OFF, PLAIN)
    one.change(OFF, OFF)
    one.rows()
    real = two.handler._now
    monkeypatch.setattr(two.handler, "_now", lambda: real() - timedelta(hours=1))
    assert not is_controlled(two, 30)
    two.change(PLAIN, OFF)
    two.rows()
    assert [is_controlled(door, 40) for door in doors] == [True, True]


def test_a_refused_update_at_one_door_teaches_no_other(
    doors: tuple[Harness, Harness], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = doors
    one.version = 20
    one.change(OFF, PLAIN, is_refused=True)
    one.rows()
    real = two.handler._now
    monkeypatch.setattr(two.handler, "_now", lambda: real() + LATER)
    assert is_controlled(two, 20)
    two.rows()
    assert [is_controlled(door, 30) for door in doors] == [True, True]
