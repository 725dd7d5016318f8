"""Withheld values on their way to the door: from the store, through the snapshot and its file, into the record."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest

from kubedoor.model.collected import CollectedContainer, CollectedValues
from kubedoor.model.conditions import CPU_REQUEST, REPLICAS, ConditionType
from kubedoor.model.values import Resources
from kubedoor.store.conditions import ConditionStore
from tests.support.builders import DAY, make_condition, make_container, make_deployment, make_request
from tests.unit.admission.test_handler import Harness, harness

__all__ = ["harness"]
MI = 2**20
LINE = "KubeDoor: replicas left at 10 (withheld: ShortHistory)"


@pytest.fixture
def withheld(harness: Harness) -> Harness:
    """Replicas and the CPU request of `web` are withheld."""
    app = CollectedContainer("app", Resources(120, 256 * MI))
    short = make_condition(ConditionType.SHORT_HISTORY, CPU_REQUEST, REPLICAS)
    values = CollectedValues("shop", "web", 3, DAY, DAY, (app,), days=1, conditions=(short,))
    harness.control.replace_collected([values], run=1, rule="peak-day")
    return harness


def accept(harness: Harness, *, until: datetime | None = None) -> None:
    store = ConditionStore(harness.connection, harness.key.cluster)
    store.accept({harness.key: [ConditionType.SHORT_HISTORY]}, until=until, note="", who="alice")


def test_a_withheld_field_is_left_and_the_record_says_why(withheld: Harness) -> None:
    release = make_deployment(replicas=10, containers=[make_container(requests={"cpu": "1"})])
    line = "KubeDoor: replicas left at 10, cpu request of app at 1 (withheld: ShortHistory)"
    (response,) = withheld.admit(make_request(release))
    assert response["warnings"] == ["KubeDoor: app requests: memory none -> 256Mi (collected)", line]
    assert withheld.scale(10)["warnings"] == [LINE]
    scaled, released = withheld.rows()
    assert (scaled["outcome"], scaled["reason"], scaled["warnings"]) == (
        "unchanged",
        "withheld: ShortHistory",
        [LINE],
    )
    assert line in released["warnings"]
    assert released["after"] == {"app memory request": "256Mi"}


def test_an_acceptance_counts_from_the_next_refresh_to_its_end(withheld: Harness) -> None:
    assert withheld.scale(10)["warnings"] == [LINE]
    accept(withheld, until=datetime.now(UTC) + timedelta(seconds=3))
    withheld.clock.ahead += 1.1
    assert withheld.scale(10)["warnings"] == ["KubeDoor: replicas 10 -> 3 (collected)"]
    time.sleep(3)
    withheld.clock.ahead += 1.1
    assert withheld.scale(10)["warnings"] == [LINE]


@pytest.mark.parametrize("is_accepted", [False, True])
def test_a_door_that_starts_from_its_file_knows_what_is_withheld(withheld: Harness, is_accepted: bool) -> None:
    if is_accepted:
        accept(withheld)
    withheld.scale(10)
    withheld.handler.journal.flush()
    restarted = withheld.make_snapshot()
    withheld.control.is_away = True
    withheld.handler = withheld.make_handler(restarted)
    first = withheld.scale(10)["warnings"][0]
    assert first == ("KubeDoor: replicas 10 -> 3 (collected)" if is_accepted else LINE)


def test_the_file_of_an_older_version_withholds_nothing(withheld: Harness) -> None:
    accept(withheld)
    withheld.scale(10)
    withheld.handler.journal.flush()
    text = withheld.path.read_text(encoding="utf-8")
    withheld.path.write_text(text.replace('"withheld"', '"unknown"').replace('"withheld_replicas"', '"unknown_too"'))
    restarted = withheld.make_snapshot()
    withheld.control.is_away = True
    withheld.handler = withheld.make_handler(restarted)
    assert withheld.scale(10)["warnings"][0] == "KubeDoor: replicas 10 -> 3 (collected)"
