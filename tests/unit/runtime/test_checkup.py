"""What the checkup says of the control values that policies find in the cluster."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from kubedoor.admission.native.writer import WriteState
from kubedoor.runtime.checkup import written_check
from kubedoor.sentences import as_sentence

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
LATELY = NOW - timedelta(minutes=5)
REFUSED = as_sentence("pay: exceeded quota")


@pytest.mark.parametrize(
    ("state", "ok", "detail"),
    [
        (WriteState(), True, "not written as a whole since this process started"),
        (WriteState(LATELY), True, "written as a whole 5 minutes ago"),
        (WriteState(NOW - timedelta(seconds=59)), True, "written as a whole less than a minute ago"),
        (WriteState(LATELY, REFUSED, ("pay",)), False, "pay: exceeded quota (written as a whole 5 minutes ago)"),
        (WriteState(None, REFUSED), False, "pay: exceeded quota (not written as a whole since this process started)"),
    ],
)
def test_a_writer_that_keeps_failing_is_seen(state: WriteState, ok: bool, detail: str) -> None:
    check = written_check(state, NOW)
    assert (check.ok, check.detail) == (ok, detail)
    assert bool(check.remedy) is not ok
