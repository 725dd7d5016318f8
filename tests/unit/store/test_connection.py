from __future__ import annotations

import pytest

from kubedoor.errors import InvalidInput
from kubedoor.config.store_address import parse_dsn


@pytest.mark.parametrize(
    ("dsn", "want"),
    [
        ("chdb:///data/store", ("chdb", "/data/store", "kubedoor")),
        ("chdb:///data/store?database=t1", ("chdb", "/data/store", "t1")),
        ("http://db", ("http", "", "kubedoor")),
        ("https://u:p%40ss@db:9440/other", ("https", "", "other")),
    ],
)
def test_a_dsn_is_parsed(dsn: str, want: tuple[str, str, str]) -> None:
    address = parse_dsn(dsn)
    assert (address.interface, address.path, address.database) == want


def test_ports_and_passwords_of_a_dsn() -> None:
    address = parse_dsn("https://u:p%40ss@db/x")
    assert (address.port, address.username, address.password) == (8443, "u", "p@ss")
    assert parse_dsn("http://db").username == "default"
    assert "p@ss" not in repr(address)


@pytest.mark.parametrize("dsn", ["postgres://x", "http://db/bad-name", "http://db:port/x", "chdb:///x?database=a;b"])
def test_a_bad_dsn_is_refused_without_repeating_it(dsn: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_dsn(dsn)
    assert dsn not in caught.value.message


@pytest.mark.parametrize("name", ["k", "c", "m", "w", "r", "f", "a"])
def test_a_database_named_like_an_alias_of_the_views_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput, match=f"cannot be named {name}: "):
        parse_dsn(f"https://db:8443/{name}")
    assert parse_dsn(f"https://db:8443/{name}{name}").database == name * 2
