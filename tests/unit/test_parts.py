"""Small parts: certificates, the webhook configuration, logs, mounts, values that are built once, DSNs, migrations."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import ssl
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from prometheus_client import CollectorRegistry
from starlette.requests import Request

from kubedoor.admission import webhook_configuration
from kubedoor.admission.certificates import self_signed
from kubedoor.admission.json_patch import difference
from kubedoor.config import settings
from kubedoor.errors import BadRequest, InvalidInput, KubeDoorError, NotFound, SettingsError, StoreError
from kubedoor.runtime import logs
from kubedoor.runtime.http import error_response, housekeeping
from kubedoor.runtime.lazy import FAILURE_HOLDS_SECONDS, once
from kubedoor.runtime.serving import Mounts, load_function
from kubedoor.store import opening
from kubedoor.store.connection import Connection, parse_dsn
from kubedoor.store.migrations import ON_CLUSTER_SETTINGS, available, folder, migrate

NOW = datetime(2026, 11, 20, tzinfo=UTC)
NAMES = ["kubedoor-mutate.kubedoor.svc", "localhost", "127.0.0.1"]


# Certificates


def load(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def test_certificates_are_made_once_and_keys_are_private(tmp_path: Path) -> None:
    files = self_signed.ensure(tmp_path / "tls", NAMES, now=NOW)
    before = files.certificate.read_bytes()
    assert self_signed.ensure(tmp_path / "tls", NAMES, now=NOW) == files
    assert files.certificate.read_bytes() == before
    assert files.key.stat().st_mode & 0o077 == 0
    assert (tmp_path / "tls" / "ca.key").stat().st_mode & 0o077 == 0
    assert load(files.certificate).issuer == load(files.ca).subject
    load(files.certificate).verify_directly_issued_by(load(files.ca))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.certificate, files.key)


def test_a_certificate_is_renewed_by_the_same_authority_before_it_ends(tmp_path: Path) -> None:
    files = self_signed.ensure(tmp_path, NAMES, now=NOW)
    authority, leaf = files.ca.read_bytes(), files.certificate.read_bytes()
    assert self_signed.days_left(files.certificate, now=NOW) == self_signed.LEAF_DAYS
    self_signed.ensure(tmp_path, NAMES, now=NOW + timedelta(days=61))
    assert files.ca.read_bytes() == authority
    assert files.certificate.read_bytes() != leaf


def test_another_name_and_an_old_authority_make_a_new_certificate(tmp_path: Path) -> None:
    files = self_signed.ensure(tmp_path, NAMES, now=NOW)
    leaf = files.certificate.read_bytes()
    self_signed.ensure(tmp_path, [*NAMES, "door.test"], now=NOW)
    assert files.certificate.read_bytes() != leaf
    authority = files.ca.read_bytes()
    self_signed.ensure(tmp_path, NAMES, now=NOW + timedelta(days=self_signed.CA_DAYS))
    assert files.ca.read_bytes() != authority


# The store


def test_whoever_cannot_wait_so_long_gets_a_connection_of_its_own() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        dsn = f"http://kubedoor:x@127.0.0.1:{silent.getsockname()[1]}/kubedoor"
        config = settings.load({"KUBEDOOR_STORE_DSN": dsn, "KUBEDOOR_SOURCE": "sample"})
        hurried = opening.opened(config, at_most_seconds=1)
        assert hurried is opening.opened(config, at_most_seconds=1)
        assert hurried is not opening.opened(config)
        started = time.monotonic()
        with pytest.raises(StoreError, match="cannot be reached"):
            hurried.rows("SELECT 1")
        assert time.monotonic() - started < 5


def test_there_is_one_embedded_store_however_long_one_may_wait(tmp_path: Path) -> None:
    config = settings.load({"KUBEDOOR_DATA_DIR": str(tmp_path), "KUBEDOOR_SOURCE": "sample"})
    assert opening.opened(config, at_most_seconds=1) is opening.opened(config)


# The webhook configuration


def make_options(**fields: Any) -> webhook_configuration.WebhookOptions:
    given: dict[str, Any] = {
        "namespace": "kubedoor",
        "service": "kubedoor-mutate",
        "port": 443,
        "timeout_seconds": 2,
        "failure_policy": "Ignore",
        "excluded_namespaces": ["kubedoor", "kube-system"],
    }
    return webhook_configuration.WebhookOptions(**{**given, **fields})


def test_the_configuration_lets_the_ca_or_cert_manager_in() -> None:
    with_ca = webhook_configuration.configuration(make_options(ca="PEM"))
    assert with_ca["webhooks"][0]["clientConfig"]["caBundle"] == "UEVN"
    injected = webhook_configuration.configuration(make_options(inject_ca_from="kubedoor/door"))
    assert injected["metadata"]["annotations"] == {"cert-manager.io/inject-ca-from": "kubedoor/door"}
    assert "caBundle" not in injected["webhooks"][0]["clientConfig"]


def test_excluded_namespaces_are_in_the_selector() -> None:
    selector = webhook_configuration.configuration(make_options())["webhooks"][0]["namespaceSelector"]
    assert selector["matchExpressions"][1]["values"] == ["kube-system", "kubedoor"]


# Patches


def test_a_patch_has_only_plain_operations() -> None:
    before, after = {"a": {"x": 1}, "b": {}}, {"a": {}, "b": {"y": 1}}
    assert {operation["op"] for operation in difference(before, after)} <= {"add", "remove", "replace"}
    assert difference(before, before) == []


def test_a_patch_that_would_not_give_the_object_is_never_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kubedoor.admission.json_patch.jsonpatch.apply_patch", lambda *_: {})
    with pytest.raises(KubeDoorError, match="does not give the object"):
        difference({"a": 1}, {"a": 2})


# Logs and errors


def test_a_log_line_is_one_json_object(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info")
    try:
        raise ValueError("boom")
    except ValueError:
        logging.getLogger("kubedoor.test").exception("it failed: %s", "中文")
    line = json.loads(capsys.readouterr().out)
    assert (line["severity"], line["message"], line["logger"]) == ("ERROR", "it failed: 中文", "kubedoor.test")
    assert "ValueError: boom" in line["exception"]


def test_what_is_not_ours_is_shown_without_its_words() -> None:
    answer = error_response(RuntimeError("password=hunter2"))
    assert answer.status_code == 500
    assert b"hunter2" not in answer.body


@pytest.mark.parametrize(
    ("error", "status"),
    [(BadRequest("x"), 400), (NotFound("x"), 404), (InvalidInput("x", field="f"), 422), (StoreError("x"), 503)],
)
def test_every_error_knows_its_status(error: KubeDoorError, status: int) -> None:
    assert error_response(error).status_code == status


# Values that are built once


def test_threads_that_ask_at_once_get_one_value() -> None:
    built: list[int] = []

    def build() -> object:
        time.sleep(0.05)
        built.append(1)
        return object()

    get = once(build)
    with ThreadPoolExecutor(8) as pool:
        values = set(pool.map(lambda _: get(), range(8)))
    assert (len(values), len(built)) == (1, 1)


def test_a_build_that_fails_is_tried_again() -> None:
    attempts: list[int] = []

    def build() -> int:
        attempts.append(1)
        if len(attempts) == 1:
            raise StoreError("away")
        return 7

    clock = [0.0]
    get = once(build, monotonic=lambda: clock[0])
    with pytest.raises(StoreError):
        get()
    with pytest.raises(StoreError):
        get()
    assert len(attempts) == 1, "whoever waited gets the same failure at once"
    clock[0] += FAILURE_HOLDS_SECONDS
    assert get() == 7


# Functions side by side


def test_a_path_goes_to_the_function_that_is_mounted_there() -> None:
    seen: list[tuple[str, str]] = []

    def app(name: str) -> Callable[..., Any]:
        async def call(scope: dict[str, Any], _receive: Any, _send: Any) -> None:
            seen.append((name, scope.get("root_path", "")))

        return call

    mounts = Mounts({"/collect": app("collect")}, app("api"))
    for path in ("/collect", "/collect/healthz", "/collector", "/"):
        asyncio.run(mounts({"type": "http", "path": path}, None, None))  # type: ignore[arg-type]
    assert seen == [("collect", "/collect"), ("collect", "/collect"), ("api", ""), ("api", "")]


def test_a_function_that_is_not_there_is_a_setting_to_put_right() -> None:
    with pytest.raises(SettingsError, match="is not there"):
        load_function("nothing")


# DSNs


@pytest.mark.parametrize(
    ("dsn", "want"),
    [
        ("chdb:///data/store", ("chdb", "/data/store", "kubedoor")),
        ("chdb:///data/store?database=t1", ("chdb", "/data/store", "t1")),
        ("http://db", ("http", "", "kubedoor")),
        ("https://u:p%40ss@db:9440/other", ("https", "", "other")),
    ],
)
def test_a_dsn_is_taken_apart(dsn: str, want: tuple[str, str, str]) -> None:
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


@pytest.mark.parametrize("name", ["k", "c", "m", "w", "r", "f"])
def test_a_database_that_no_view_could_be_made_in_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput, match=f"cannot be named {name}: "):
        parse_dsn(f"https://db:8443/{name}")
    assert parse_dsn(f"https://db:8443/{name}{name}").database == name * 2


# Migrations


def other_database(dsn: str, name: str) -> Connection:
    return Connection(dsn.replace("database=kubedoor", f"database={name}"))


@pytest.fixture
def scratch(embedded: Connection, embedded_dsn: str, request: pytest.FixtureRequest) -> Connection:
    del embedded  # the engine is open
    return other_database(embedded_dsn, f"scratch_{abs(hash(request.node.name))}")


def write(where: Path, **files: str) -> Path:
    for name, text in files.items():
        (where / f"{name}.sql").write_text(text)
    return where


ONE = {"_0001_one": "CREATE TABLE IF NOT EXISTS one {on_cluster} (a UInt8) ENGINE = {MergeTree} ORDER BY a; -- x;\n"}


def files(**texts: str) -> dict[str, str]:
    return {name.removeprefix("_"): text for name, text in texts.items()}


def test_migrations_are_applied_once_and_in_order(scratch: Connection, tmp_path: Path) -> None:
    where = write(tmp_path, **files(**ONE))
    assert migrate(scratch, where=where) == ["0001_one"]
    assert migrate(scratch, where=where) == []
    write(where, **files(_0002_two="ALTER TABLE one ADD COLUMN IF NOT EXISTS b UInt8"))
    assert migrate(scratch, where=where) == ["0002_two"]


def test_an_edited_migration_and_a_newer_store_are_refused(scratch: Connection, tmp_path: Path) -> None:
    where = write(tmp_path, **files(**ONE))
    migrate(scratch, where=where)
    (where / "0001_one.sql").write_text("SELECT 1")
    with pytest.raises(StoreError, match="never edited"):
        migrate(scratch, where=where)
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(StoreError, match="of a newer KubeDoor"):
        migrate(scratch, where=empty)


class Told(Connection):
    """Notes the statements it is told, and does none of them."""

    def __init__(self, dsn: str) -> None:
        super().__init__(dsn)
        self.told: list[tuple[str, Any]] = []

    def command(self, sql: str, *, settings: Any = None, **parameters: Any) -> None:
        self.told.append((sql, settings))


def test_replicas_are_asked_only_for_what_is_new_and_not_waited_for(
    scratch: Connection, embedded_dsn: str, tmp_path: Path
) -> None:
    where = write(tmp_path, **files(**ONE))
    migrate(scratch, where=where)
    told = Told(embedded_dsn.replace("database=kubedoor", f"database={scratch.database}"))
    assert migrate(told, cluster="main", where=where) == []
    assert told.told == [], "a replica that is away keeps nobody from starting"
    write(where, **files(_0002_two="ALTER TABLE one {on_cluster} ADD COLUMN b UInt8"))
    migrate(told, cluster="main", where=where)
    assert told.told == [("ALTER TABLE one ON CLUSTER `main` ADD COLUMN b UInt8", ON_CLUSTER_SETTINGS)]
    assert ON_CLUSTER_SETTINGS["distributed_ddl_task_timeout"] < 30, "what a query may take"
    told.close()


def test_threads_that_migrate_at_once_apply_each_once(embedded_dsn: str, embedded: Connection) -> None:
    del embedded
    barrier = threading.Barrier(3)

    def go(_: int) -> list[str]:
        barrier.wait()
        return migrate(other_database(embedded_dsn, "scratch_threads"))

    with ThreadPoolExecutor(3) as pool:
        applied = [name for names in pool.map(go, range(3)) for name in names]
    assert applied == [migration.name for migration in available(folder())]


def test_numbers_without_a_gap(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="without a gap"):
        available(write(tmp_path, **files(_0002_two="SELECT 1")))


def test_a_replicated_cluster_gets_replicated_engines() -> None:
    statements = [text for migration in available(folder()) for text in migration.statements(cluster="main")]
    assert all("ON CLUSTER `main`" in text for text in statements)
    engines = [text for text in statements if "ENGINE" in text]
    assert all("ENGINE = Replicated" in text for text in engines)
    assert any("ReplicatedReplacingMergeTree(seen_at)" in text for text in engines)
    assert any("replicated_deduplication_window" in text for text in statements)
    assert not any("{" in text for text in statements)


@pytest.mark.parametrize(
    ("token", "sent", "status"),
    [
        ("", "", 200),
        ("right", "", 401),
        ("right", "Bearer wrong", 401),
        ("right", "Basic right", 401),
        ("right", "bearer right", 200),
    ],
)
def test_metrics_ask_for_their_token_where_there_is_one(token: str, sent: str, status: int) -> None:
    async def ready() -> bool:
        return True

    scope = {"type": "http", "method": "GET", "path": "/metrics", "headers": [(b"authorization", sent.encode())]}
    answering = housekeeping(Request(scope), registry=CollectorRegistry(), is_ready=ready, metrics_token=lambda: token)
    answer = asyncio.run(answering)
    assert answer is not None
    assert answer.status_code == status
