from __future__ import annotations

import socketserver
from threading import Thread

import pytest

from kubedoor.config.store_address import parse_dsn
from kubedoor.errors import InvalidInput, StoreError
from kubedoor.store.connection import Connection


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


class NativePort(socketserver.BaseRequestHandler):
    """Answers HTTP as ClickHouse's own port does."""

    def handle(self) -> None:
        self.request.recv(65536)
        self.request.sendall(
            b"HTTP/1.0 400 Bad Request\r\n\r\nPort 9000 is for clickhouse-client program\r\nYou must use port 8123 for HTTP.\r\n"
        )


def test_the_native_port_of_clickhouse_is_named_with_the_one_to_take() -> None:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), NativePort) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        connection = Connection(
            f"http://default:hunter2@127.0.0.1:{server.server_address[1]}/kubedoor", timeout_seconds=5
        )
        with pytest.raises(StoreError, match="take its HTTP port, 8123, or 8443 with TLS") as caught:
            connection.rows("SELECT 1")
        server.shutdown()
        thread.join(10)
    assert "hunter2" not in caught.value.message


def test_a_port_that_is_native_everywhere_is_named_even_if_nothing_answers() -> None:
    with pytest.raises(StoreError, match="at port 9440, which speaks ClickHouse's own protocol"):
        Connection("https://default:hunter2@127.0.0.1:9440/kubedoor", timeout_seconds=5).rows("SELECT 1")
