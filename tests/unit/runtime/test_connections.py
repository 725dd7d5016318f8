"""Who is dropped, and when."""

from __future__ import annotations

import logging

import pytest

from kubedoor.runtime.connections import ANSWER_SECONDS, Connection, Connections, Limits, Phase

LIMITS = Limits(connections=3, request_seconds=5, idle_seconds=100, bodies_bytes=1000)


class House:
    """Connections by name, on a clock that the test moves."""

    def __init__(self) -> None:
        self.now = 0.0
        self.dropped: list[str] = []
        self.connections = Connections(LIMITS, lambda: self.now)
        self._by_name: dict[str, Connection] = {}

    def open(self, name: str, phase: Phase = Phase.IDLE) -> bool:
        connection = self.connections.opened(lambda: self.dropped.append(name))
        if connection is None:
            return False
        self._by_name[name] = connection
        self.connections.entered(connection, phase)
        return True

    def __getitem__(self, name: str) -> Connection:
        return self._by_name[name]

    def wait(self, seconds: float) -> None:
        """In steps of a second, with a sweep after each."""
        for _ in range(round(seconds)):
            self.now += 1
            self.connections.sweep()


@pytest.fixture
def house() -> House:
    return House()


@pytest.mark.parametrize(
    ("phase", "seconds"),
    [
        (Phase.HANDSHAKE, 5),
        (Phase.HEAD, 5),
        (Phase.BODY, 5),
        (Phase.IDLE, 100),
        (Phase.ANSWER, ANSWER_SECONDS),
    ],
)
def test_each_phase_has_its_time(house: House, phase: Phase, seconds: float) -> None:
    house.open("slow", phase)
    house.wait(seconds - 1)
    assert house.dropped == []
    house.wait(1)
    assert house.dropped == ["slow"]
    assert len(house.connections) == 0


def test_a_full_house_drops_whoever_has_used_most_of_its_time(house: House) -> None:
    house.open("idle for half a minute")
    house.now = 28
    house.open("half a head, for two seconds", Phase.HEAD)
    house.now = 30
    house.open("shaking hands", Phase.HANDSHAKE)
    assert house.open("newcomer")
    assert house.dropped == ["half a head, for two seconds"]
    assert house.open("another")
    assert house.dropped[1:] == ["idle for half a minute"]


def test_nobody_who_waits_for_an_answer_makes_room(house: House) -> None:
    for name in ("one", "two", "three"):
        house.open(name, Phase.ANSWER)
    house.now = 10
    assert not house.open("newcomer")
    assert house.dropped == []
    house.connections.gone(house["one"])
    house.connections.gone(house["one"])
    assert house.open("newcomer")


def test_bodies_beyond_their_memory_drop_the_slowest_sender(house: House) -> None:
    for name in ("first", "second"):
        house.open(name, Phase.BODY)
        house.connections.body_grew(house[name], 400)
        house.now += 1
    house.open("waiting", Phase.ANSWER)
    house.connections.body_grew(house["second"], 300)
    assert house.dropped == ["first"]
    assert house.connections.bodies_bytes == 700
    house.connections.body_grew(house["second"], 400)
    assert house.dropped == ["first", "second"]
    assert house.connections.bodies_bytes == 0


def test_a_body_counts_until_it_is_answered_also_when_its_client_is_gone(house: House) -> None:
    house.open("one", Phase.BODY)
    house.connections.body_grew(house["one"], 900)
    house.connections.entered(house["one"], Phase.ANSWER)
    house.connections.gone(house["one"])
    house.open("two", Phase.BODY)
    house.connections.body_grew(house["two"], 200)
    assert house.dropped == ["two"]
    house.connections.answered(house["one"])
    assert house.connections.bodies_bytes == 0


def test_a_loop_that_stood_still_blames_nobody(house: House) -> None:
    house.open("unread", Phase.HEAD)
    house.now += 20
    house.connections.sweep()
    assert house.dropped == []
    house.wait(1)
    assert house.dropped == ["unread"]


def test_what_was_dropped_is_logged_once_a_sweep_but_not_idle_connections(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    house.open("idle")
    house.wait(95)
    house.open("head", Phase.HEAD)
    house.open("body", Phase.BODY)
    with caplog.at_level(logging.WARNING):
        house.wait(10)
    assert caplog.messages == ["the door dropped connections: slow body: 1, slow head: 1"]
    assert sorted(house.dropped) == ["body", "head", "idle"]


def test_closing_all_lets_answers_be_finished(house: House) -> None:
    house.open("idle")
    house.open("half a handshake", Phase.HANDSHAKE)
    house.open("waiting", Phase.ANSWER)
    house.connections.close_all()
    assert sorted(house.dropped) == ["half a handshake", "idle"]
