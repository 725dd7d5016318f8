"""Writes what `make bench` measured into docs/performance.md and the READMEs: `python -m tests.bench.report`.

Between markers only. The figures come from build/bench.json, which has to be of a whole run: a table with holes is not
written.
"""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.bench import budgets
from tests.bench.judging import number

ROOT = Path(__file__).parents[2]
MEASURED = ROOT / "build/bench.json"
PAGE = ROOT / "docs/performance.md"
READMES = {"en": ROOT / "README.md", "zh": ROOT / "README.zh-CN.md"}
MUTATE_MB, API_MB = 512, 1024
"""Limits of the pods in the chart."""
MAX_SAMPLES = 50_000_000
"""Prometheus' own limit of one query."""
Report = Mapping[str, Any]


class Incomplete(RuntimeError):
    """The file is not of a whole run."""


def medians(report: Report) -> dict[str, float]:
    """Key -> median of its runs. Raises Incomplete if a line of budgets.py was not measured."""
    found = {line["key"]: statistics.median(line["figures"]) for line in report["lines"] if line["figures"]}
    if missing := [line.key for line in budgets.LINES if line.key not in found]:
        raise Incomplete(f"not measured: {', '.join(missing)}; run `make bench`")
    return found


def figures_table(report: Report) -> str:
    """Where and how, and one row for each line."""
    machine = report["machine"]
    lines = [
        f"`{report['command']}` on {report['at'][:10]}: {machine['processor']}, {machine['cores']} cores,"
        f" {machine['memory_gib']} GiB, {machine['system']}, Python {machine['python']}, load {machine['load_before']} before."
        f" Median of {report['runs']} runs; in brackets the least and the greatest.",
        "",
        "| line | figure | budget | |",
        "|---|---|---|---|",
    ]
    for line in report["lines"]:
        verdict = {"ok": "holds", "missed": "**missed**"}.get(line["verdict"], "")
        lines.append(f"| {line['what']} | {line['spread']} | {line['budget']} | {verdict} |")
    return "\n".join(lines)


def reasons_table() -> str:
    """Each budget and why it is that one; of budgets.py alone."""
    rows = [f"| {line.what} | {line.budget} | {line.reason} |" for line in budgets.LINES if line.budget]
    return "\n".join(["| line | budget | why |", "|---|---|---|", *rows])


def walls(found: Mapping[str, float]) -> str:
    """What follows from the figures for 100,000 workloads in one cluster, and for 100 clusters. Straight lines only."""
    door_slope = (found["memory_100000"] - found["memory_10000"]) / 9
    door_wall = 100_000 + (MUTATE_MB - found["memory_100000"]) / door_slope * 10_000
    day = found["curl"] * found["collect_over_curl"]
    checks = 100 * found["refresh_check"] / 1000
    api_wall = (API_MB - found["api_memory"]) / found["api_list_memory"] * 10_000
    rows = (
        (
            "admissions",
            f"100,000 workloads that are released ten times a day are 12 reviews a second; one core answers"
            f" {number(found['recorded_rate'], '/s')}",
            f"one door for each cluster: {number(found['recorded_rate'], '/s')} each",
            "more replicas of `mutate`; they share nothing but the store",
        ),
        (
            "memory of `mutate`",
            f"{number(found['memory_100000'], 'MB')} of {MUTATE_MB}Mi; full at about {_rounded(door_wall)} workloads",
            "each door has only its own cluster",
            "a larger limit",
        ),
        (
            "memory of `api`",
            f"the list takes {number(found['api_list_memory'] * 10, 'MB')}, on top of {number(found['api_memory'], 'MB')};"
            f" {API_MB}Mi are full at about {_rounded(api_wall)} workloads",
            f"100 clusters of 1,000 workloads are the same {number(found['api_list_memory'] * 10, 'MB')}, if all are looked at",
            "a larger limit: the list is in memory so that a page needs no scan",
        ),
        (
            "a collection",
            f"one day takes {number(day * 100, 's')}; its questions alone, one after the other, {number(found['curl'] * 100, 's')}",
            f"100 clusters of 1,000 workloads, one after the other: {number(day * 100, 's')}",
            "Prometheus: a CPU for each of `KUBEDOOR_PROMETHEUS_CONCURRENCY` questions at once",
        ),
        (
            "samples of a question",
            f"{number(found['collect_samples'] * 100, 'samples')} in memory at once, where Prometheus allows {MAX_SAMPLES:,}:"
            f" split into {-(-int(found['collect_samples'] * 100) // MAX_SAMPLES)} or more questions by themselves",
            "each cluster's questions are as small as it is",
            "`--query.max-samples`; else nothing has to be done",
        ),
        (
            "rows of usage",
            f"73 million a year, {number(found['disk'] * 10, 'MB')} on disk",
            f"73 million a year for 100,000 workloads in all, {number(found['disk'] * 10, 'MB')}",
            "the disk of ClickHouse",
        ),
        (
            "questions of doors to the store",
            "about one a second, while requests come",
            f"100 doors that are all asked: 100 small questions a second, {number(checks, 's')} of one core of ClickHouse each second",
            "`KUBEDOOR_SNAPSHOT_MAX_AGE_SECONDS`; a ClickHouse of its own for some of the clusters",
        ),
    )
    head = ["| what grows | 100,000 workloads in one cluster | 100 clusters | what moves it |", "|---|---|---|---|"]
    return "\n".join([*head, *(f"| {' | '.join(row)} |" for row in rows), "", _first_wall(api_wall, door_wall, checks)])


def _first_wall(api_wall: float, door_wall: float, checks: float) -> str:
    part, wall = ("`api`", api_wall) if api_wall < door_wall else ("`mutate`", door_wall)
    return (
        f"The first wall in one cluster is the memory of {part}, at about {_rounded(wall)} workloads with the limits of the chart;"
        " a larger limit moves it. The first wall of many clusters is the store's CPU, which the doors' questions fill"
        f" at about {_rounded(100 / checks * 2)} doors that are all asked at once, on a ClickHouse of 2 cores."
    )


def _rounded(count: float) -> str:
    """With two digits that count."""
    size = 10 ** max(len(str(int(count))) - 2, 0)
    return f"{int(count // size * size):,}"


def door_line(found: Mapping[str, float], language: str) -> str:
    """One sentence for the README."""
    rate, adds = number(found["recorded_rate"], "/s"), number(found["api_create_door"], "ms")
    share, noop = found["recorded_share"], number(found["api_create_noop"], "ms")
    if language == "zh":
        return (
            f"门的开销：两核机器上每秒应答 {rate.removesuffix('/s')} 个请求并留下记录，速度是空函数的 {share:.0%}；"
            f"经 API server 创建一个 Deployment 多用 {adds}（空函数 {noop}）。[全部数字](docs/performance.md)。"
        )
    return (
        f"What the door costs: on 2 cores it answers and records {rate.removesuffix('/s')} reviews a second, at {share:.0%} of the"
        f" speed of a function that does nothing, and adds {adds} to a create through the API server (that function {noop})."
        " [All figures](docs/performance.md)."
    )


def renewed(text: str, parts: Mapping[str, str]) -> str:
    """The page with these parts between their markers. Raises KeyError for a part without markers."""
    for name, part in parts.items():
        begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
        before, found_begin, rest = text.partition(begin)
        _, found_end, after = rest.partition(end)
        if not (found_begin and found_end):
            raise KeyError(f"no markers for {name}")
        text = f"{before}{begin}\n{part}\n{end}{after}"
    return text


def main() -> int:
    if not MEASURED.exists():
        print(f"{MEASURED} is not there: run `make bench`", file=sys.stderr)
        return 1
    report: Report = json.loads(MEASURED.read_text())
    try:
        found = medians(report)
    except Incomplete as incomplete:
        print(incomplete, file=sys.stderr)
        return 1
    parts = {"figures": figures_table(report), "walls": walls(found), "budgets": reasons_table()}
    PAGE.write_text(renewed(PAGE.read_text(encoding="utf-8"), parts), encoding="utf-8")
    for language, readme in READMES.items():
        line = {"door": door_line(found, language)}
        readme.write_text(renewed(readme.read_text(encoding="utf-8"), line), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
