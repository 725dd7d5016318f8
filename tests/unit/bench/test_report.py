"""What was measured is written into the pages between their markers, whole or not at all."""

from __future__ import annotations

from typing import Any

import pytest

from tests.bench import budgets, report
from tests.bench.judging import judge
from tests.support import markdown

MACHINE = {
    "processor": "Some CPU",
    "cores": 2,
    "memory_gib": 16,
    "system": "Linux 6",
    "python": "3.11.7",
    "load_before": 0.1,
}


def measured(**figures: list[float]) -> dict[str, Any]:
    """Of a whole run: every line has the figures 1, 2 and 3, or these."""
    of_all = {line.key: [1.0, 2.0, 3.0] for line in budgets.LINES} | figures
    lines = [one.as_json() for one in judge(budgets.LINES, of_all)]
    return {"command": "make bench", "at": "2026-01-02T03:04:05+00:00", "runs": 3, "machine": MACHINE, "lines": lines}


def test_the_table_has_every_line_with_command_machine_and_verdict() -> None:
    table = report.figures_table(measured(dry_run_share=[0.5]))
    assert markdown.tables(table) == [(4, len(budgets.LINES))]
    assert "`make bench` on 2026-01-02: Some CPU, 2 cores, 16 GiB" in table
    assert "share of the no-op's rate | 0.50 | ≥ 0.70 | **missed** |" in table


def test_a_run_with_a_hole_is_not_written() -> None:
    with pytest.raises(report.Incomplete, match="memory_100000"):
        report.medians(measured(memory_100000=[]))


def test_the_walls_are_straight_lines_through_the_figures() -> None:
    found = report.medians(
        measured(
            memory_10000=[100.0],
            memory_100000=[190.0],
            api_memory=[224.0],
            api_list_memory=[80.0],
            refresh_check=[10.0],
        )
    )
    walls = report.walls(found)
    assert "190 MB of 512Mi; full at about 420,000 workloads" in walls
    assert "the list takes 800 MB, on top of 224 MB; 1024Mi are full at about 100,000 workloads" in walls
    assert "1.00 s of one core" in walls
    assert "the memory of `api`, at about 100,000 workloads" in walls
    assert "at about 200 doors" in walls


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_readme_has_one_line_of_the_door(language: str) -> None:
    found = report.medians(measured(recorded_rate=[2600.0], api_create_door=[0.75]))
    line = report.door_line(found, language)
    assert "\n" not in line
    assert "2,600" in line
    assert "0.75 ms" in line
    assert "docs/performance.md" in markdown.links(line)


def test_only_what_is_between_the_markers_changes() -> None:
    text = (
        "before\n<!-- one: begin -->\nold\n<!-- one: end -->\nbetween\n<!-- two: begin -->\n<!-- two: end -->\nafter\n"
    )
    new = report.renewed(text, {"one": r"new \1", "two": "x"})
    assert new == (
        "before\n<!-- one: begin -->\nnew \\1\n<!-- one: end -->\nbetween\n<!-- two: begin -->\nx\n<!-- two: end -->\nafter\n"
    )
    with pytest.raises(KeyError, match="three"):
        report.renewed(text, {"three": ""})


def test_the_pages_have_the_markers_and_the_reasons_of_now() -> None:
    page = report.PAGE.read_text(encoding="utf-8")
    assert report.renewed(page, {"budgets": report.reasons_table()}) == page, "run `python -m tests.bench.report`"
    report.renewed(page, {"figures": "", "walls": ""})
    for readme in report.READMES.values():
        report.renewed(readme.read_text(encoding="utf-8"), {"door": ""})
