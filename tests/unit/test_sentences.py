"""Sentences are data: each has a code and parameters, both languages have every code, and nobody writes one elsewhere."""

from __future__ import annotations

import ast
import copy
import json
import pickle
import re
import string
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from kubedoor import wording
from kubedoor.model.values import Source
from kubedoor.sentences import Sentence, joined, restored, sentence, with_said, without_said

ROOT = Path(__file__).resolve().parents[2]
CHINESE = ROOT / "web" / "src" / "locales" / "zh-CN" / "sentences"
SPEAKING = ("sentence", "warning")
ENGLISH_ONLY = {
    "kubedoor/cli": "the command line speaks English",
    "kubedoor/config": "settings that cannot be read are said in the log, before there is a page",
    "kubedoor/peak_windows.py": "so are these settings",
    "kubedoor/runtime/serving.py": "so is what keeps it from starting",
    "kubedoor/collection/ping.py": "the chart's jobs write logs",
    "kubedoor/workloads/kubedoor_import.py": "a command of the command line",
    "functions/collect/main.py": "no page asks collect",
    "kubedoor/admission/handler.py": "the door answers the API server, and writes logs",
    "kubedoor/admission/json_patch.py": "so it does",
    "kubedoor/admission/read_through.py": "so it does",
    "kubedoor/admission/snapshot": "so it does",
}
"""Where errors need no code, and why: nobody reads them on a page."""
LINES_OF_CHANGES = {
    **{f"door.{would}replicas_{source}": {"before", "after"} for would in ("", "would_") for source in tuple(Source)},
    **{
        f"door.{would}{part}_{source}": {"container", "changes"}
        for would in ("", "would_")
        for part in ("requests", "limits")
        for source in (Source.MANUAL, Source.COLLECTED)
    },
    **{f"door.{would}more_lines": {"lines"} for would in ("", "would_")},
}
"""Of the door's change_warnings, which puts its codes together."""


@cache
def sources() -> dict[Path, ast.Module]:
    found = [path for folder in ("kubedoor", "functions") for path in (ROOT / folder).rglob("*.py")]
    return {path: ast.parse(path.read_text(encoding="utf-8")) for path in found}


def calls() -> Iterator[tuple[str, ast.Call]]:
    """Every call of `sentence`, with where it is."""
    for path, tree in sources().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and name_of(node) in SPEAKING:
                yield f"{path.relative_to(ROOT)}:{node.lineno}", node


def code_of(call: ast.Call) -> str:
    first = call.args[0] if call.args else None
    return str(first.value) if isinstance(first, ast.Constant) else ""


def parameters_of(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name}


def chinese() -> dict[str, str]:
    found: dict[str, str] = {}
    for path in sorted(CHINESE.glob("*.json")):
        texts = json.loads(path.read_text(encoding="utf-8"))
        assert not found.keys() & texts.keys()
        assert {code.partition(".")[0] for code in texts} <= {path.stem}, path.name
        found |= texts
    return found


def test_each_code_has_both_languages_with_the_same_parameters() -> None:
    english, translated = wording.CATALOGUE, chinese()
    assert sorted(translated) == sorted(english)
    differing = {
        code: (parameters_of(text), set(re.findall(r"\{(\w+)\}", translated[code])))
        for code, text in english.items()
        if parameters_of(text) != set(re.findall(r"\{(\w+)\}", translated[code]))
    }
    assert differing == {}


def test_each_code_is_used_and_each_use_is_in_the_catalogue() -> None:
    used = {code_of(call) for _, call in calls()} - {""} | LINES_OF_CHANGES.keys()
    assert sorted(used) == sorted(wording.CATALOGUE)


def test_the_lines_about_changes_have_the_parameters_of_their_sentences() -> None:
    assert {code: parameters_of(wording.CATALOGUE[code]) for code in LINES_OF_CHANGES} == LINES_OF_CHANGES


def errors() -> set[str]:
    """Names of KubeDoorError and all that inherit from it."""
    classes = [node for tree in sources().values() for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    bases = {one.name: {base.id for base in one.bases if isinstance(base, ast.Name)} for one in classes}
    found = {"KubeDoorError"}
    while more := {name for name, of in bases.items() if of & found} - found:
        found |= more
    return found


def name_of(node: ast.AST) -> str:
    """Of what a call calls; empty for anything else."""
    return node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""


def message_of(call: ast.AST) -> ast.expr:
    """Its first argument."""
    assert isinstance(call, ast.Call)
    return call.args[0] if call.args else ast.Name("nothing")


def test_nobody_writes_an_error_outside_the_catalogue() -> None:
    kinds, written = errors(), []
    for path, tree in sources().items():
        place = str(path.relative_to(ROOT))
        if place.startswith(tuple(ENGLISH_ONLY)):
            continue
        for node in ast.walk(tree):
            if name_of(node) in kinds and isinstance(message_of(node), ast.Constant | ast.JoinedStr):
                written.append(f"{place} {ast.unparse(node)}")
    assert written == []


def test_fields_with_sentences_take_nothing_else() -> None:
    """mypy holds it; this holds the fields."""
    fields = {
        "operations/planned.py": {"reason", "mismatch", "kept"},
        "operations/rollout.py": {"message"},
        "model/checks.py": {"name", "detail", "remedy"},
        "admission/switch.py": {"reason"},
        "admission/door_probe.py": {"detail"},
        "workloads/csv_sheet.py": {"message"},
        "store/usage.py": {"message"},
    }
    for place, names in fields.items():
        tree = sources()[ROOT / "kubedoor" / place]
        typed = {
            node.target.id: ast.unparse(node.annotation)
            for node in ast.walk(tree)
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id in names
        }
        assert typed == dict.fromkeys(names, "Sentence"), place


def test_each_use_gives_the_parameters_of_its_sentence() -> None:
    wrong = []
    for where, call in calls():
        if not code_of(call):
            assert where.startswith("kubedoor/admission/decision.py"), where
            continue
        given = {keyword.arg for keyword in call.keywords}
        if None not in given and given != parameters_of(wording.CATALOGUE[code_of(call)]):
            wrong.append((where, code_of(call)))
    assert wrong == []


def test_a_sentence_is_its_text_and_keeps_its_code_when_it_is_copied_and_stored() -> None:
    said = sentence("operations.not_touched", reason=sentence("operations.pods_ending", pods=1))
    assert said == "not touched: 1 pod has yet to end"
    assert copy.deepcopy(said).code == pickle.loads(pickle.dumps(said)).code == "operations.not_touched"
    stored = json.loads(json.dumps(with_said({"message": said, "count": 1})))
    assert stored["message"] == said
    back = without_said(stored)
    assert back == {"message": said, "count": 1}
    assert back["message"].as_json() == said.as_json()


def test_lists_of_sentences_are_stored_with_their_codes() -> None:
    fields = {"warnings": [sentence("operations.no_pods"), Sentence("somebody else's")], "names": ["a"]}
    stored = json.loads(json.dumps(with_said(fields)))
    assert [one["code"] for one in stored["warnings_said"]] == ["operations.no_pods", ""]
    assert without_said(stored) == fields


def test_parts_are_joined_without_the_empty_ones() -> None:
    said = joined(sentence("operations.no_pods"), "", Sentence(), "refused by a quota")
    assert said == "there will be no pods at all; refused by a quota"
    assert said.as_json()["parameters"]["first"]["code"] == "operations.no_pods"
    assert joined("", "") == ""
    assert joined("alone").code == ""


@pytest.mark.parametrize(
    "said",
    [
        None,
        "",
        {},
        {"code": ""},
        {"code": "gone.meanwhile", "parameters": {}},
        {"code": "operations.gone", "parameters": {}},
    ],
)
def test_an_older_record_shows_its_text(said: object) -> None:
    assert restored("as it was said then", said) == "as it was said then"


def test_a_stored_sentence_is_shown_in_todays_words() -> None:
    said = {"code": "operations.gone", "parameters": {"workload": "shop/cart"}}
    assert restored("it went", said) == "gone: the cluster has no Deployment shop/cart"
