"""What a schedule's CronJob runs: `python -m kubedoor.schedules.ping URL TOKEN_FILE` tells the API that it is time.

Exit code 0: the run was started, or somebody was faster; 1: it was not, and the output says why; 2: nor will it be, so
that nobody need ask again. Asking again does no harm, since every run is run once.
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

from kubedoor.schedules.cronjob import REFUSED

ATTEMPTS = 6
"""With twice the pause before each further one, a minute in all: an `api` that has to start is up by then."""
TIMEOUT_SECONDS = 60


def main(arguments: list[str], *, sleep: Callable[[float], None] = time.sleep) -> int:
    url, token_file = arguments
    try:
        token = Path(token_file).read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        print("the schedule is gone, and its token with it", file=sys.stderr)
        return REFUSED
    for attempt in range(ATTEMPTS):
        status, words = _send(url, token)
        if status and status < 500 and status != 429:
            print(words)
            # Whoever does not know the token never will; what is paused, or too early, may be different next time.
            return REFUSED if status == 401 else int(status >= 300)
        print(f"attempt {attempt + 1}: {words}", file=sys.stderr)
        if attempt < ATTEMPTS - 1:
            sleep(2.0 * 2**attempt)
    return 1


def _send(url: str, token: str) -> tuple[int, str]:
    """The status and what was said; 0 when nobody answers."""
    request = urllib.request.Request(url, data=b"{}", method="POST")  # noqa: S310 -- the CronJob says http or https
    request.add_header("Authorization", f"Bearer {token}")
    request.add_header("Content-Type", "application/json")
    context = ssl.create_default_context() if url.startswith("https") else None
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS, context=context) as answer:  # noqa: S310
            return answer.status, answer.read(10_000).decode(errors="replace")
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, _message(refusal.read(10_000))
    except OSError as error:
        return 0, f"nobody answers: {error}"


def _message(body: bytes) -> str:
    try:
        return str(json.loads(body)["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return body.decode(errors="replace")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
