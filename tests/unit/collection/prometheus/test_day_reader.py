"""What happens to a day when the server refuses, breaks off, or answers without some of its data."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from kubedoor.collection.prometheus.client import PrometheusClient
from kubedoor.collection.prometheus.source import PrometheusSource
from kubedoor.errors import PrometheusNotUnderstood, PrometheusUnreachable, QueryTooLarge
from kubedoor.model.usage import DayUsage
from tests.support.promserver import PromServer, ReceivedRequest, Reply, failure, page, success
from tests.unit.collection.prometheus.test_client import Pauses, closed_port
from tests.unit.collection.prometheus.test_source import ONE_WINDOW, PER_WINDOW, Cluster, peak_day, reading, usage_of

EXHAUSTED = "rpc error: code = ResourceExhausted desc = exceeded series limit: limit 5000 violated (got 5001)"
GRPC_TOO_LARGE = failure(
    500, "rpc error: code = ResourceExhausted desc = grpc: received message larger than max (5 vs. 4)", "internal"
)
AWAY = failure(
    422, "proxy Series(): rpc error: code = Unavailable desc = connection error: transport: Error while dialing"
)
MANY = tuple(f"team-{number:02}" for number in range(64))
SHARES = 9
KINDS = 7
"""Of queries: CPU, memory, listed pods, unready ones, replicas of Deployments, facts, state."""


def rounded(usage: DayUsage) -> DayUsage:
    """Without the number of queries, and with sums of split windows rounded."""
    rows = tuple(replace(row, throttled_share=round(row.throttled_share or 0, SHARES)) for row in usage.rows)
    return replace(usage, rows=rows, queries=0)


def read_with(answer: Callable[[ReceivedRequest], Reply], **options: Any) -> tuple[DayUsage, PromServer]:
    server = PromServer(answer)
    with server.running(), PrometheusClient(server.url, timeout_seconds=20, sleep=lambda seconds: None) as client:
        return PrometheusSource(client, **options).read_day(ONE_WINDOW, step_seconds=60), server


def broken(whole: Reply, share: float, *, is_short: bool) -> Reply:
    """The beginning of an answer: cut off by the connection, or a body that ends too early."""
    assert isinstance(whole.body, bytes)
    begun = whole.body[: int(len(whole.body) * share)]
    return replace(whole, body=begun) if is_short else replace(whole, body=[begun], is_cut=True)


@pytest.mark.parametrize("is_short", [False, True], ids=["connection cut", "body cut short"])
@pytest.mark.parametrize("share", [0.0, 0.3, 0.95])
def test_a_day_whose_answers_break_off_is_the_same_day(share: float, is_short: bool) -> None:
    cluster = Cluster()
    attempts: Counter[str] = Counter()

    def answer(asked: ReceivedRequest) -> Reply:
        attempts[asked.query] += 1
        whole = cluster(asked)
        return broken(whole, share, is_short=is_short) if attempts[asked.query] < 3 else whole

    usage, server = read_with(answer)
    assert usage == usage_of(Cluster()), "no increase is counted twice"
    assert len(server.asked) == 3 * (PER_WINDOW + 1)


def test_an_answer_that_always_breaks_off_fails_the_day() -> None:
    cluster = Cluster()
    with pytest.raises(PrometheusUnreachable, match="in the middle of its answer"):
        read_with(lambda asked: broken(cluster(asked), 0.9, is_short=False))
    with pytest.raises(PrometheusNotUnderstood, match="cut short"):
        read_with(lambda asked: broken(cluster(asked), 0.9, is_short=True))


def test_a_refused_connection_is_tried_again_before_the_day_fails() -> None:
    pauses = Pauses()
    client = PrometheusClient(f"http://127.0.0.1:{closed_port()}", sleep=pauses)
    with client, pytest.raises(PrometheusUnreachable, match="nothing listens there"):
        PrometheusSource(client, concurrency=1).read_day(ONE_WINDOW, step_seconds=60)
    assert pauses == [1.0, 4.0]


def limit_of(most: int, refusals: list[str], reply: Reply) -> Callable[..., Reply | None]:
    def refuse(asked: ReceivedRequest, namespaces: tuple[str, ...], seconds: float) -> Reply | None:
        if len(namespaces) <= most:
            return None
        refusals.append(asked.query)
        return reply

    return refuse


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(GRPC_TOO_LARGE, id="Mimir"),
        pytest.param(
            failure(400, "the query time range exceeds the limit (query length: 24h, limit: 12h)"), id="Cortex"
        ),
        pytest.param(Reply(b"response larger than the max (181 vs 52)", 413, "text/plain"), id="Amazon"),
        pytest.param(Reply(b"the query hit the max number of chunks limit", 400, "text/plain"), id="plain text"),
        pytest.param(page(504), id="a gateway that gives up"),
    ],
)
def test_every_wording_of_too_large_is_split(reply: Reply) -> None:
    assert rounded(usage_of(Cluster(limit_of(1, [], reply)))) == rounded(usage_of(Cluster()))


def test_a_limit_in_the_warnings_is_split_and_leaves_nothing_out() -> None:
    """Thanos answers with the series it got so far, and a warning at the end."""
    whole = Cluster()
    partial = Cluster(envelope={"warnings": [EXHAUSTED]})

    def refuse(asked: ReceivedRequest, namespaces: tuple[str, ...], seconds: float) -> Reply | None:
        return partial(asked) if len(namespaces) > 1 else None

    usage = usage_of(Cluster(refuse))
    assert rounded(usage) == rounded(usage_of(whole))
    assert (usage.is_partial, usage.warnings) == (False, ())


def test_a_limit_that_no_part_is_below_makes_the_day_partial() -> None:
    with reading(Cluster(envelope={"warnings": [EXHAUSTED]}), concurrency=1) as (server, source):
        usage = source.read_day(ONE_WINDOW, step_seconds=60)
    assert usage.is_partial
    assert usage.warnings[-1] == f"Prometheus: {EXHAUSTED}"
    assert len(usage.rows) == 4
    # Down to the smallest part once; what is left is asked for once. Not every step of every namespace.
    assert len(server.asked) < 80


@pytest.mark.parametrize(
    "away", [AWAY, failure(503, "cannot fetch query results from vmstorage nodes: a sample error")]
)
def test_what_is_left_is_read_while_a_store_is_away(away: Reply) -> None:
    cluster = Cluster(envelope={"warnings": ["receive series from Addr: rpc error: code = Unavailable"]})

    def answer(asked: ReceivedRequest) -> Reply:
        return away if asked.fields["partial_response"] == "false" else cluster(asked)

    usage, server = read_with(answer, concurrency=1)
    assert (usage.is_partial, len(usage.rows)) == (True, 4)
    assert sum(asked.fields["partial_response"] == "false" for asked in server.asked) == 3, "whole answers come first"


def test_a_store_that_comes_back_leaves_the_day_whole() -> None:
    cluster, replies = Cluster(), iter([AWAY, AWAY])
    usage, _ = read_with(lambda asked: next(replies, None) or cluster(asked), concurrency=1)
    assert usage == usage_of(Cluster())


def test_stores_that_are_all_away_fail_the_day() -> None:
    with pytest.raises(PrometheusUnreachable, match="code = Unavailable"):
        read_with(lambda asked: AWAY)


def test_a_list_of_namespaces_from_some_of_the_servers_makes_the_day_partial() -> None:
    cluster = Cluster(limit_of(2, [], GRPC_TOO_LARGE))

    def answer(asked: ReceivedRequest) -> Reply:
        is_strict_list = asked.path.endswith("/values") and asked.fields["partial_response"] == "false"
        return AWAY if is_strict_list else cluster(asked)

    usage, _ = read_with(answer, concurrency=1)
    assert usage.is_partial


@pytest.mark.parametrize("reply", [page(404), failure(400, "not supported"), failure(422, "too many series")])
def test_a_server_that_cannot_list_namespaces_is_split_by_time(reply: Reply) -> None:
    cluster = Cluster(lambda asked, namespaces, seconds: GRPC_TOO_LARGE if seconds > 700 else None)
    usage, _ = read_with(lambda asked: reply if asked.path.endswith("/values") else cluster(asked))
    assert rounded(usage) == rounded(usage_of(Cluster()))


def test_a_gateway_that_always_times_out_is_given_up() -> None:
    server = PromServer(lambda asked: success(list(MANY)) if asked.path.endswith("/values") else page(504))
    client = PrometheusClient(server.url, sleep=lambda seconds: None)
    with server.running(), client, pytest.raises(PrometheusUnreachable, match="504"):
        PrometheusSource(client, concurrency=1).read_day(ONE_WINDOW, step_seconds=60)
    assert len(server.asked) < 20


def test_the_second_day_begins_as_small_as_the_first_one_had_to_be() -> None:
    refusals: list[str] = []
    cluster = Cluster(limit_of(1, refusals, GRPC_TOO_LARGE), namespaces=MANY)
    with reading(cluster) as (server, source):
        first = source.read_day(ONE_WINDOW, step_seconds=60)
        learned, sent = len(refusals), len(server.asked)
        second = source.read_day(ONE_WINDOW, step_seconds=60)
    assert learned > 100
    assert len(refusals) == learned, "the second day has no refused request"
    assert rounded(second) == rounded(first)
    assert second.queries == len(server.asked) - sent == (PER_WINDOW + 1) * len(MANY) + 1, "with the list of namespaces"
    with reading(cluster) as (_, fresh):
        fresh.read_day(ONE_WINDOW, step_seconds=60)
    assert len(refusals) > learned, "a new source begins whole again"


def test_what_one_window_learned_serves_the_next() -> None:
    refusals: list[str] = []
    cluster = Cluster(limit_of(1, refusals, GRPC_TOO_LARGE))
    with reading(cluster, concurrency=1) as (_, source):
        source.read_day(peak_day((0, 20), (60, 80), (120, 140)), step_seconds=60)
    assert len(refusals) == 3 * KINDS


def test_one_large_namespace_does_not_make_the_others_small() -> None:
    refusals: list[str] = []

    def refuse(asked: ReceivedRequest, namespaces: tuple[str, ...], seconds: float) -> Reply | None:
        if "shop" not in namespaces or (len(namespaces) == 1 and seconds <= 700):
            return None
        refusals.append(asked.query)
        return GRPC_TOO_LARGE

    with reading(Cluster(refuse)) as (server, source):
        source.read_day(ONE_WINDOW, step_seconds=60)
        learned, sent = len(refusals), len(server.asked)
        source.read_day(ONE_WINDOW, step_seconds=60)
    assert len(refusals) == learned
    # For each query: account and pay together, two halves of shop, web. And the list of namespaces.
    assert sum(not asked.path.endswith("/values") for asked in server.asked[sent:]) == 4 * (PER_WINDOW + 1)


def test_a_new_namespace_is_learned_without_beginning_anew() -> None:
    refusals: list[str] = []
    cluster = Cluster(limit_of(1, refusals, GRPC_TOO_LARGE))
    with reading(cluster, concurrency=1) as (_, source):
        source.read_day(ONE_WINDOW, step_seconds=60)
        learned = len(refusals)
        cluster.namespaces = ("account", "pay", "payment", "shop", "web")
        usage = source.read_day(ONE_WINDOW, step_seconds=60)
        assert [row.namespace for row in usage.rows] == list(cluster.namespaces)
        assert len(refusals) == learned + KINDS, "pay and payment, once for each kind of query"


def test_a_time_range_that_had_to_be_halved_is_halved_from_the_start() -> None:
    refusals: list[float] = []
    lock = threading.Lock()

    def refuse(asked: ReceivedRequest, namespaces: tuple[str, ...], seconds: float) -> Reply | None:
        if seconds <= 300:
            return None
        with lock:
            refusals.append(seconds)
        return GRPC_TOO_LARGE

    with reading(Cluster(refuse, namespaces=("shop",))) as (_, source):
        first = source.read_day(ONE_WINDOW, step_seconds=60)
        learned = len(refusals)
        assert rounded(source.read_day(ONE_WINDOW, step_seconds=60)) == rounded(first)
    assert len(refusals) == learned > 0


def test_a_limit_below_one_step_is_an_error_on_every_day() -> None:
    with reading(Cluster(lambda *_: GRPC_TOO_LARGE), concurrency=1) as (_, source):
        for _ in range(2):
            with pytest.raises(QueryTooLarge, match="larger than max"):
                source.read_day(ONE_WINDOW, step_seconds=60)
