"""The program of a schedule's CronJob: it asks again while workloads of a return are left, which keeps `api` awake."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kubedoor.schedules.cronjob import EXIT_REFUSED
from kubedoor.schedules.ping import ATTEMPTS, MAX_PINGS, main
from tests.support.promserver import PromServer, Reply

STARTED = Reply(b'{"started": true}')
LEFT = Reply(b'{"started": true}', 202)
GONE = Reply(json.dumps({"error": {"message": "the schedule's token is not known"}}).encode(), 401)
AWAY = Reply(b"", 503)


@pytest.mark.parametrize(
    ("replies", "code"),
    [
        ([STARTED], 0),
        ([LEFT, LEFT, STARTED], 0),
        ([LEFT, GONE], 0),
        ([GONE], EXIT_REFUSED),
        ([AWAY, AWAY, LEFT, AWAY, STARTED], 0),
        ([AWAY] * ATTEMPTS, 1),
        ([LEFT] * MAX_PINGS, 1),
    ],
    ids=["started", "left, then nothing", "left, then deleted", "a wrong token", "away in between", "away", "left"],
)
def test_a_ping_comes_again_until_nothing_is_left(tmp_path: Path, replies: list[Reply], code: int) -> None:
    token, left = tmp_path / "token", iter(replies)
    token.write_text("kubedoor_schedule_s3cret")
    pauses: list[float] = []
    with PromServer(lambda _asked: next(left)).running() as server:
        assert main([f"{server.url}/ping", str(token)], sleep=pauses.append) == code
        assert len(server.asked) == len(replies)
