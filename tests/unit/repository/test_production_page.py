"""docs/production.md says of every command which test runs it, or that none does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "production.md").read_text()
COMMANDS = [
    line
    for block in re.findall(r"```(?:bash|sql)\n(.*?)```", PAGE, re.DOTALL)
    for line in block.splitlines()
    if line.strip()
]


def known() -> set[str]:
    sources = [path.read_text() for path in (ROOT / "tests" / "contract").rglob("test_*.py")]
    return {name for source in sources for name in re.findall(r"^def (test_\w+)", source, re.MULTILINE)}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_carries_its_mark(command: str) -> None:
    assert re.search(r"(#|--) .*(not tested|test: test_\w+)$", command)


def test_every_test_that_is_named_is_there() -> None:
    assert set(re.findall(r"\btest_\w+", PAGE)) <= known()
