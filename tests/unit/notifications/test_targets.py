"""Where channels may lead to: checked when they are saved, and at each connection."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from kubedoor.errors import InvalidInput
from kubedoor.notifications.channel import NotDelivered, send, service_of
from kubedoor.notifications.targets import Targets
from tests.support.receiver import running_receiver

INTERNAL = [
    "json://10.1.2.3/hook",
    "jsons://172.16.0.1/hook",
    "json://192.168.1.1",
    "json://127.0.0.1:9090/-/quit",
    "json://2130706433/hook",
    "json://169.254.169.254/latest/meta-data",
    "json://100.64.0.1/hook",
    "json://0.0.0.0/hook",
    "json://[::1]/hook",
    "json://[::ffff:10.0.0.1]/hook",
    "json://[fd00::1]/hook",
    "json://[64:ff9b::a00:1]/hook",
    "json://localhost/hook",
    "mmost://10.1.2.3/3ccdd113474722377935511fc85d3dd4",
    "mailto://user:pass@example.com?smtp=10.1.2.3",
]


@pytest.mark.parametrize("url", INTERNAL)
def test_an_address_that_is_not_public_needs_the_setting(url: str) -> None:
    with pytest.raises(InvalidInput, match="KUBEDOOR_NOTIFICATION_HOSTS") as refused:
        service_of(url)
    assert refused.value.details["field"] == "url"


@pytest.mark.parametrize(
    ("url", "hosts"),
    [
        ("json://10.1.2.3/hook", ("10.1.0.0/16",)),
        ("json://127.0.0.1:9/hook", ("127.0.0.1",)),
        ("json://[::1]/hook", ("::1",)),
        ("json://localhost/hook", ("localhost",)),
        ("mmost://10.1.2.3/3ccdd113474722377935511fc85d3dd4", ("*", "10.0.0.0/8")),
        ("discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js", ()),
    ],
)
def test_what_the_setting_names_is_allowed(url: str, hosts: tuple[str, ...]) -> None:
    assert service_of(url, Targets(hosts))


def resolving(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    """Every name points to the next of these addresses."""
    left = list(addresses)
    real = socket.getaddrinfo

    def resolve(host: Any, port: Any, *rest: Any, **options: Any) -> Any:
        if not str(host).endswith(".test"):
            return real(host, port, *rest, **options)
        address = left.pop(0) if len(left) > 1 else left[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)


def test_a_name_that_points_to_an_address_inside_is_refused_at_sending(monkeypatch: pytest.MonkeyPatch) -> None:
    with running_receiver() as receiver:
        resolving(monkeypatch, "127.0.0.1")
        url = f"json://rebound.test:{receiver.port}/hook"
        assert service_of(url), "nobody knows yet where it points to"
        with pytest.raises(NotDelivered, match=r"127\.0\.0\.1\)? is not a public address"):
            send(url, "t", "b")
        assert receiver.bodies == []
        send(url, "t", "b", Targets(("rebound.test",)))
        assert len(receiver.bodies) == 1
        with pytest.raises(NotDelivered, match="is not a public address"):
            send(url, "t", "b", Targets(("*",)))


def test_a_name_that_points_elsewhere_after_it_was_checked_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The address that is connected to counts, however often the name was resolved before."""
    with running_receiver() as receiver:
        resolving(monkeypatch, "192.0.2.1", "127.0.0.1")
        socket.getaddrinfo("rebound.test", 80)
        with pytest.raises(NotDelivered, match="is not a public address"):
            send(f"json://rebound.test:{receiver.port}/hook", "t", "b")
        assert receiver.bodies == []


def test_a_list_without_a_star_is_all_there_is() -> None:
    targets = Targets(("chat.example.com", "*.corp.example.com"))
    assert targets.refuses_name("chat.example.com") == targets.refuses_name("a.corp.example.com") == ""
    assert "hooks.slack.com is not among the hosts" in targets.refuses_name("hooks.slack.com")
    assert targets.refuses_address("8.8.8.8", name="chat.example.com") == ""
    assert "is not among" in targets.refuses_address("8.8.8.8")
    assert Targets(("*", "10.0.0.0/8")).refuses_name("hooks.slack.com") == ""


def test_nothing_else_in_the_process_is_checked() -> None:
    with running_receiver() as receiver:
        with pytest.raises(NotDelivered):
            send(receiver.url, "t", "b")
        socket.create_connection(("127.0.0.1", receiver.port)).close()
