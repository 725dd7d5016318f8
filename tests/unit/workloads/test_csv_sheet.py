"""Reading CSV sheets and reporting their problems; CSV without formula injection."""

from __future__ import annotations

from typing import Any

import pytest

from kubedoor.errors import BadRequest
from kubedoor.workloads.csv_sheet import MAX_LINES, read_sheet
from kubedoor.workloads.csv_stream import cell, csv_lines


def test_lines_of_one_workload_are_one_edit() -> None:
    text = "namespace,deployment,container,manual_replicas,manual_cpu_request\nshop,web,app,3,250m\nshop,web,proxy,3,\n"
    (edit,), problems = read_sheet(text)
    assert not problems
    assert edit.changes == {
        "replicas": 3,
        "containers": {"app": {"cpu_request": "250m"}, "proxy": {"cpu_request": None}},
    }
    assert (edit.version, edit.lines) == (None, {"app": 2, "proxy": 3})


def test_an_empty_cell_unsets_and_an_absent_column_stays() -> None:
    (edit,), _ = read_sheet("namespace,deployment,manual_replicas\r\nshop,web,\r\n")
    assert edit.changes == {"replicas": None}
    (edit,), _ = read_sheet("\ufeffnamespace,deployment,mode,version\nshop,web,observe,7\n\n")
    assert (edit.changes, edit.version) == ({"mode": "observe"}, 7)


SEMICOLONS = "namespace;deployment;container;manual_cpu_request;manual_replicas;note\nshop;web;app;1,5;3;1,5 for Jörg\n"


@pytest.mark.parametrize(
    "text",
    [
        SEMICOLONS,
        SEMICOLONS.replace("\n", "\r\n"),
        "\ufeff" + SEMICOLONS,
        "sep=;\n" + SEMICOLONS,
        '\ufeff"sep=;"\r\n' + SEMICOLONS,
        "sep=\t\n" + SEMICOLONS.replace(";", "\t"),
        SEMICOLONS.replace(";", "\t"),
        SEMICOLONS.replace("1,5;", "1.5;").replace("1,5 for Jörg", '"1,5 for Jörg"').replace(";", ","),
    ],
)
def test_cells_are_separated_by_what_the_header_shows(text: str) -> None:
    """Excel writes semicolons where numbers have a decimal comma: in German, French, Russian and many more."""
    (edit,), problems = read_sheet(text)
    assert problems == []
    assert edit.changes == {
        "replicas": 3,
        "note": "1,5 for Jörg",
        "containers": {"app": {"cpu_request": "1.5"}},
    }


def test_a_line_that_only_excel_reads_is_counted() -> None:
    _, (problem,) = read_sheet("sep=;\nnamespace;deployment\n;web\n")
    assert (problem.line, problem.field) == (3, "namespace")


PROBLEMS = {
    "no number": ("shop,web,app,x,", 2, "manual_replicas"),
    "a number without end": (f"shop,web,app,{'9' * 5000},", 2, "manual_replicas"),
    "a number below zero": ("shop,web,app,-1,", 2, "manual_replicas"),
    "no namespace": (",web,app,1,", 2, "namespace"),
    "too few cells": ("shop,web", 2, ""),
    "too many cells": ("shop,web,app,1,2,3", 2, ""),
    "the same container twice": ("shop,web,app,1,\nshop,web,app,1,", 3, "container"),
    "two numbers for one workload": ("shop,web,app,1,\nshop,web,proxy,2,", 3, "manual_replicas"),
    "a value without its container": ("shop,web,,1,250m", 2, "manual_cpu_request"),
}


@pytest.mark.parametrize(("lines", "line", "field"), PROBLEMS.values(), ids=PROBLEMS.keys())
def test_what_is_wrong_has_its_line_and_its_column(lines: str, line: int, field: str) -> None:
    _, problems = read_sheet(f"namespace,deployment,container,manual_replicas,manual_cpu_request\n{lines}\n")
    assert [(problem.line, problem.field) for problem in problems] == [(line, field)]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "namespace,replicas\nshop,1\n",
        "namespace,deployment,cpu\nshop,web,1\n",
        "namespace,deployment,mode,mode\nshop,web,off,off\n",
        'namespace,deployment\nshop,"web\n',
        "namespace,deployment\n" + "shop,web\n" * (MAX_LINES + 1),
    ],
    ids=["nothing", "no keys", "an unknown column", "a column twice", "an open quote", "too many lines"],
)
def test_what_is_no_sheet_is_refused_as_a_whole(text: str) -> None:
    with pytest.raises(BadRequest):
        read_sheet(text)


@pytest.mark.parametrize(
    ("given", "want"),
    [
        (None, ""),
        (-3, "-3"),
        ("=1+1", "'=1+1"),
        ("@import", "'@import"),
        ("-x", "'-x"),
        ("＝1+1", "'＝1+1"),
        ("＋1", "'＋1"),
        ("－1", "'－1"),
        ("＠SUM", "'＠SUM"),
        ("\n=1", "'\n=1"),
        ("\ttab", "'\ttab"),
        ("\rreturn", "'\rreturn"),
        (" =1", "' =1"),
        (" plain", " plain"),
        ({"a": [1]}, '{"a":[1]}'),
        ("中文", "中文"),
        (True, "True"),
    ],
)
def test_a_cell_is_no_formula(given: Any, want: str) -> None:
    assert cell(given) == want


def test_lines_are_quoted_as_they_must_be() -> None:
    lines = list(csv_lines(("a", "b"), [[{"a": 'x,"y"', "b": "1\n2"}], [{"b": None}]]))
    assert lines == ["a,b\r\n", '"x,""y""","1\n2"\r\n', ",\r\n"]
