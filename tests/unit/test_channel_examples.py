"""The web UI shows how addresses of channels are written: each of them must be one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from kubedoor.notifying import service_of

SOURCE = Path(__file__).parents[2] / "web/src/views/notifications/modules/services.ts"
EXAMPLES = dict(re.findall(r'^  (\w+): "(\w+://.+)",$', SOURCE.read_text(encoding="utf-8"), flags=re.MULTILINE))


def test_the_services_that_are_used_most_have_an_example() -> None:
    assert {"wecom", "dingtalk", "feishu", "slack", "teams", "email", "webhook"} <= set(EXAMPLES)


@pytest.mark.parametrize("url", EXAMPLES.values(), ids=EXAMPLES.keys())
def test_an_example_of_an_address_is_understood(url: str) -> None:
    assert service_of(url)
