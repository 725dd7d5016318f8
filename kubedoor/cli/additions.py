"""`kubedoor add` and `kubedoor remove`: workloads that are not collected yet, in and out of the control table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated, Any

import typer

from kubedoor import quantities
from kubedoor.cli.api_client import ApiClient, ClusterOption
from kubedoor.cli.output import Format, FormatOption, print_json, print_table
from kubedoor.errors import SettingsError
from kubedoor.model.values import Mode
from kubedoor.workloads.edits import FIELDS

WORKLOAD = typer.Argument(help="NAMESPACE/DEPLOYMENT; the Deployment need not exist.", show_default=False)
LIKE = typer.Option(help="A template, as NAMESPACE/DEPLOYMENT or CLUSTER/NAMESPACE/DEPLOYMENT: its control values.")
RENAMED = typer.Option(
    "--container", help="NEW=OLD: a container, and the template's container that it is like; may be repeated."
)
VALUES = typer.Option(
    "--set", help=f"CONTAINER.FIELD=QUANTITY, may be repeated; the fields are {', '.join(FIELDS)}. Empty: no value."
)


def add_to(app: typer.Typer) -> None:
    app.command("add", help="Put a workload into the control table before it is collected, or before it exists.")(add)
    app.command("remove", help="Take a workload that is not collected out of the control table.")(remove)


def add(
    context: typer.Context,
    workload: Annotated[str, WORKLOAD],
    like: Annotated[str, LIKE] = "",
    renamed: Annotated[list[str] | None, RENAMED] = None,
    values: Annotated[list[str] | None, VALUES] = None,
    replicas: Annotated[int | None, typer.Option(help="Else as the template has it.")] = None,
    mode: Annotated[Mode, typer.Option(help="enforce, observe or off.")] = Mode.ENFORCE,
    note: Annotated[str, typer.Option(help="For the record.")] = "",
    form: FormatOption = Format.TABLE,
    cluster: ClusterOption = "",
) -> None:
    api: ApiClient = context.obj.for_cluster(cluster)
    containers = _containers(renamed or (), values or ())
    body: dict[str, Any] = {**_names(workload), "mode": mode, "note": note, "containers": containers}
    if replicas is not None:
        body["replicas"] = replicas
    if like:
        body["template"] = _template(like)
    added = api.call("POST", "/workloads", body)
    if form is Format.JSON:
        print_json(added)
        return
    title = f"{added['namespace']}/{added['deployment']} is in the control table of {added['cluster']}"
    print_table(("container", *FIELDS), list(_rows(added)), title=f"{title}, {_replicas(added)}, mode {added['mode']}")


def remove(context: typer.Context, workload: Annotated[str, WORKLOAD], cluster: ClusterOption = "") -> None:
    api: ApiClient = context.obj.for_cluster(cluster)
    names = _names(workload)
    where = cluster or api.call("GET", "/session")["cluster"]
    path = f"/workloads/{where}/{names['namespace']}/{names['deployment']}"
    api.call("DELETE", path, version=api.call("GET", path)["version"])
    print(f"{workload} is no longer in the control table of {where}")


def _names(word: str) -> dict[str, str]:
    namespace, _, deployment = word.partition("/")
    if not (namespace and deployment) or "/" in deployment:
        raise _wrong(f"{word}: name the workload as NAMESPACE/DEPLOYMENT")
    return {"namespace": namespace, "deployment": deployment}


def _template(word: str) -> dict[str, str]:
    parts = word.split("/")
    if len(parts) not in (2, 3) or not all(parts):
        raise _wrong(f"--like {word}: name the template as NAMESPACE/DEPLOYMENT or CLUSTER/NAMESPACE/DEPLOYMENT")
    return dict(zip(("deployment", "namespace", "cluster"), reversed(parts), strict=False))


def _containers(renamed: Sequence[str], values: Sequence[str]) -> dict[str, dict[str, str | None]]:
    containers: dict[str, dict[str, str | None]] = {}
    for word in renamed:
        name, _, source = word.partition("=")
        if not (name and source):
            raise _wrong(f"--container {word}: write it like checkout=web")
        containers.setdefault(name, {})["template_container"] = source
    for word in values:
        where, equals, quantity = word.partition("=")
        name, _, field = where.partition(".")
        if not (name and equals) or field not in FIELDS:
            raise _wrong(f"--set {word}: write it like app.cpu_request=250m; the fields are {', '.join(FIELDS)}")
        containers.setdefault(name, {})[field] = quantity or None
    return containers


def _rows(added: dict[str, Any]) -> Iterable[tuple[str | None, ...]]:
    for name, amounts in added["containers"].items():
        yield (name, *(_written(column, amounts[column]) for column, _ in FIELDS.values()))


def _written(column: str, amount: int | None) -> str | None:
    write = quantities.format_cpu if column.endswith("_millicores") else quantities.readable_memory
    return None if amount is None else write(amount)


def _replicas(added: dict[str, Any]) -> str:
    return "replicas as its owner says" if added["replicas"] is None else f"{added['replicas']} replicas"


def _wrong(problem: str) -> SettingsError:
    return SettingsError(problem, problems=[problem])
