"""Serves the current metrics of a fleet for a Prometheus to scrape.

promtool imports the past; scrapes then continue the same series, so that queries for the last minutes have data.
Counters restart at zero, as after a restart of all containers.
"""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self
from zoneinfo import ZoneInfo

from tests.toolbox.exposition import series_of
from tests.toolbox.scrapes import Samples
from tests.toolbox.series import Fleet

READ_TIMEOUT_SECONDS = 30
AHEAD = timedelta(hours=2)
"""The time range that is computed at once."""
STALE_SECONDS = 300


def continued(fleet: Fleet, now: datetime) -> Fleet:
    """The same fleet, recorded only from `now` on."""
    local = now.astimezone(ZoneInfo(fleet.zone)) - timedelta(minutes=1)
    days = (local.date() - fleet.first_day).days + 1
    return replace(
        fleet,
        days=days,
        record_from=time(local.hour, local.minute),
        record_minutes=int(AHEAD / timedelta(minutes=1)),
        empty_days=tuple(fleet.first_day + timedelta(days=number) for number in range(days - 1)),
        gaps=(),
    )


@dataclass(frozen=True)
class _Stretch:
    until: datetime
    series: list[tuple[str, Samples]]


class LiveFleet:
    """A context manager: inside, `port` serves `/metrics`; `now` is called at every scrape."""

    def __init__(self, fleet: Fleet, now: Callable[[], datetime]) -> None:
        self.fleet, self.now = fleet, now
        self._lock = threading.Lock()
        self._stretch = self._work_out(now())
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, name="live-fleet")
        self.port = self._server.server_port

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join(10)
        self._server.server_close()

    def _work_out(self, now: datetime) -> _Stretch:
        found = [(str(series), series.samples()) for series in series_of(continued(self.fleet, now))]
        return _Stretch(now + AHEAD - timedelta(minutes=5), found)

    def lines(self) -> Iterator[str]:
        """The newest sample of every series, in the Prometheus text format."""
        now = self.now()
        with self._lock:
            if now > self._stretch.until:
                self._stretch = self._work_out(now)
            stretch = self._stretch
        stamp = now.timestamp()
        for head, samples in stretch.series:
            place = bisect_right(samples, stamp, key=lambda sample: sample[0]) - 1
            if place >= 0 and stamp - samples[place][0] < STALE_SECONDS:
                yield f"{head} {samples[place][1]!r}\n"

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        live = self

        class Handler(BaseHTTPRequestHandler):
            timeout = READ_TIMEOUT_SECONDS

            def do_GET(self) -> None:
                body = "".join(live.lines()).encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *arguments: object) -> None:
                """Silent."""

        return Handler
