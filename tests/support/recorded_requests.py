"""What the tests of a module ask `decide`: the same requests can then be put to another enforcer."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Iterator
from itertools import product
from types import ModuleType
from typing import Any

import pytest

from kubedoor.admission.decision import Decision
from kubedoor.admission.review import AdmissionRequest
from kubedoor.admission.rules import Rules, decide
from kubedoor.model.values import ControlValues

Asked = tuple[str, AdmissionRequest, ControlValues, Rules]


def requests_of(module: ModuleType, patch: pytest.MonkeyPatch) -> list[Asked]:
    """Each with the name of its test. Without those of property tests, which make too many."""
    found: list[Asked] = []
    name = ""

    def record(request: AdmissionRequest, values: ControlValues, rules: Rules) -> Decision:
        found.append((name, copy.deepcopy(request), values, rules))
        return decide(request, values, rules)

    patch.setattr(module, "decide", record)
    for name, test in inspect.getmembers(module, inspect.isfunction):
        if name.startswith("test_") and not hasattr(test, "hypothesis"):
            for arguments in _arguments(test):
                test(**arguments)
    return found


def _arguments(test: Callable[..., Any]) -> Iterator[dict[str, Any]]:
    """Of every call that pytest would make of a parametrized test."""
    marks = [mark for mark in getattr(test, "pytestmark", ()) if mark.name == "parametrize"]
    sets = [[{mark.args[0]: value} for value in mark.args[1]] for mark in marks]
    for chosen in product(*sets):
        yield {name: value for one in chosen for name, value in one.items()}
