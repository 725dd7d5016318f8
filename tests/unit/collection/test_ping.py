from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from kubedoor.collection.background import remote_slice
from kubedoor.collection.ping import ATTEMPTS, CollectionIncomplete, Ping
from kubedoor.collection.request import CollectRequest
from kubedoor.errors import KubeDoorError
from tests.support.promserver import PromServer, ReceivedRequest, Reply
from tests.support.sites import Site, running

AT = datetime(2026, 11, 24, 12, tzinfo=UTC)


def lines(*steps: dict[str, object]) -> Reply:
    return Reply(b"".join(json.dumps(step).encode() + b"\n" for step in steps), content_type="application/x-ndjson")


NEXT = {"event": "next", "complete": False, "next": {"before": "2026-11-20"}, "days_left": 2}
FINISHED = {"event": "finished", "complete": True, "failed_days": []}


def ping(url: str, backoffs: list[float] | None = None) -> Ping:
    pauses: list[float] = [] if backoffs is None else backoffs
    return Ping(url, "secret", 5, "/cronjobs/kubedoor-collect", now=lambda: AT, sleep=pauses.append)


def test_requests_are_sent_until_the_collection_is_complete() -> None:
    replies = iter([lines(NEXT), lines(FINISHED)])
    with PromServer(lambda _asked: next(replies)).running() as server:
        steps = list(ping(server.url).run(CollectRequest(), collection="c1"))
        assert [step["event"] for step in steps] == ["next", "finished"]
        sent = [{name.lower(): value for name, value in asked.headers.items()} for asked in server.asked]
    assert [headers["ce-id"] for headers in sent] == ["c1-0", "c1-1"]
    for headers in sent:
        assert headers["ce-specversion"] == "1.0"
        assert headers["ce-type"] == "dev.knative.sources.ping"
        assert headers["ce-source"] == "/cronjobs/kubedoor-collect"
        assert headers["authorization"] == "Bearer secret"
        assert headers["kubedoor-collection"] == "c1"


def test_a_cold_start_is_retried_with_backoff() -> None:
    replies = iter([Reply(b"", 503), Reply(b"", 502), lines(FINISHED)])
    backoffs: list[float] = []
    with PromServer(lambda _asked: next(replies)).running() as server:
        assert list(ping(server.url, backoffs).run(CollectRequest()))[-1] == FINISHED
    assert backoffs == [5.0, 10.0]


def test_the_last_attempt_raises() -> None:
    backoffs: list[float] = []
    with (
        PromServer(lambda _asked: Reply(b"", 503)).running() as server,
        pytest.raises(KubeDoorError, match="does not answer"),
    ):
        list(ping(server.url, backoffs).run(CollectRequest()))
    assert len(backoffs) == ATTEMPTS - 1


@pytest.mark.parametrize(
    ("last", "words"),
    [
        ({"event": "failed", "complete": False, "error": {"message": "the store is away"}}, "the store is away"),
        ({"event": "finished", "complete": False, "failed_days": ["2026-11-20"]}, "days that failed: 2026-11-20"),
        ({"event": "cancelled", "complete": False}, "ended with cancelled"),
    ],
    ids=["failed", "days failed", "cancelled"],
)
def test_an_incomplete_collection_fails_the_job(last: dict[str, object], words: str) -> None:
    def answer(_asked: ReceivedRequest) -> Reply:
        return lines(last)

    with PromServer(answer).running() as server, pytest.raises(CollectionIncomplete, match=words):
        list(ping(server.url).run(CollectRequest()))


def test_an_answer_that_breaks_off_is_retried_with_the_same_request() -> None:
    """Also after its first lines: the pod of `collect` was deleted while it read a day."""
    broken = lines({"event": "started", "days": 3}, {"event": "day", "day": "2026-11-20"})
    replies = iter([broken, lines(FINISHED)])
    backoffs: list[float] = []
    with PromServer(lambda _asked: next(replies)).running() as server:
        assert list(ping(server.url, backoffs).run(CollectRequest()))[-1] == FINISHED
    assert backoffs == [5.0]


def test_an_answer_that_always_breaks_off_fails_the_job() -> None:
    broken = lines({"event": "started", "days": 3})
    with (
        PromServer(lambda _asked: broken).running() as server,
        pytest.raises(CollectionIncomplete, match="ended with started"),
    ):
        list(ping(server.url).run(CollectRequest()))


def test_the_token_of_collect_is_not_sent_where_a_redirect_leads() -> None:
    with running(Site()) as other, running(Site(status=308, location=f"{other.url}/log-in")) as site:
        collect = remote_slice(site.url, token="s3cret", timeout_seconds=10)
        with pytest.raises(KubeDoorError, match="does not answer as it should"):
            list(collect(CollectRequest(), "collection"))
        assert (other.authorizations, site.authorizations) == ([], ["Bearer s3cret"])
