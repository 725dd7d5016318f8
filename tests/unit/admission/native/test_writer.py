"""What failures a writer of parameters goes on after."""

from __future__ import annotations

from functools import partial

import pytest

from kubedoor.admission.native.writer import tried
from kubedoor.errors import ClusterError, Conflict, Forbidden, KubeDoorError


def failing(error: KubeDoorError) -> bool:
    raise error


def test_a_refusal_in_one_namespace_does_not_keep_the_others_from_theirs() -> None:
    failures: list[KubeDoorError] = []
    refusals = [Forbidden("quota"), Conflict("field"), ClusterError("invalid", status=422)]
    for one in refusals:
        assert tried(partial(failing, one), failures) is False
    assert failures == refusals
    assert tried(lambda: True, failures) is True


def test_without_an_answer_no_further_namespace_is_waited_for() -> None:
    with pytest.raises(ClusterError):
        tried(partial(failing, ClusterError("no answer")), [])
