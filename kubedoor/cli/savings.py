"""`kubedoor savings`: what KubeDoor has taken off what owners asked for."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from kubedoor import quantities
from kubedoor.cli.api_client import ClusterOption
from kubedoor.cli.output import RowsFormat, RowsFormatOption, print_json, print_table
from kubedoor.workloads.csv_stream import csv_lines

NAMESPACE_COLUMNS = (
    "namespace",
    "workloads",
    "cpu_millicores",
    "memory_bytes",
    "cpu_asked_millicores",
    "memory_asked_bytes",
)
DAY_COLUMNS = ("day", "namespace", "cpu_millicores", "memory_bytes")


def add_to(app: typer.Typer) -> None:
    app.command("savings", help="What KubeDoor has taken off what owners asked for.")(savings)


def savings(
    context: typer.Context,
    form: RowsFormatOption = RowsFormat.TABLE,
    days: Annotated[
        int | None, typer.Option(min=1, max=365, help="At the end of each of the last N days, today included.")
    ] = None,
    cluster: ClusterOption = "",
) -> None:
    api = context.obj.for_cluster(cluster)
    if days is not None:
        rows = api.call("GET", "/overview/savings", days=days)["days"]
        _print(form, rows, rows, DAY_COLUMNS)
        return
    overview = api.call("GET", "/overview")
    found = overview["savings"]
    namespaces = [one for one in found["namespaces"] if one["workloads"]]
    money = overview["money"]
    whole = found if money is None else {**found, "money": money}
    columns = NAMESPACE_COLUMNS if money is None else (*NAMESPACE_COLUMNS, "saved_per_month")
    if money is not None:
        saved = {one["namespace"]: one["saved"] for one in money["namespaces"]}
        namespaces = [{**one, "saved_per_month": saved[one["namespace"]]} for one in namespaces]
    total = {**found, "namespace": "all namespaces", "saved_per_month": money and money["saved"]}
    _print(form, namespaces, whole, columns, total=total, currency=money["currency"] if money else "")


def _print(
    form: RowsFormat,
    rows: list[dict[str, Any]],
    whole: Any,
    columns: tuple[str, ...],
    total: Any = None,
    currency: str = "",
) -> None:
    """JSON has all that the API says, `whole`; a table ends with the row `total`."""
    if form is RowsFormat.JSON:
        print_json(whole)
    elif form is RowsFormat.CSV:
        sys.stdout.writelines(csv_lines(columns, [rows]))
    else:
        shown = [*rows, *([total] if total else [])]
        names = [column.replace("_millicores", "").replace("_bytes", "").replace("_", " ") for column in columns]
        cells = [[_written(column, row[column], currency) for column in columns] for row in shown]
        print_table(names, cells, title="taken off what owners asked for, over all pods")


def _written(column: str, value: Any, currency: str) -> str:
    if column == "saved_per_month":
        return f"{value:,.2f} {currency}"
    if column.endswith("_millicores"):
        return quantities.format_cpu(value)
    if column.endswith("_bytes"):
        # Rounded up to Mi, as in `report`.
        return quantities.format_memory(-(-value // 2**20) * 2**20)
    return str(value)
