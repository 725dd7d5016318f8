from __future__ import annotations

import gzip
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from kubedoor.collection.prometheus.client import PrometheusClient
from kubedoor.errors import (
    InvalidInput,
    PrometheusError,
    PrometheusNotUnderstood,
    PrometheusRefused,
    PrometheusUnreachable,
    QueryTooLarge,
)
from tests.support.promserver import PromServer, ReceivedRequest, Reply, failure, page, result, success
from tests.toolbox.certificates import Authority

SECRET = "s3cret"
WHOLE_ANSWERS = {"partial_response": "false", "deny_partial_response": "1"}


class Pauses(list[float]):
    """A `sleep` that records the durations."""

    def __call__(self, seconds: float) -> None:
        self.append(seconds)


@contextmanager
def answering(
    answer: Callable[[ReceivedRequest], Reply], **options: Any
) -> Iterator[tuple[PromServer, PrometheusClient, Pauses]]:
    pauses = Pauses()
    server = PromServer(answer)
    options = {"timeout_seconds": 5, "sleep": pauses, "path": "", **options}
    url = server.url + options.pop("path")
    with server.running(), PrometheusClient(url, **options) as client:
        yield server, client, pauses


def values(client: PrometheusClient) -> list[Any]:
    with client.query("up", time=1719000000) as answer:
        return list(answer.series())


def error_of(client: PrometheusClient, kind: type[PrometheusError] = PrometheusUnreachable) -> str:
    """The error message of a failed query; it must not contain SECRET."""
    with pytest.raises(kind) as caught:
        values(client)
    assert SECRET not in str(caught.value)
    return str(caught.value)


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def test_an_instant_query_is_a_form_with_a_timeout_of_its_own() -> None:
    with answering(lambda asked: result([{"metric": {}, "value": [1, "2"]}]), path="/select/0/prometheus") as (
        server,
        client,
        _,
    ):
        assert values(client) == [{"metric": {}, "value": [1, "2"]}]
    (asked,) = server.asked
    assert (asked.method, asked.path) == ("POST", "/select/0/prometheus/api/v1/query")
    assert asked.fields == {"query": "up", "time": "1719000000.000", "timeout": "4s", **WHOLE_ANSWERS}


def test_a_query_without_a_time_uses_the_clock_of_the_server() -> None:
    with answering(lambda asked: result([])) as (server, client, _), client.query("up") as answer:
        assert list(answer.series()) == []
    assert "time" not in server.asked[0].fields


def test_a_range_query_names_both_ends_and_the_step() -> None:
    with answering(lambda asked: result([], "matrix")) as (server, client, _):
        range_query = client.query_range("up", start=60, end=600, step_seconds=60)
        with range_query as answer:
            assert list(answer.series()) == []
    assert server.asked[0].path == "/api/v1/query_range"
    fields = {"query": "up", "start": "60", "end": "600", "step": "60", "timeout": "4s"}
    assert server.asked[0].fields == {**fields, **WHOLE_ANSWERS}


def test_label_values_are_a_get_with_a_match() -> None:
    with answering(lambda asked: success(["a", "b"])) as (server, client, _):
        assert client.label_values("namespace", match="up{}", start=60, end=120) == ["a", "b"]
    assert (server.asked[0].method, server.asked[0].path) == ("GET", "/api/v1/label/namespace/values")
    assert server.asked[0].fields == {"match[]": "up{}", "start": "60", "end": "120", **WHOLE_ANSWERS}


@pytest.mark.parametrize(
    ("options", "want"),
    [
        pytest.param({}, None, id="nothing"),
        pytest.param({"bearer_token": SECRET}, f"Bearer {SECRET}", id="bearer"),
        pytest.param({"username": "me", "password": "x"}, "Basic bWU6eA==", id="basic"),
        pytest.param({"headers": {"X-Scope-OrgID": "t1", "Authorization": "Own x"}}, "Own x", id="header of one's own"),
    ],
)
def test_credentials_are_sent(options: dict[str, Any], want: str | None) -> None:
    with answering(lambda asked: result([]), **options) as (server, client, _):
        values(client)
    headers = server.asked[0].headers
    assert headers.get("Authorization") == want
    assert headers.get("X-Scope-OrgID") == options.get("headers", {}).get("X-Scope-OrgID")


def test_a_token_file_is_read_for_every_request(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("first")
    with answering(lambda asked: result([]), bearer_token_file=str(file)) as (server, client, _):
        values(client)
        file.write_text("second")
        values(client)
        file.unlink()
        with pytest.raises(PrometheusRefused, match="token file"):
            values(client)
    assert [asked.headers["Authorization"] for asked in server.asked] == ["Bearer first", "Bearer second"]


def test_a_netrc_file_is_never_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password x\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with answering(lambda asked: result([])) as (server, client, _):
        values(client)
    assert "Authorization" not in server.asked[0].headers


@pytest.mark.parametrize(
    ("reply", "kind", "says"),
    [
        pytest.param(failure(401, "x"), PrometheusRefused, "refuses the credentials (401)", id="401"),
        pytest.param(page(403), PrometheusRefused, "refuses the credentials (403)", id="403"),
        pytest.param(page(200), PrometheusNotUnderstood, "a web page", id="HTML"),
        pytest.param(Reply(b"pong", content_type="text/plain"), PrometheusNotUnderstood, "at 'pong'", id="text"),
        pytest.param(
            Reply(b"", 302, headers={"Location": "http://x/?code=s3cret"}),
            PrometheusNotUnderstood,
            "redirects elsewhere (302)",
            id="redirect",
        ),
        pytest.param(page(404), PrometheusNotUnderstood, "is the path right", id="404"),
        pytest.param(Reply(b"[1]", 500), PrometheusNotUnderstood, "answers 500", id="500 with other JSON"),
        pytest.param(
            failure(400, 'invalid parameter "query":  parse error', "bad_data"),
            PrometheusNotUnderstood,
            'answers 400: invalid parameter "query": parse error',
            id="400",
        ),
        pytest.param(
            failure(422, "query processing would load too many samples into memory"),
            QueryTooLarge,
            "too many samples",
            id="422",
        ),
        pytest.param(failure(503, "query timed out", "timeout"), QueryTooLarge, "timed out", id="503 timeout"),
        pytest.param(
            failure(400, "exceeded maximum resolution of 11,000 points per timeseries", "bad_data"),
            QueryTooLarge,
            "11,000 points",
            id="too many points",
        ),
        pytest.param(
            failure(400, "cannot select more than -search.maxSamplesPerQuery=1 samples"),
            QueryTooLarge,
            "maxSamplesPerQuery",
            id="VictoriaMetrics' limit",
        ),
        pytest.param(Reply(b"", 413), QueryTooLarge, "answers 413", id="413"),
        pytest.param(
            Reply(b'{"status":"success","data":{"result":[{"met'), PrometheusNotUnderstood, "cut short", id="truncated"
        ),
        pytest.param(
            Reply(b"\x1f\x8bnot", headers={"Content-Encoding": "gzip"}),
            PrometheusNotUnderstood,
            "decompressed",
            id="broken gzip",
        ),
        pytest.param(
            Reply([b'{"status":"success","data":{"result":['], is_cut=True),
            PrometheusUnreachable,
            "in the middle of its answer",
            id="connection cut",
        ),
    ],
)
def test_a_failure_is_translated_into_an_error(reply: Reply, kind: type[PrometheusError], says: str) -> None:
    with answering(lambda asked: reply, bearer_token=SECRET) as (server, client, pauses):
        assert says in error_of(client, kind)
    assert (len(server.asked), pauses) == (1, [])


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_an_unavailable_prometheus_is_tried_three_times(status: int) -> None:
    with answering(lambda asked: page(status)) as (server, client, pauses):
        assert f"answers {status}, after 3 attempts" in error_of(client)
    assert (len(server.asked), pauses) == (3, [1.0, 4.0])


def test_a_retry_succeeds_once_prometheus_is_back() -> None:
    replies = iter([page(502), failure(503, "TSDB not ready", "unavailable"), result([{"metric": {}}])])
    with answering(lambda asked: next(replies)) as (_, client, pauses):
        assert values(client) == [{"metric": {}}]
    assert pauses == [1.0, 4.0]


@pytest.mark.parametrize(
    ("retry_after", "want"),
    [
        pytest.param("2", [2.0, 4.0], id="longer than the backoff"),
        pytest.param("30", [30.0, 30.0], id="both times"),
        pytest.param("3600", [60.0], id="up to a bound, and within the deadline"),
        pytest.param("soon", [1.0, 4.0], id="not understood"),
    ],
)
def test_retry_after_is_honoured(retry_after: str, want: list[float]) -> None:
    reply = Reply(b"", 429, headers={"Retry-After": retry_after})
    with answering(lambda asked: reply) as (server, client, pauses):
        assert f"after {len(want) + 1} attempts" in error_of(client)
    assert (len(server.asked), pauses) == (len(want) + 1, want)


def test_no_attempt_begins_after_the_deadline() -> None:
    ticks = iter(range(0, 1_000_000, 50))
    with answering(lambda asked: page(504), clock=lambda: float(next(ticks))) as (server, client, pauses):
        assert "after 2 attempts" in error_of(client)
    assert (len(server.asked), pauses) == (2, [1.0])


def repeated(client: PrometheusClient) -> list[Any]:
    return client.repeat(lambda: values(client))


WHOLE = result([{"metric": {"pod": "a"}, "value": [1, "2"]}])
CUT = Reply([b'{"status":"success","data":{"result":[{"metric":{"pod":"a"},"value":[1,"2"]},'], is_cut=True)
SHORT = Reply(b'{"status":"success","data":{"result":[{"metric":{"pod":"a"},"value":[1,"2"]},')


@pytest.mark.parametrize("broken", [CUT, SHORT], ids=["connection cut", "body cut short"])
def test_an_answer_that_broke_is_asked_for_again(broken: Reply) -> None:
    replies = iter([broken, broken, WHOLE])
    with answering(lambda asked: next(replies)) as (_, client, pauses):
        assert repeated(client) == [{"metric": {"pod": "a"}, "value": [1, "2"]}]
    assert pauses == [1.0, 4.0]


@pytest.mark.parametrize("broken", [CUT, SHORT], ids=["connection cut", "body cut short"])
def test_an_answer_that_always_breaks_is_an_error_in_the_end(broken: Reply) -> None:
    with answering(lambda asked: broken) as (server, client, pauses), pytest.raises(PrometheusError):
        repeated(client)
    assert (len(server.asked), pauses) == (3, [1.0, 4.0])


def test_what_is_no_answer_of_a_prometheus_is_not_asked_for_again() -> None:
    with (
        answering(lambda asked: Reply(b"pong")) as (server, client, _),
        pytest.raises(PrometheusNotUnderstood),
    ):
        repeated(client)
    assert len(server.asked) == 1


def test_a_refused_connection_is_tried_again() -> None:
    pauses = Pauses()
    with (
        PrometheusClient(f"http://127.0.0.1:{closed_port()}", sleep=pauses) as client,
        pytest.raises(PrometheusUnreachable, match="nothing listens there"),
    ):
        repeated(client)
    assert pauses == [1.0, 4.0]


def test_a_server_that_hangs_up_is_tried_again() -> None:
    def serve(server: socket.socket) -> None:
        for _ in range(3):
            server.accept()[0].close()

    pauses = Pauses()
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve, args=(server,))
        thread.start()
        with (
            PrometheusClient(f"http://127.0.0.1:{server.getsockname()[1]}", sleep=pauses) as client,
            pytest.raises(PrometheusUnreachable),
        ):
            repeated(client)
        thread.join()
    assert pauses == [1.0, 4.0]


def test_partial_answers_are_allowed_by_the_fields_of_both_backends() -> None:
    with answering(lambda asked: result([])) as (server, client, _):
        values(client.allowing_partial())
    assert server.asked[0].fields["partial_response"] == "true"
    assert server.asked[0].fields["deny_partial_response"] == "0"


def test_a_server_that_refuses_unknown_fields_is_asked_without_them() -> None:
    def strict(asked: ReceivedRequest) -> Reply:
        unknown = [name for name in asked.fields if "partial" in name]
        return failure(400, f'Unknown name "{unknown[0]}": Cannot bind query parameter.') if unknown else result([])

    with answering(strict) as (server, client, pauses):
        values(client)
        values(client)
    assert (len(server.asked), pauses) == (3, [])


def test_an_error_inside_a_success_is_split_if_it_is_about_size() -> None:
    body = json.dumps({"status": "error", "errorType": "execution", "error": "too many samples"}).encode()
    with answering(lambda asked: Reply(body)) as (_, client, _):
        assert "too many samples" in error_of(client, QueryTooLarge)


def test_a_compressed_response_in_many_chunks_is_read_completely() -> None:
    series = [{"metric": {"pod": str(index)}, "value": [1, "2"]} for index in range(50)]
    body = gzip.compress(json.dumps({"status": "success", "data": {"result": series}}).encode())
    crumbs = [body[start : start + 10] for start in range(0, len(body), 10)]
    with answering(lambda asked: Reply(crumbs, headers={"Content-Encoding": "gzip"})) as (_, client, _):
        assert values(client) == series


def test_an_endless_response_times_out() -> None:
    ticks = iter(range(0, 1_000_000, 10))

    def endless() -> Iterator[bytes]:
        yield b'{"status":"success","data":{"result":[{}'
        while True:
            yield b" " * 1000

    with answering(lambda asked: Reply(endless()), clock=lambda: float(next(ticks))) as (_, client, _):
        assert "for more than 25 seconds" in error_of(client)


@pytest.mark.parametrize("said", [b"", b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"status":'])
def test_a_silent_server_times_out(said: bytes) -> None:
    accepted: list[socket.socket] = []

    def serve() -> None:
        accepted.append(server.accept()[0])
        accepted[0].recv(65536)
        accepted[0].sendall(said)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve)
        thread.start()
        with PrometheusClient(f"http://127.0.0.1:{server.getsockname()[1]}", timeout_seconds=0.2) as client:
            assert error_of(client).endswith("does not answer within 0.2 seconds")
        thread.join()
        accepted[0].close()


def test_a_closed_port_refuses() -> None:
    with PrometheusClient(f"http://me:{SECRET}@127.0.0.1:{(port := closed_port())}/x") as client:
        assert error_of(client).startswith(f"http://127.0.0.1:{port}/x refuses the connection")


def test_an_unknown_host_is_named_as_the_cause(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with PrometheusClient("http://prometheus.invalid:9090") as client:
        assert "its host name is not known here" in error_of(client)


def test_an_unreachable_proxy_is_named_as_the_cause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{closed_port()}")
    monkeypatch.setenv("NO_PROXY", "")
    with PrometheusClient("http://prometheus.invalid:9090") as client:
        assert "through the proxy" in error_of(client)


def test_a_server_that_hangs_up_cannot_be_reached() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=lambda: server.accept()[0].close())
        thread.start()
        with PrometheusClient(f"http://127.0.0.1:{server.getsockname()[1]}") as client:
            assert error_of(client).endswith("cannot be reached")
        thread.join()


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    authority = Authority("test")
    authority.issue("prometheus").write(tmp_path / "tls.crt", tmp_path / "tls.key")
    (tmp_path / "ca.crt").write_bytes(authority.certificate_pem)
    return authority


@pytest.mark.usefixtures("authority")
def test_a_certificate_is_trusted_by_the_ca_file_alone(tmp_path: Path) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(tmp_path / "tls.crt", tmp_path / "tls.key")
    server = PromServer(lambda asked: result([]), tls)
    with server.running():
        with PrometheusClient(server.url, ca_file=str(tmp_path / "ca.crt")) as client:
            assert values(client) == []
        with PrometheusClient(server.url) as client:
            assert "shows a certificate that is not trusted" in error_of(client)


def test_http_where_tls_is_expected_is_not_reported_as_a_certificate_error() -> None:
    server = PromServer(lambda asked: result([]))
    with server.running(), PrometheusClient(f"https://127.0.0.1:{server.port}") as client:
        assert "is its address an http:// one?" in error_of(client)


@pytest.mark.parametrize("content", [None, b"", b"no certificate"])
def test_an_unusable_ca_file_is_named(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "ca.crt"
    if content is not None:
        file.write_bytes(content)
    with PrometheusClient("https://127.0.0.1:1", ca_file=str(file)) as client:
        assert error_of(client).endswith("ca.crt cannot be read as certificates")


def test_a_wrong_address_is_refused_before_anything_is_sent() -> None:
    with pytest.raises(InvalidInput):
        PrometheusClient("prometheus:9090")


def test_an_unknown_version_is_empty() -> None:
    replies = iter([success({"version": "3.16.0"}), success([]), page(404), page(200)])
    with answering(lambda asked: next(replies)) as (_, client, _):
        assert [client.version() for _ in range(4)] == ["3.16.0", "", "", ""]


@pytest.mark.parametrize("reply", [success({"a": 1}), Reply(b"{}"), Reply(b"no"), Reply(b"[]"), page(404)])
def test_label_values_must_be_a_list(reply: Reply) -> None:
    with answering(lambda asked: reply) as (_, client, _), pytest.raises(PrometheusNotUnderstood):
        client.label_values("namespace", match="up", start=0, end=1)


def test_a_metadata_response_has_a_size_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kubedoor.collection.prometheus.client.MAX_METADATA_BYTES", 10)
    with answering(lambda asked: success(["a" * 20])) as (_, client, _), pytest.raises(PrometheusNotUnderstood):
        client.label_values("namespace", match="up", start=0, end=1)


def test_a_closed_client_opens_a_new_session() -> None:
    with answering(lambda asked: result([])) as (server, client, _):
        client.close()
        values(client)
        client.close()
        client.close()
        values(client)
    assert len(server.asked) == 2
