"""Every day's commands: collect, report, preview, control, clusters, checkup."""

from __future__ import annotations

import sys
import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from kubedoor import quantities
from kubedoor.cli.access import Access, ClusterOption
from kubedoor.cli.output import (
    Format,
    FormatOption,
    RowsFormat,
    RowsFormatOption,
    print_found,
    print_json,
    print_table,
    remarks,
)
from kubedoor.errors import BadRequest, KubeDoorError
from kubedoor.workloads.csv_stream import csv_lines

POLL_SECONDS = 0.5
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
    "is_over_asked",
    "is_under_asked",
    "has_manual",
    "peak_day",
)


class Wish(StrEnum):
    ON = "on"
    OFF = "off"
    STATUS = "status"


class Asked(StrEnum):
    OVER = "over"
    UNDER = "under"
    NONE = "none"


class CollectionFailed(KubeDoorError):
    code = "collection_failed"


def add_to(app: typer.Typer) -> None:
    app.command("collect", help="Read the missing days from Prometheus and make collected values of them.")(collect)
    app.command("report", help="Requested against used, workload by workload.")(report)
    app.command("preview", help="What the door would do to a Deployment or an AdmissionReview.")(preview)
    app.command("control", help="The switch: on, off or status.")(control)
    app.command("clusters", help="The clusters there are, and how each is.")(clusters)
    app.command("checkup", help="Every dependency, metric and permission: fine, or what to do. 1 if something is not.")(
        checkup
    )


def collect(
    context: typer.Context,
    days: Annotated[
        int | None, typer.Option(min=1, max=365, help="How many days back to look for missing ones.")
    ] = None,
    day: Annotated[str, typer.Option(help="Just this day, e.g. 2026-11-20.")] = "",
    refresh: Annotated[bool, typer.Option("--refresh", help="Collect days anew that are there already.")] = False,
    cluster: Annotated[str, typer.Option("--cluster", help="Only this cluster; else every one in turn.")] = "",
) -> None:
    api: Access = context.obj
    body: dict[str, Any] = {"refresh": refresh} | ({"days": days} if days else {}) | ({"day": day} if day else {})
    names = [cluster] if cluster else [one["name"] for one in api.call("GET", "/session")["clusters"]]
    failed = []
    for name in names:
        try:
            words = _collected(api.about(name), body)
            print(f"{name}: {words}" if len(names) > 1 else words)
        except KubeDoorError as error:
            # One cluster's Prometheus is no reason to leave the others out.
            failed.append(f"{name}: {error.message}" if len(names) > 1 else error.message)
    if failed:
        raise CollectionFailed("\n".join(failed))


def _collected(api: Access, body: dict[str, Any]) -> str:
    """Collect one cluster and wait for it; how it ended. Raises CollectionFailed."""
    path = f"/collect/runs/{api.call('POST', '/collect', body)['collection']}"
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=remarks()) as progress:
        task = progress.add_task("days", total=None)
        while (run := api.call("GET", path))["state"] == "running":
            progress.update(task, total=run["days_total"] or None, completed=run["days_done"])
            time.sleep(POLL_SECONDS)
        progress.update(task, total=run["days_total"], completed=run["days_done"])
    words = f"{run['state']}: {run['days_done']} of {run['days_total']} days, {run['rows']} rows; {run['message']}"
    if run["state"] != "finished" or run["days_failed"]:
        raise CollectionFailed(words)
    return words


def report(
    context: typer.Context,
    form: RowsFormatOption = RowsFormat.TABLE,
    namespace: Annotated[str, typer.Option(help="Only this namespace.")] = "",
    search: Annotated[str, typer.Option(help="Only names with this in them.")] = "",
    asked: Annotated[
        Asked | None, typer.Option(help="over: asks for too much; under: too little; none: nothing.")
    ] = None,
    sort: Annotated[str, typer.Option(help="name, cpu_waste, memory_waste, cpu_requested, …")] = "cpu_waste",
    cluster: ClusterOption = "",
) -> None:
    query = {"namespace": namespace, "search": search, "asked": asked or "", "sort": sort}
    query["order"] = "asc" if sort == "name" else "desc"
    rows = _workloads(context.obj.about(cluster), query)
    if form is RowsFormat.JSON:
        print_json(rows)
    elif form is RowsFormat.CSV:
        sys.stdout.writelines(csv_lines(REPORT_COLUMNS, [rows]))
    else:
        _print_report(rows)


def _workloads(api: Access, query: dict[str, str]) -> list[dict[str, Any]]:
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
        ("workload", "pods", "replicas", "cpu asked", "used", "control", "memory asked", "used", "control", "remark"),
        [
            (
                f"{row['namespace']}/{row['deployment']}",
                row["pods"],
                f"{row['replicas']}{'*' if row['manual_replicas'] is not None else ''}",
                cpu(row["cpu_requested_millicores"]),
                cpu(row["cpu_used_millicores"]),
                cpu(row["cpu_control_millicores"]),
                memory(row["memory_requested_bytes"]),
                memory(row["memory_used_bytes"]),
                memory(row["memory_control_bytes"]),
                _remark(row),
            )
            for row in rows
        ],
        title=f"{len(rows)} workloads; asked on the newest day, used at peak, over all pods; * set by hand",
    )


def _rounded(count_bytes: int) -> str:
    return quantities.format_memory(-(-count_bytes // 2**20) * 2**20)


def _remark(row: dict[str, Any]) -> str:
    remarks_of = {"is_over_asked": "asks for too much", "is_under_asked": "asks for too little", "hpa": "HPA"}
    words = [text for name, text in remarks_of.items() if row[name]]
    return ", ".join(words + ([str(row["mode"])] if row["mode"] != "enforce" else []))


def preview(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="YAML or JSON, also of several objects; - is standard input.")],
    form: FormatOption = Format.TABLE,
    cluster: ClusterOption = "",
) -> None:
    api: Access = context.obj.about(cluster)
    previews = [
        (document, api.call("POST", "/admission/preview", document))
        for document in _documents(file)
        if document.get("kind") in ("Deployment", "AdmissionReview")
    ]
    if not previews:
        raise BadRequest(f"{file} has neither a Deployment nor an AdmissionReview")
    if form is Format.JSON:
        print_json([shown for _, shown in previews])
        return
    for document, shown in previews:
        _print_preview(document, shown)


def _documents(file: Path) -> list[dict[str, Any]]:
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
        found = [document for document in yaml.safe_load_all(text) if isinstance(document, dict)]
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise BadRequest(f"{file} cannot be read: {error}") from error
    lists = [document.get("items") or [] for document in found if document.get("kind") == "List"]
    return found + [item for items in lists for item in items if isinstance(item, dict)]


def _print_preview(document: dict[str, Any], shown: dict[str, Any]) -> None:
    metadata = document.get("metadata") or shown["before"].get("metadata") or {}
    title = f"{metadata.get('namespace', 'default')}/{metadata.get('name', '')}: {shown['outcome']} {shown['reason']}"
    changes = [
        (change["container"], change["field"], change["before"], change["after"], change["source"])
        for change in shown["changes"]
    ]
    if changes:
        print_table(("container", "field", "before", "after", "from"), changes, title=title)
    else:
        print(title)
    for warning in shown["warnings"]:
        print(f"  {warning}")


def control(
    context: typer.Context,
    wish: Annotated[Wish, typer.Argument(help="on, off or status.")],
    cluster: ClusterOption = "",
) -> None:
    api: Access = context.obj.about(cluster)
    if wish is Wish.STATUS:
        state = api.call("GET", "/control")
    else:
        state = api.call("PUT", "/control", {"enabled": wish is Wish.ON})
    words = {True: "control is on", False: "control is off", None: f"not known: {state['reason']}"}[state["enabled"]]
    print(words + ("" if state["is_current"] else "; the webhook configuration is not as this version would make it"))


def checkup(
    context: typer.Context,
    form: FormatOption = Format.TABLE,
    cluster: ClusterOption = "",
) -> None:
    found = context.obj.about(cluster).call("GET", "/checkup")
    if form is Format.JSON:
        print_json(found)
    else:
        rows = [("ok" if one["ok"] else "NOT OK", one["name"], one["detail"], one["remedy"]) for one in found["checks"]]
        print_table(("", "what", "how it is", "what to do"), rows)
    if not found["ok"]:
        raise typer.Exit(1)


def clusters(
    context: typer.Context,
    form: FormatOption = Format.TABLE,
) -> None:
    columns = ("cluster", "workloads", "last collection", "control", "remark")
    print_found(context.obj.call("GET", "/clusters"), form, columns, _cluster)


def _cluster(one: dict[str, Any]) -> tuple[object, ...]:
    name = f"{one['name']}{' (home)' if one['is_home'] else ''}"
    control = {True: "on", False: "off", None: "not known"}[one["door"]["enabled"]]
    remark = one["reason"] or one["door"]["reason"] or ("sample data" if one["is_sample"] else "")
    return name, one["workloads"], _last(one["last_collection"]), control, remark


def _last(collection: dict[str, Any] | None) -> str:
    return f"{collection['state']} {collection['last_at'][:16]}Z" if collection else "never"
