from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from kubedoor.collection.ping import ATTEMPTS, CollectionIncomplete, Ping
from kubedoor.collection.request import Wish
from kubedoor.errors import KubeDoorError
from tests.support.promserver import Asked, PromServer, Reply

AT = datetime(2026, 11, 24, 12, tzinfo=UTC)


def lines(*steps: dict[str, object]) -> Reply:
    return Reply(b"".join(json.dumps(step).encode() + b"\n" for step in steps), content_type="application/x-ndjson")


NEXT = {"event": "next", "complete": False, "next": {"before": "2026-11-20"}, "days_left": 2}
FINISHED = {"event": "finished", "complete": True, "failed_days": []}


def ping(url: str, naps: list[float] | None = None) -> Ping:
    pauses: list[float] = [] if naps is None else naps
    return Ping(url, "secret", 5, "/cronjobs/kubedoor-collect", now=lambda: AT, sleep=pauses.append)


def test_it_goes_on_until_everything_is_complete() -> None:
    replies = iter([lines(NEXT), lines(FINISHED)])
    with PromServer(lambda _asked: next(replies)).running() as server:
        steps = list(ping(server.url).run(Wish(), collection="c1"))
        assert [step["event"] for step in steps] == ["next", "finished"]
        sent = [{name.lower(): value for name, value in asked.headers.items()} for asked in server.asked]
    assert [headers["ce-id"] for headers in sent] == ["c1-0", "c1-1"]
    for headers in sent:
        assert headers["ce-specversion"] == "1.0"
        assert headers["ce-type"] == "dev.knative.sources.ping"
        assert headers["ce-source"] == "/cronjobs/kubedoor-collect"
        assert headers["authorization"] == "Bearer secret"
        assert headers["kubedoor-collection"] == "c1"


def test_a_cold_start_is_waited_for() -> None:
    replies = iter([Reply(b"", 503), Reply(b"", 502), lines(FINISHED)])
    naps: list[float] = []
    with PromServer(lambda _asked: next(replies)).running() as server:
        assert list(ping(server.url, naps).run(Wish()))[-1] == FINISHED
    assert naps == [5.0, 10.0]


def test_it_gives_up_in_the_end() -> None:
    naps: list[float] = []
    with (
        PromServer(lambda _asked: Reply(b"", 503)).running() as server,
        pytest.raises(KubeDoorError, match="does not answer"),
    ):
        list(ping(server.url, naps).run(Wish()))
    assert len(naps) == ATTEMPTS - 1


@pytest.mark.parametrize(
    ("last", "words"),
    [
        ({"event": "failed", "complete": False, "error": {"message": "the store is away"}}, "the store is away"),
        ({"event": "finished", "complete": False, "failed_days": ["2026-11-20"]}, "days that failed: 2026-11-20"),
        ({"event": "cancelled", "complete": False}, "ended with cancelled"),
    ],
    ids=["failed", "days failed", "cancelled"],
)
def test_what_does_not_complete_is_a_failed_job(last: dict[str, object], words: str) -> None:
    def answer(_asked: Asked) -> Reply:
        return lines(last)

    with PromServer(answer).running() as server, pytest.raises(CollectionIncomplete, match=words):
        list(ping(server.url).run(Wish()))
