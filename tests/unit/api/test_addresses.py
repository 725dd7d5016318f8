"""Client addresses: only what trusted proxies say is believed, and nobody inside can make one up."""

from __future__ import annotations

import pytest
from fastapi import Request

from functions.api.security.addresses import client_address, is_loopback, route_of
from functions.api.security.request_checks import addresses
from kubedoor.config.settings import Settings, load


def settings_of(hops: int, networks: str = "") -> Settings:
    return load({"KUBEDOOR_TRUSTED_HOPS": str(hops), "KUBEDOOR_TRUSTED_PROXIES": networks})


def request_from(host: str, *forwarded: str) -> Request:
    lines = [(b"x-forwarded-for", line.encode()) for line in forwarded]
    return Request({"type": "http", "client": (host, 50000), "headers": lines})


@pytest.mark.parametrize(
    ("host", "forwarded", "want"),
    [
        pytest.param("192.0.2.1", (), "192.0.2.1", id="direct"),
        pytest.param("192.0.2.1", ("203.0.113.5",), "192.0.2.1", id="direct and lying"),
        pytest.param("10.0.0.1", ("203.0.113.5",), "203.0.113.5", id="by a proxy"),
        pytest.param("10.0.0.1", ("198.51.100.66, 203.0.113.5, 10.0.0.9",), "203.0.113.5", id="by two and lying"),
        pytest.param("10.0.0.1", ("198.51.100.66", "203.0.113.5"), "203.0.113.5", id="lying, the proxy adds a line"),
        pytest.param("10.0.0.1", ("203.0.113.5:50123",), "203.0.113.5", id="with a port"),
        pytest.param("10.0.0.1", ("[2001:db8::5]:50123",), "2001:db8::5", id="IPv6 with a port"),
        pytest.param("10.0.0.1", ("2001:db8::5",), "2001:db8::5", id="IPv6"),
        pytest.param("10.0.0.1", ("nonsense",), "nonsense", id="unreadable"),
        pytest.param("10.0.0.1", (), "10.0.0.1", id="a proxy itself"),
        pytest.param("::ffff:10.0.0.1", ("203.0.113.5, ::ffff:10.0.0.9",), "203.0.113.5", id="IPv4 seen as IPv6"),
        pytest.param("::ffff:192.0.2.1", ("203.0.113.5",), "192.0.2.1", id="seen as IPv6, not trusted"),
    ],
)
def test_only_trusted_proxies_are_believed(host: str, forwarded: tuple[str, ...], want: str) -> None:
    assert client_address(request_from(host, *forwarded), settings_of(0, "10.0.0.0/8")) == want


FORGED = "198.51.100.66"


@pytest.mark.parametrize(
    ("hops", "forwarded", "want"),
    [
        pytest.param(1, "203.0.113.5", "203.0.113.5", id="by one"),
        pytest.param(2, "203.0.113.5, 10.0.0.9", "203.0.113.5", id="by two"),
        pytest.param(2, f"{FORGED}, 203.0.113.5, 10.0.0.9", "203.0.113.5", id="by two and lying"),
        pytest.param(2, f"{FORGED}, 10.0.0.77, 10.0.0.9", "10.0.0.77", id="a pod that comes by the gateway and lies"),
        pytest.param(1, f"{FORGED}, 10.0.0.77", "10.0.0.77", id="a pod that goes to the port of the pod and lies"),
        pytest.param(3, "203.0.113.5, 10.0.0.9", "203.0.113.5", id="fewer proxies than said"),
        pytest.param(0, "203.0.113.5", "127.0.0.1", id="none trusted"),
        pytest.param(2, "", "127.0.0.1", id="nothing forwarded"),
    ],
)
def test_as_many_proxies_as_there_are_are_believed(hops: int, forwarded: str, want: str) -> None:
    lines = (forwarded,) if forwarded else ()
    assert client_address(request_from("127.0.0.1", *lines), settings_of(hops)) == want


def test_networks_of_pods_let_every_pod_make_up_its_address_and_hops_do_not() -> None:
    lying = request_from("127.0.0.1", f"{FORGED}, 10.0.0.77, 10.0.0.9")
    assert client_address(lying, settings_of(0, "10.0.0.0/8,127.0.0.1")) == FORGED
    assert client_address(lying, settings_of(2)) == "10.0.0.77"
    assert client_address(lying, settings_of(2, "10.0.0.0/8,127.0.0.1")) == "10.0.0.77"


def test_hops_and_networks_must_both_hold() -> None:
    past_the_gateway = request_from("127.0.0.1", f"{FORGED}, 10.0.0.77")
    assert client_address(past_the_gateway, settings_of(2, "10.0.0.9/32,127.0.0.1")) == "10.0.0.77"


def test_the_proxies_on_the_way_are_named() -> None:
    route = route_of(request_from("127.0.0.1", f"{FORGED}, 203.0.113.5, 10.0.0.9"), settings_of(2))
    assert (route.address, route.proxies) == ("203.0.113.5", ("10.0.0.9", "127.0.0.1"))


@pytest.mark.parametrize(
    ("hops", "forwarded", "want"),
    [
        pytest.param(0, "203.0.113.5", "you come by the proxy 127.0.0.1, which is not trusted", id="none trusted"),
        pytest.param(1, "203.0.113.5", "", id="as many as there are"),
        pytest.param(2, f"{FORGED}, 203.0.113.5, 10.0.0.9", "", id="and somebody lies"),
        pytest.param(3, "203.0.113.5, 10.0.0.9", "everybody can make up an address", id="fewer than said"),
    ],
)
def test_the_checkup_finds_a_wrong_number_of_proxies(hops: int, forwarded: str, want: str) -> None:
    (check,) = addresses(request_from("127.0.0.1", forwarded), settings_of(hops))
    assert check.ok is not bool(want)
    assert want in check.detail
    assert bool(check.remedy) is bool(want)


def test_the_checkup_says_nothing_of_addresses_where_there_is_no_proxy() -> None:
    assert list(addresses(request_from("127.0.0.1"), settings_of(2))) == []


@pytest.mark.parametrize(("host", "want"), [("127.0.0.1", True), ("::1", True), ("::ffff:127.0.0.1", True), ("::ffff:10.0.0.1", False), ("", False)])  # fmt: skip
def test_loopback_is_known_in_both_families(host: str, want: bool) -> None:
    assert is_loopback(request_from(host)) is want
    assert not is_loopback(request_from(host, "203.0.113.5"))
