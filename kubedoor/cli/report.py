"""`kubedoor report`: requests against usage, one row for each workload."""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import Annotated, Any

import typer

from kubedoor import quantities
from kubedoor.cli.api_client import ApiClient, ClusterOption
from kubedoor.cli.output import RowsFormat, RowsFormatOption, print_json, print_table, remarks
from kubedoor.model.conditions import ConditionType
from kubedoor.workloads.csv_stream import csv_lines

PAGE_ROWS = 500
REPORT_COLUMNS = (
    "namespace",
    "deployment",
    "mode",
    "pods",
    "replicas",
    "cpu_requested_millicores",
    "cpu_used_millicores",
    "cpu_control_millicores",
    "memory_requested_bytes",
    "memory_used_bytes",
    "memory_control_bytes",
    "running_replicas",
    "is_sized",
    "cpu_asked_millicores",
    "cpu_running_millicores",
    "memory_asked_bytes",
    "memory_running_bytes",
    "is_over_asked",
    "is_under_asked",
    "has_manual",
    "peak_day",
    "conditions",
    "withheld_count",
    "is_waiting",
)


class RequestFit(StrEnum):
    """How requests compare with usage: more, less, or no request at all."""

    OVER = "over"
    UNDER = "under"
    NONE = "none"


def add_to(app: typer.Typer) -> None:
    app.command("report", help="Requested against used, workload by workload.")(report)


def report(
    context: typer.Context,
    form: RowsFormatOption = RowsFormat.TABLE,
    namespace: Annotated[str, typer.Option(help="Only this namespace.")] = "",
    search: Annotated[str, typer.Option(help="Only names with this in them.")] = "",
    asked: Annotated[
        RequestFit | None, typer.Option(help="over: asks for too much; under: too little; none: nothing.")
    ] = None,
    condition: Annotated[ConditionType | None, typer.Option(help="Only workloads with this condition.")] = None,
    waiting: Annotated[
        bool, typer.Option("--waiting", help="Only workloads with a withheld value that a person may accept.")
    ] = False,
    sized: Annotated[
        bool, typer.Option("--sized", help="Only workloads of which the door has replaced requests or limits.")
    ] = False,
    not_collected: Annotated[
        bool, typer.Option("--not-collected", help="Only workloads that were added and not collected yet.")
    ] = False,
    sort: Annotated[str, typer.Option(help="name, cpu_waste, memory_waste, cpu_requested, …")] = "cpu_waste",
    cluster: ClusterOption = "",
) -> None:
    query = {"namespace": namespace, "search": search, "asked": asked or "", "sort": sort, "condition": condition or ""}
    query |= {"order": "asc" if sort == "name" else "desc", "waiting": "true" if waiting else ""}
    query |= {"sized": "true" if sized else "", "collected": "false" if not_collected else ""}
    rows = workloads_matching(context.obj.for_cluster(cluster), query)
    if form is RowsFormat.JSON:
        print_json(rows)
    elif form is RowsFormat.CSV:
        shown = [{**row, "conditions": "; ".join(_types(row))} for row in rows]
        sys.stdout.writelines(csv_lines(REPORT_COLUMNS, [shown]))
    else:
        _print_report(rows)


def workloads_matching(api: ApiClient, query: dict[str, str]) -> list[dict[str, Any]]:
    """All workloads that the list finds, read page by page."""
    rows: list[dict[str, Any]] = []
    page = 1
    while True:
        answer = api.call("GET", "/workloads", page=page, page_size=PAGE_ROWS, **query)
        if answer["is_sample"] and page == 1:
            remarks().print("sample data: there is no Prometheus")
        rows += answer["items"]
        if len(rows) >= answer["total"] or not answer["items"]:
            return rows
        page += 1


def _print_report(rows: list[dict[str, Any]]) -> None:
    cpu, memory = quantities.format_cpu, _rounded
    print_table(
        (
            "workload",
            "pods",
            "replicas",
            "cpu requested",
            "used",
            "control",
            "memory requested",
            "used",
            "control",
            "conditions",
            "remark",
        ),
        [
            (
                f"{row['namespace']}/{row['deployment']}",
                row["pods"],
                _replicas(row),
                cpu(row["cpu_requested_millicores"]),
                cpu(row["cpu_used_millicores"]),
                cpu(row["cpu_control_millicores"]),
                memory(row["memory_requested_bytes"]),
                memory(row["memory_used_bytes"]),
                memory(row["memory_control_bytes"]),
                ", ".join(_types(row)),
                _remark(row),
            )
            for row in rows
        ],
        title=f"{len(rows)} workloads; requested on the newest day, used at peak, over all pods; * set by hand; (3) withheld",
    )


def _replicas(row: dict[str, Any]) -> str:
    if row["withheld_replicas"]:
        return f"({row['collected_replicas']})"
    return f"{row['replicas']}{'*' if row['manual_replicas'] is not None else ''}"


def _types(row: dict[str, Any]) -> list[str]:
    """Each type once, also where a workload has it of several containers."""
    words = (f"{one['type']}{' (accepted)' if one['is_accepted'] else ''}" for one in row["conditions"])
    return list(dict.fromkeys(words))


def _rounded(count_bytes: int) -> str:
    return quantities.format_memory(-(-count_bytes // 2**20) * 2**20)


def _remark(row: dict[str, Any]) -> str:
    remarks_of = {"is_over_asked": "asks for too much", "is_under_asked": "asks for too little", "hpa": "HPA"}
    words = [text for name, text in remarks_of.items() if row[name]]
    return ", ".join(words + ([str(row["mode"])] if row["mode"] != "enforce" else []))
