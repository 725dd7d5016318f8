"""web/tests/condition-reasons.json names every type, reason and parameter that the code can say; the pages are held to it."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path

from kubedoor.model.conditions import ConditionType

ROOT = Path(__file__).parents[3]
LIST = ROOT / "web" / "tests" / "condition-reasons.json"
REASON = re.compile(r"[A-Z][A-Za-z]+")
Found = tuple[ConditionType, str, frozenset[str]]


def _reasons(node: ast.expr) -> list[str]:
    """The constants that the expression can be."""
    if isinstance(node, ast.IfExp):
        return [*_reasons(node.body), *_reasons(node.orelse)]
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and REASON.fullmatch(node.value):
        return [node.value]
    return []


def _pairs(nodes: Sequence[ast.expr]) -> Iterator[tuple[ConditionType, str]]:
    """`ConditionType.X, "Reason"` side by side."""
    for kind, reason in pairwise(nodes):
        if isinstance(kind, ast.Attribute) and isinstance(kind.value, ast.Name) and kind.value.id == "ConditionType":
            yield from ((ConditionType[kind.attr], name) for name in _reasons(reason))


def _parameters(calls: Iterable[ast.Call]) -> frozenset[str]:
    """By keyword, or as the keys of a dict."""
    calls = list(calls)
    keywords = {one.arg for call in calls for one in call.keywords if one.arg and one.arg != "withholds"}
    keys = [key for call in calls for one in call.args if isinstance(one, ast.Dict) for key in one.keys]
    return frozenset(
        keywords | {key.value for key in keys if isinstance(key, ast.Constant) and isinstance(key.value, str)}
    )


def _said(tree: ast.Module) -> Iterator[Found]:
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    for call in calls:
        yield from ((*pair, _parameters([call])) for pair in _pairs(call.args))
    # Types and reasons in tuples are said by a call that has them in variables.
    by_name = [call for call in calls if isinstance(call.func, ast.Attribute) and call.func.attr == "add"]
    parameters = _parameters(call for call in by_name if isinstance(call.args[0], ast.Name))
    for node in ast.walk(tree):
        if isinstance(node, ast.Tuple):
            yield from ((*pair, parameters) for pair in _pairs(node.elts))


def _of_code() -> list[dict[str, object]]:
    modules = sorted((ROOT / "kubedoor" / "sizing").glob("*.py"))
    found = {one for path in modules for one in _said(ast.parse(path.read_text(encoding="utf-8")))}
    return [
        {"type": kind.value, "reason": reason, "parameters": sorted(parameters)}
        for kind, reason, parameters in sorted(found, key=lambda one: (one[0], one[1], sorted(one[2])))
    ]


def test_the_list_of_the_pages_is_what_the_code_says() -> None:
    written = json.dumps(_of_code(), indent=1) + "\n"
    assert LIST.read_text(encoding="utf-8") == written, f"write this to {LIST.relative_to(ROOT)}:\n{written}"


def test_every_type_has_a_reason() -> None:
    assert {one["type"] for one in _of_code()} == {kind.value for kind in ConditionType}
