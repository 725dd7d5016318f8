"""`kubedoor export`, `import` and `import-kubedoor`: values as files, and the tables of an original KubeDoor."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from kubedoor.cli.api_client import ApiClient, ClusterOption, account
from kubedoor.cli.output import print_table, remarks, write_out
from kubedoor.config.clusters import ClusterSettings
from kubedoor.config.settings import Settings
from kubedoor.errors import BadRequest, ClusterError, InvalidInput, KubeDoorError
from kubedoor.kube.names import is_label, is_subdomain
from kubedoor.workloads.git_files import Name, kustomizations, workload_path


class ExportFormat(StrEnum):
    CSV = "csv"
    JSON = "json"
    KUSTOMIZE = "kustomize"
    HELM = "helm"


class ExportNotUnderstood(KubeDoorError):
    status = 502
    code = "export_not_understood"


_KUSTOMIZE_USAGE = (
    "list it in a kustomization.yaml under components: {folder},"
    " or {folder}/NAMESPACE where that file sets the namespace"
)
_HELM_USAGE = "one file for each release: helm upgrade RELEASE CHART --reuse-values -f NAMESPACE/DEPLOYMENT.yaml"
_NOT_AN_EXPORT = "the answer is not an export of KubeDoor, or not all of it: nothing is written"


class SheetRefused(KubeDoorError):
    status = 422
    code = "sheet_refused"


def add_to(app: typer.Typer) -> None:
    app.command("export", help="Control values as CSV, JSON, Kustomize patches or Helm values.")(export)
    app.command("import", help="Manual values from a CSV: shows what would change; with --apply changes it.")(
        import_sheet
    )
    app.command("import-kubedoor", help="Take over the tables of an original KubeDoor.")(import_kubedoor)


def export(
    context: typer.Context,
    form: Annotated[ExportFormat, typer.Option("--format", help="csv, json, kustomize or helm.")] = ExportFormat.CSV,
    namespace: Annotated[str, typer.Option(help="Only this namespace.")] = "",
    deployment: Annotated[str, typer.Option(help="Only Deployments of this name.")] = "",
    output: Annotated[
        Path | None, typer.Option(help="A file; for kustomize and helm a folder, one file for each workload.")
    ] = None,
    cluster: ClusterOption = "",
) -> None:
    api: ApiClient = context.obj.for_cluster(cluster)
    query = {"format": form, "namespace": namespace, "deployment": deployment}
    if output is None:
        api.download("/values/export", write_out, **query)
        return
    content = bytearray()
    api.download("/values/export", content.extend, **query)
    try:
        said = _write(output, bytes(content).decode(), form)
    except UnicodeDecodeError as error:
        raise ExportNotUnderstood(_NOT_AN_EXPORT) from error
    except OSError as error:
        raise BadRequest(f"{output} cannot be written: {error}") from error
    for line in said:
        remarks().print(line, markup=False, soft_wrap=True)


def _write(output: Path, content: str, form: ExportFormat) -> list[str]:
    """Give what to say about it: for kustomize and helm also which workloads are left out, and why."""
    if form in (ExportFormat.CSV, ExportFormat.JSON):
        if not _is_export(content, form):
            raise ExportNotUnderstood(_NOT_AN_EXPORT)
        output.write_text(content, encoding="utf-8")
        return [f"written to {output}"]
    left_out, *documents = re.split("^---\n", content, flags=re.MULTILINE)
    if any(not line.startswith("# ") for line in left_out.splitlines()):
        raise ExportNotUnderstood(_NOT_AN_EXPORT)
    texts = dict(map(_workload_file, documents))
    files = {Path(workload_path(name)): text for name, text in texts.items()}
    usage = [_HELM_USAGE] if files else []
    if form is ExportFormat.KUSTOMIZE and files:
        files |= {Path(path): text for path, text in kustomizations(texts).items()}
        usage = [_KUSTOMIZE_USAGE.format(folder=output)]
    _write_below(output, files)
    count = "1 file" if len(documents) == 1 else f"{len(documents)} files"
    return [*(line.removeprefix("# ") for line in left_out.splitlines()), f"{count} below {output}", *usage]


def _is_export(content: str, form: ExportFormat) -> bool:
    """Checked before a file that is there already is replaced."""
    if form is ExportFormat.CSV:
        return content.startswith("namespace,")
    try:
        return isinstance(json.loads(content), list)
    except ValueError:
        return False


def _workload_file(document: str) -> tuple[Name, str]:
    """The workload, and the text of its file. Raises ExportNotUnderstood for names that Kubernetes would not take."""
    head, _, text = document.partition("\n")
    namespace, _, deployment = head.removeprefix("# ").partition("/")
    if not (head.startswith("# ") and is_label(namespace) and is_subdomain(deployment)):
        raise ExportNotUnderstood(f"{head[:100]!r} is no workload of Kubernetes: nothing is written")
    return (namespace, deployment), text


def _write_below(output: Path, files: Mapping[Path, str]) -> None:
    """Nothing is written unless every file is below `output`."""
    for name in files:
        if not (output / name).resolve().is_relative_to(output.resolve()):
            raise ExportNotUnderstood(f"{output / name} leads out of {output} by a symbolic link: nothing is written")
    for name, text in files.items():
        (output / name).parent.mkdir(parents=True, exist_ok=True)
        (output / name).write_text(text, encoding="utf-8")


def import_sheet(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="CSV with the columns of `export`; - is standard input.")],
    apply: Annotated[bool, typer.Option("--apply", help="Change it.")] = False,
    add: Annotated[
        bool, typer.Option("--add", help="Lines without a version add workloads that are not in the control table.")
    ] = False,
    cluster: ClusterOption = "",
) -> None:
    api: ApiClient = context.obj.for_cluster(cluster)
    try:
        data = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    except OSError as error:
        raise BadRequest(f"{file} cannot be read: {error}") from error
    answer = api.upload("/values/import" if apply else "/values/import/preview", data, "text/csv", add=str(add).lower())
    _print_import(answer)
    if answer["problems"]:
        raise SheetRefused(f"{len(answer['problems'])} problems; {answer['applied']} workloads were changed")
    workloads = {(change["namespace"], change["deployment"]) for change in answer["changes"]}
    added = f", {answer['added']} of them new" if answer["added"] else ""
    print(
        f"{answer['applied']} workloads changed" if apply else f"{len(workloads)} workloads would change",
        end=added + "\n",
    )


def _print_import(answer: dict[str, Any]) -> None:
    if answer["changes"]:
        rows = [
            (
                change["line"],
                f"{change['namespace']}/{change['deployment']}",
                change["container"],
                change["field"],
                change["before"],
                change["after"],
            )
            for change in answer["changes"]
        ]
        print_table(("line", "workload", "container", "field", "before", "after"), rows)
    for warning in answer["warnings"]:
        line, workload = warning["line"], f"{warning['namespace']}/{warning['deployment']}"
        print(f"warning: line {line}, {workload}: {warning['message']}", file=sys.stderr)
    for problem in answer["problems"]:
        print(f"line {problem['line']}, {problem['field']}: {problem['message']}", file=sys.stderr)


def import_kubedoor(
    context: typer.Context,
    dsn: Annotated[str, typer.Argument(help="Its ClickHouse, e.g. http://user:password@host:8123/kubedoor.")],
    env: Annotated[str, typer.Option(help="Its name for this cluster; else the cluster's name here.")] = "",
    ai_pods: Annotated[bool, typer.Option("--ai-pods", help="Set the pod counts of its AI by hand, too.")] = False,
    cluster: ClusterOption = "",
) -> None:
    """Writes to the store directly, not through the API, so it has to run where the store can be reached."""
    from kubedoor.identity.audit import Editor
    from kubedoor.identity.authentication import COMMAND_LINE
    from kubedoor.store import opening
    from kubedoor.workloads.kubedoor_import import ImportReport

    clusters: ClusterSettings = context.obj.settings
    config = clusters.for_cluster(cluster or clusters.home.cluster)
    report = ImportReport()
    try:
        importer, read_containers = _build_import(config, dsn)
        name = env or config.cluster
        importer.check(name)
        containers = read_containers()
        for day in importer.days(name, containers, report):
            remarks().print(f"{day}: taken over")
        importer.pod_counts(name, containers, Editor(account(), COMMAND_LINE, ""), report, with_ai=ai_pods)
    finally:
        opening.close_all()
    print(f"{report.days} days with {report.rows} rows, {report.manual} pod counts set by hand")
    if report.days:
        print("these days are shown, and set no values: what it calls P95 is a 0.80 quantile")
    if report.ai:
        said = "set by hand" if ai_pods else "not set: --ai-pods sets them by hand"
        print(f"{report.ai} pod counts of its AI {said}")
    for reason, count in sorted(report.left_out.items()):
        print(f"left out: {count} {reason}")


def _build_import(config: Settings, dsn: str) -> tuple[Any, Any]:
    from kubedoor.config.store_address import parse_dsn
    from kubedoor.runtime.assembly import build_standings, utc_now
    from kubedoor.store.conditions import ConditionStore
    from kubedoor.store.connection import Connection
    from kubedoor.store.control import ControlStore
    from kubedoor.store.listing import ListingStore
    from kubedoor.store.opening import open_migrated_store
    from kubedoor.store.records import RecordStore
    from kubedoor.store.usage import UsageStore
    from kubedoor.store.usage_history import UsageHistory
    from kubedoor.workloads.additions import Additions, Scope
    from kubedoor.workloads.kubedoor_import import KubeDoorImport, OriginalKubeDoor
    from kubedoor.workloads.listing_cache import ListingCache
    from kubedoor.workloads.service import Workloads
    from kubedoor.workloads.value_warnings import ValueWarnings

    if parse_dsn(dsn) == parse_dsn(config.dsn):
        raise InvalidInput("the DSN is that of this KubeDoor's own store", field="dsn")
    connection = open_migrated_store(config)
    control, usage = ControlStore(connection, config.cluster), UsageStore(connection, config.cluster)
    records = RecordStore(connection, config.cluster)
    workloads = Workloads(
        cluster=config.cluster,
        control=control,
        conditions=ConditionStore(connection, config.cluster),
        listing=ListingCache(ListingStore(connection, config.cluster)),
        history=UsageHistory(connection, config.cluster),
        records=records,
        warnings=ValueWarnings(usage=usage, look_back_days=config.look_back_days, hpa_replicas=config.hpa_replicas),
        standings=build_standings(config, connection),
        now=utc_now,
    )
    additions = Additions(
        cluster=config.cluster,
        control=control,
        control_of=lambda name: ControlStore(connection, name),
        records=records,
        scope=Scope(config.namespaces, config.all_excluded_namespaces),
    )
    original = OriginalKubeDoor(
        Connection(dsn, timeout_seconds=config.store_timeout_seconds, ca_file=config.store_ca_file)
    )
    importer = KubeDoorImport(
        original,
        usage=usage,
        workloads=workloads,
        additions=additions,
        cluster=config.cluster,
        windows=config.windows.label,
        run=time.time_ns(),
    )
    return importer, lambda: _containers(config, control)


def _containers(config: Settings, control: Any) -> dict[tuple[str, str], tuple[str, ...]]:
    """Container names of each Deployment: of its manifest, and those that were collected, among them injected ones."""
    from kubedoor.runtime.sources import build_cluster

    containers: dict[tuple[str, str], list[str]] = {}
    for row in control.control_rows():
        # What was put into the control table by hand may have no container yet.
        if row["container"]:
            containers.setdefault((row["namespace"], row["deployment"]), []).append(row["container"])
    try:
        for manifest in build_cluster(config).deployments():
            key = (manifest["metadata"]["namespace"], manifest["metadata"]["name"])
            names = [one["name"] for one in manifest["spec"]["template"]["spec"]["containers"]]
            containers[key] = list(dict.fromkeys([*containers.get(key, ()), *names]))
    except ClusterError as error:
        remarks().print(f"the cluster is not asked for containers: {error.message}")
    return {key: tuple(names) for key, names in containers.items()}
