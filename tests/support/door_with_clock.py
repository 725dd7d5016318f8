"""`kubedoor mutate` with a clock that tests set: `python -m tests.support.door_with_clock FILE`.

FILE has the seconds by which the door's clock is ahead; it is read again at each look at the clock.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from kubedoor.admission.handler import AdmissionHandler
from kubedoor.admission.snapshot.snapshot import Snapshot
from kubedoor.cli import main


def clock_of(file: Path) -> Callable[[], datetime]:
    return lambda: datetime.now(UTC) + timedelta(seconds=float(file.read_text()))


def hand_in(part: Any, now: Callable[[], datetime]) -> None:
    """From now on each `part` gets this clock instead of the one that it is built with."""
    build = part.__init__

    def built(self: Any, *arguments: Any, **named: Any) -> None:
        build(self, *arguments, **{**named, "now": now})

    part.__init__ = built


if __name__ == "__main__":
    clock = clock_of(Path(sys.argv[1]))
    for one in (AdmissionHandler, Snapshot):
        hand_in(one, clock)
    sys.argv[1:] = ["mutate"]
    main()
