"""What the import of a function leaves behind, each in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


def after_import(function: str, expression: str) -> str:
    """The value of `expression` in a process that has imported the function and `gc` and `sys`."""
    code = f"import gc, sys\nimport functions.{function}.main\nprint({expression})"
    return subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True, timeout=60
    ).stdout.strip()


@pytest.mark.parametrize("function", ["mutate", "collect"])
def test_garbage_is_collected_again_after_the_import(function: str) -> None:
    assert after_import(function, "gc.isenabled() and gc.get_freeze_count() > 1000") == "True"


def test_the_door_starts_without_what_it_never_needs() -> None:
    never = {
        "numpy",
        "clickhouse_connect",
        "kubernetes",
        "fastapi",
        "kubedoor.model.usage",
        "kubedoor.store.migrations",
        "kubedoor.sizing",
    }
    assert after_import("mutate", f"sorted({never!r} & set(sys.modules))") == "[]"
