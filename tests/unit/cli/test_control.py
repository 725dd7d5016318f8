"""What `kubedoor control` says of the switch."""

from __future__ import annotations

from typing import Any

import pytest

from kubedoor.cli.admission import state_lines

OFF = {"enabled": False, "reason": "", "is_current": True, "webhook": "off", "policies": "off"}
AGAIN = "what is in the cluster is not as the settings and this version would make it: kubedoor control on"


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ({}, ["enforcement is off (webhook off, native policies off)"]),
        ({"policies": ""}, ["enforcement is off (webhook off)"]),
        (
            {"enabled": True, "webhook": "on", "reason": "the webhook enforces, but …", "is_current": False},
            ["enforcement is on (webhook on, native policies off)", "the webhook enforces, but …", AGAIN],
        ),
        (
            {"enabled": None, "webhook": "", "policies": "", "reason": "no cluster is configured"},
            ["whether enforcement is on is not known", "no cluster is configured"],
        ),
        (
            {"policies": "partial", "is_current": False, "reason": "missing in the cluster: one"},
            ["enforcement is off (webhook off, native policies partial)", "missing in the cluster: one", AGAIN],
        ),
    ],
)
def test_it_says_what_enforces_and_what_is_half(state: dict[str, Any], said: list[str]) -> None:
    assert list(state_lines({**OFF, **state})) == said
