"""The program of a schedule's CronJob: `python -m kubedoor.schedules.ping URL TOKEN_FILE` pings the API.

Idempotent: the API starts each run once. While it answers 202 (workloads of a return are left) it is asked again, which
keeps `api` awake. Exit codes: 0, the run is started or was started before, and of a return nothing is left; 1, it could not
be started or something is left, and the output says why; 2, the ping is refused for good, so that the Job must not retry it.
"""

from __future__ import annotations

import json
import ssl
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from kubedoor.redirects import is_redirect, open_without_redirects, target_of
from kubedoor.schedules.cronjob import EXIT_REFUSED

ATTEMPTS = 6
"""62 s of backoff in all: longer than a cold start of `api` takes."""
TIMEOUT_SECONDS = 60
UNDER_WAY = 202
UNDER_WAY_SECONDS = 10.0
MAX_PINGS = 54
"""Of one pod: nine minutes of a return under way."""


def main(arguments: list[str], *, sleep: Callable[[float], None] = time.sleep) -> int:
    url, token_file = arguments
    try:
        token = Path(token_file).read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        print("the schedule is gone, and its token with it", file=sys.stderr)
        return EXIT_REFUSED
    failures, is_under_way = 0, False
    for _ in range(MAX_PINGS):
        status, text = _send(url, token)
        if status == UNDER_WAY:
            failures, is_under_way = 0, True
            sleep(UNDER_WAY_SECONDS)
            continue
        if status and status < 500 and status != 429:
            return _exit_code(status, text, was_under_way=is_under_way)
        failures += 1
        print(f"attempt {failures}: {text}", file=sys.stderr)
        if failures == ATTEMPTS:
            return 1
        sleep(2.0**failures)
    print("workloads of this return are left; the Job asks again", file=sys.stderr)
    return 1


def _exit_code(status: int, text: str, *, was_under_way: bool) -> int:
    if status == 401 and was_under_way:
        print("done: the return, and its token with it, is gone")
        return 0
    print(text)
    # A wrong token stays wrong; a schedule that is paused or not due yet may be ready at the next attempt.
    return EXIT_REFUSED if status == 401 else int(status >= 300)


def _send(url: str, token: str) -> tuple[int, str]:
    """The status and the message; status 0: no response."""
    request = urllib.request.Request(url, data=b"{}", method="POST")  # noqa: S310 -- the CronJob says http or https
    request.add_header("Authorization", f"Bearer {token}")
    request.add_header("Content-Type", "application/json")
    context = ssl.create_default_context() if url.startswith("https") else None
    try:
        with open_without_redirects(request, timeout_seconds=TIMEOUT_SECONDS, context=context) as response:
            return response.status, response.read(10_000).decode(errors="replace")
    except urllib.error.HTTPError as refusal:
        if is_redirect(refusal):
            refusal.close()
            return 0, f"redirected to {target_of(refusal)}, where the token is not sent: see KUBEDOOR_SCHEDULE_API_URL"
        with refusal:
            return refusal.code, _message(refusal.read(10_000))
    except OSError as error:
        return 0, f"no response: {error}"


def _message(body: bytes) -> str:
    try:
        return str(json.loads(body)["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return body.decode(errors="replace")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
